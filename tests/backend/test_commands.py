"""The programs end to end on small sets, and one clear line for each kind of bad input."""

import json

import numpy as np
import pytest

from nnet.backend.quality import log_durations
from nnet.bin import (
    calibrate_scores,
    compute_metrics,
    copy_plda,
    measure_quality,
    score,
    score_norm,
    search,
    train_backend,
    train_calibration,
)
from nnet.errors import InputError
from nnet.kaldi.tables import write_table
from nnet.kaldi.trials import read_scores, read_trials, write_trials

DIM, SPEAKERS, UTTERANCES = 12, 30, 5


@pytest.fixture
def embeddings(tmp_path, speakers, write_folder):
    """Folders train, test and enroll of embeddings, and data/utt2spk of the training set."""
    between, within = np.diag(np.linspace(16, 4, DIM)), np.eye(DIM)
    for number, name in enumerate(("train", "test")):
        vectors, labels = speakers(SPEAKERS, UTTERANCES, between, within, seed=number)
        ids = [f"{name}{s:02}-{i % UTTERANCES}" for i, s in enumerate(labels)]
        write_folder(tmp_path / name, dict(zip(ids, vectors + 1.0, strict=True)))
        (tmp_path / f"data_{name}").mkdir()
        utt2spk = {key: key.split("-")[0] for key in ids}
        write_table(tmp_path / f"data_{name}" / "utt2spk", utt2spk)
        means = {f"{name}{s:02}": vectors[labels == s][:2].mean(axis=0) + 1.0 for s in range(SPEAKERS)}
        write_folder(tmp_path / name, means, "spk_xvector")
        (tmp_path / name / "num_utts.ark").write_text("".join(f"{key} 2\n" for key in means))
    models, utterances = [f"test{s:02}" for s in range(SPEAKERS)], range(2, UTTERANCES)
    write_trials(
        tmp_path / "trials",
        [(m, f"{other}-{u}", m == other) for m in models for other in models for u in utterances],
    )
    return tmp_path


@pytest.fixture
def run(embeddings, monkeypatch):
    """A function that runs a program within the folder of the embeddings."""
    monkeypatch.chdir(embeddings)
    return lambda module, arguments: module.main(arguments.split())


@pytest.fixture
def trained(run):
    run(train_backend, "--lda-dim 8 train data_train backend")
    return run


def eer_of(path, capsys):
    compute_metrics.main(["trials", path])
    return float(capsys.readouterr().out.splitlines()[1].split()[3])


def test_whole_back_end(trained, capsys):
    trained(score, "--method plda --backend backend trials test test plda.scores")
    trained(score, "--backend backend trials test test cosine.scores")
    plda, cosine = (eer_of(f"{name}.scores", capsys) for name in ("plda", "cosine"))
    assert plda < 5 and plda <= cosine + 0.5 and cosine < 10


def test_enrollment_from_utterances_equals_the_stored_means(trained, embeddings):
    write_table(embeddings / "models", {f"test{s:02}": f"test{s:02}-0 test{s:02}-1" for s in range(SPEAKERS)})
    trained(score, "--method plda --backend backend trials test test stored")
    trained(score, "--method plda --backend backend --enroll-spk2utt models trials test test averaged")
    trials = read_trials("trials")
    np.testing.assert_allclose(read_scores("stored", trials), read_scores("averaged", trials), atol=1e-4)


def test_trials_of_single_utterances(trained, embeddings):
    (embeddings / "pairs").write_text("test00-0 test00-1\ntest00 test00-1\n")
    trained(score, "--backend backend pairs test test scores")
    assert len((embeddings / "scores").read_text().splitlines()) == 2


def test_normalisation_calibration_and_fusion(trained, embeddings, capsys):
    options = "--method plda --backend backend"
    trained(score, f"{options} trials test test plda")
    trained(score, "--backend backend trials test test cosine")
    trained(score_norm, f"{options} --top-n 20 train trials test test plda plda_as")
    cohort = json.loads((embeddings / "plda_as.cohort.json").read_text())
    assert (cohort["members"], cohort["utterances"], cohort["top_n"]) == (SPEAKERS, 2 * SPEAKERS, 20)
    trained(measure_quality, f"{options} --cohort train --top-n 50 test quality")
    trained(train_calibration, "--enroll-quality quality --test-quality quality trials plda cosine model.json")
    trained(calibrate_scores, "--enroll-quality quality --test-quality quality model.json plda cosine fused")
    assert "threshold 4.5951 for Cmiss 1, Cfa 1, P 0.01" in capsys.readouterr().out
    assert eer_of("fused", capsys) < 5 and eer_of("plda_as", capsys) < 6


def test_a_duration_of_0_has_no_logarithm():
    with pytest.raises(InputError, match='utt2dur: the duration of "b" must be above 0, not 0'):
        log_durations(["a", "b"], {"a": 1.0, "b": 0.0}, {}, 30)


def test_labels_of_a_domain_need_its_embeddings(run):
    with pytest.raises(InputError, match="--adapt-data needs --adapt"):
        run(train_backend, "--adapt-data data_test train data_train adapted")


@pytest.mark.parametrize("options", ["", "--adapt-method coral", "--adapt-method coral+", "--adapt-data data_test"])
def test_adaptation(run, capsys, options):
    run(train_backend, f"--lda-dim 8 --adapt test {options} train data_train adapted")
    run(score, "--method plda --backend adapted trials test test scores")
    assert eer_of("scores", capsys) < 5


def test_search(trained, embeddings):
    trained(search, "--method plda --backend backend --top-n 3 test test found")
    lines = [line.split() for line in (embeddings / "found").read_text().splitlines()]
    assert len(lines) == 3 * SPEAKERS * UTTERANCES
    assert np.mean([test.startswith(model) for model, test, _ in lines[::3]]) > 0.9
    trained(search, "--top-n 0 test test all")
    assert len((embeddings / "all").read_text().splitlines()) == SPEAKERS**2 * UTTERANCES


def test_text_files_score_the_same(run, embeddings):
    run(train_backend, "--lda-dim 8 train data_train binary")
    run(train_backend, "--lda-dim 8 --binary false train data_train text")
    run(copy_plda, "text/plda text/plda")
    for name in ("binary", "text"):
        run(score, f"--method plda --backend {name} trials test test {name}.scores")
    trials = read_trials("trials")
    np.testing.assert_allclose(read_scores("binary.scores", trials), read_scores("text.scores", trials), atol=1e-3)


def spoil(folder, name):
    """Makes one thing wrong, by name."""
    path = folder / "trials"
    lines = path.read_text().splitlines(keepends=True)
    if name == "unknown enroll":
        path.write_text("".join(lines[:5] + ["nobody test00-2 target\n"]))
    elif name == "unknown test":
        path.write_text("test00 nothing target\n")
    elif name == "plda cut short":
        (folder / "backend" / "plda").write_bytes((folder / "backend" / "plda").read_bytes()[:-50])
    elif name == "no plda":
        (folder / "backend" / "plda").write_bytes(b"\0BFV \4\1\0\0\0\0\0\0\0")
    elif name == "text for binary":
        (folder / "backend" / "transform.mat").write_text("hello\n")
    elif name == "no backend":
        (folder / "backend" / "mean.vec").unlink()
    elif name == "no counts":
        (folder / "test" / "num_utts.ark").write_text("test00 2\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unknown enroll", "trials:6: the enrolled id must be one of .* not 'nobody'"),
        ("unknown test", "trials:1: the test id must be one of .* not 'nothing'"),
        ("plda cut short", "backend/plda: truncated"),
        ("no plda", "backend/plda: not a Kaldi PLDA model"),
        ("text for binary", "backend/transform.mat"),
        ("no backend", "backend/mean.vec: no such file"),
        ("no counts", 'num_utts.ark: no number of utterances for "test01"'),
    ],
)
def test_bad_input_of_scoring(trained, embeddings, name, message):
    spoil(embeddings, name)
    with pytest.raises(InputError, match=message) as error:
        trained(score, "--method plda --backend backend trials test test scores")
    assert "\n" not in str(error.value)
    assert not list(embeddings.glob("scores*"))


def test_wrong_dimension_is_named(trained, embeddings, write_folder):
    write_folder(embeddings / "small", {"test00-2": np.ones(5)})
    (embeddings / "one").write_text("test00 test00-2\n")
    with pytest.raises(InputError, match="small/xvector.scp: has 5 dimensions but .* has 12"):
        trained(score, "--backend backend one test small scores")
    with pytest.raises(InputError, match="small/xvector.scp: embeddings have 5 dimensions but the back end"):
        trained(search, "--backend backend test small out")


@pytest.mark.parametrize("value", [np.nan, 1e31])
def test_an_embedding_that_is_no_number_is_named(run, embeddings, write_folder, value):
    write_folder(embeddings / "bad", {"u1": np.ones(3), "u2": np.ones(3)})
    path = embeddings / "bad" / "xvector.ark"
    path.write_bytes(path.read_bytes()[:-4] + np.float32(value).tobytes())
    with pytest.raises(InputError, match='1 embeddings contain NaN, infinite or excessive values, such as "u2"'):
        run(train_backend, "bad data_train out")


def test_uneven_embeddings_are_named(run, embeddings, write_folder):
    write_folder(embeddings / "bad", {"u1": np.ones(3), "u2": np.ones(4)})
    with pytest.raises(InputError, match='"u2" has shape .* expected a vector of 3 dimensions'):
        run(train_backend, "bad data_train out")


def test_no_speaker_is_known(run, embeddings, write_folder):
    write_folder(embeddings / "other", {"u1": np.ones(3), "u2": np.ones(3)})
    with pytest.raises(InputError, match='utt2spk: contains none of the utterances .* such as "u1"'):
        run(train_backend, "other data_train out")


def test_scores_of_other_options_are_refused(trained):
    trained(score, "--method plda --backend backend trials test test plda")
    with pytest.raises(InputError, match='plda: the score of "test00 test00-2" is'):
        trained(score_norm, "--backend backend train trials test test plda out")


def test_calibration_checks_what_it_is_given(trained):
    trained(score, "--backend backend trials test test a")
    trained(train_calibration, "trials a model.json")
    with pytest.raises(InputError, match="trained on 1 score files"):
        trained(calibrate_scores, "model.json a a out")
    with pytest.raises(InputError, match="must be given together"):
        trained(train_calibration, "--enroll-quality a trials a other.json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--method plda trials test test out", "needs --backend"),
        ("--method plda --transform false --backend backend trials test test out", "requires --method cosine"),
        ("trials nowhere test out", "nowhere/xvector.scp: no such file"),
        ("nowhere test test out", "nowhere"),
    ],
)
def test_wrong_arguments(trained, arguments, message):
    with pytest.raises((InputError, OSError), match=message):
        trained(score, arguments)


def _spoil(path):
    """Writes NaN over the last but one number of a file of float32 or, in `plda`, float64."""
    end = len(b"</Plda> ") if path.name == "plda" else 0
    width, nan = (8, np.float64("nan")) if path.name == "plda" else (4, np.float32("nan"))
    data = bytearray(path.read_bytes())
    data[len(data) - end - 2 * width : len(data) - end - width] = nan.tobytes()
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["mean.vec", "transform.mat", "plda"])
def test_a_back_end_with_nan_scores_nothing(trained, embeddings, name):
    """It gave scores of NaN, and the exit code 0."""
    _spoil(embeddings / "backend" / name)
    with pytest.raises(InputError, match=f"backend/{name}: contains NaN or infinity"):
        trained(score, "--method plda --backend backend trials test test scores")

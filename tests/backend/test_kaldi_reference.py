"""Every number that Kaldi's programs made of the same embeddings."""

import numpy as np
import pytest

from nnet import metrics
from nnet.backend.adaptation import AdaptationOptions, adapt
from nnet.backend.plda import train_plda
from nnet.backend.plda_file import read_plda, write_plda
from nnet.backend.scoring import cosine_scorer, plda_scorer
from nnet.backend.statistics import class_statistics
from nnet.backend.transforms import Chain, lda
from nnet.kaldi.ark import read_matrix, read_vector
from nnet.kaldi.trials import read_scores, read_trials


def trial_scores(kaldi, scorer, name):
    """(Kaldi's scores, ours) over the trial list."""
    trials = read_trials(kaldi.folder / "trials")
    expected = read_scores(kaldi.folder / name, trials)
    enroll = np.array([kaldi.enroll_ids.index(i) for i in trials.enroll_ids])[trials.enroll]
    test = np.array([kaldi.test_ids.index(i) for i in trials.test_ids])[trials.test]
    return expected, scorer.pairs(enroll, test)


@pytest.fixture(scope="module")
def kaldi_chain(kaldi):
    return Chain(read_vector(str(kaldi.folder / "mean.vec")), read_matrix(str(kaldi.folder / "lda16.mat")))


@pytest.fixture(scope="module")
def own(kaldi):
    """(chain, PLDA) trained here."""
    mean = class_statistics(kaldi.train, kaldi.labels).mean
    matrix = lda(class_statistics(kaldi.train - mean, kaldi.labels), 16)
    chain = Chain(mean, matrix)
    return chain, train_plda(class_statistics(kaldi.train, kaldi.labels, chain.apply))


def test_mean_and_lda(kaldi, own):
    expected = read_matrix(str(kaldi.folder / "lda16.mat"))[:, :-1]
    matrix = own[0].matrix
    sign = np.sign(np.sum(matrix * expected, axis=1, keepdims=True))  # an eigenvector has no sign of its own
    np.testing.assert_allclose(own[0].mean, read_vector(str(kaldi.folder / "mean.vec")), atol=1e-5)
    np.testing.assert_allclose(matrix * sign, expected, atol=1e-4)


def test_plda_training(kaldi, own, kaldi_chain):
    expected = read_plda(str(kaldi.folder / "plda"))
    np.testing.assert_allclose(own[1].psi, expected.psi, rtol=1e-5)
    trained = train_plda(class_statistics(kaldi.train, kaldi.labels, kaldi_chain.apply))
    np.testing.assert_allclose(trained.mean, expected.mean, atol=1e-5)
    np.testing.assert_allclose(trained.within, expected.within, atol=1e-5)
    np.testing.assert_allclose(trained.between, expected.between, atol=1e-4)


def test_smoothing(kaldi):
    plda = read_plda(str(kaldi.folder / "plda")).smoothed(0.1)
    expected = read_plda(str(kaldi.folder / "plda_smooth0.1.txt"))
    np.testing.assert_allclose(plda.psi, expected.psi, rtol=1e-5)
    np.testing.assert_allclose(plda.transform, expected.transform, rtol=1e-4, atol=1e-5)


def test_plda_scores(kaldi, kaldi_chain, own):
    for chain, plda in ((kaldi_chain, read_plda(str(kaldi.folder / "plda"))), own):
        scorer = plda_scorer(plda, chain.apply(kaldi.enroll), kaldi.num_utts, chain.apply(kaldi.test))
        expected, scores = trial_scores(kaldi, scorer, "scores_plda.txt")
        # Kaldi computes in single precision and prints seven digits; some scores are below -10000
        np.testing.assert_allclose(scores, expected, rtol=2e-5, atol=1e-3)


def test_adaptation(kaldi, kaldi_chain):
    plda = read_plda(str(kaldi.folder / "plda"))
    adapted = adapt(plda, kaldi_chain.apply(kaldi.adapt), AdaptationOptions("kaldi", 0.75, 0.25))
    expected = read_plda(str(kaldi.folder / "plda_adapt"))
    np.testing.assert_allclose(adapted.mean, expected.mean, atol=1e-5)
    np.testing.assert_allclose(adapted.psi, expected.psi, rtol=1e-4)
    np.testing.assert_allclose(adapted.within, expected.within, atol=1e-4)
    np.testing.assert_allclose(adapted.between, expected.between, atol=1e-4)


def test_adapted_plda_scores(kaldi, kaldi_chain):
    plda = read_plda(str(kaldi.folder / "plda_adapt"))
    scorer = plda_scorer(plda, kaldi_chain.apply(kaldi.enroll), kaldi.num_utts, kaldi_chain.apply(kaldi.test))
    np.testing.assert_allclose(*trial_scores(kaldi, scorer, "scores_plda_adapt.txt")[::-1], atol=1e-3)


def test_cosine_scores(kaldi, own):
    scorer = cosine_scorer(kaldi.enroll - own[0].mean, kaldi.test - own[0].mean)
    np.testing.assert_allclose(*trial_scores(kaldi, scorer, "scores_cosine.txt")[::-1], atol=1e-5)


@pytest.mark.parametrize("name", ["plda", "plda_adapt"])
def test_files_binary_and_text(kaldi, tmp_path, name):
    binary, text = (read_plda(str(kaldi.folder / f"{name}{end}")) for end in ("", ".txt"))
    np.testing.assert_allclose(binary.transform, text.transform, rtol=1e-5, atol=1e-6)
    write_plda(tmp_path / "plda", binary)
    assert (tmp_path / "plda").read_bytes() == (kaldi.folder / name).read_bytes()
    write_plda(tmp_path / "plda.txt", binary, binary=False)
    np.testing.assert_allclose(read_plda(str(tmp_path / "plda.txt")).psi, binary.psi, rtol=1e-6)


@pytest.mark.parametrize("name", ["scores_plda", "scores_plda_adapt", "scores_cosine"])
def test_metrics(kaldi, name):
    lines = [line.split() for line in (kaldi.folder / "metrics.txt").read_text().splitlines()]
    expected = {tuple(words[1:-1]): float(words[-1]) for words in lines if words[0] == name}
    trials = read_trials(kaldi.folder / "trials")
    scores = read_scores(kaldi.folder / f"{name}.txt", trials)
    rates = metrics.error_rates(scores, trials.target)
    one_trial = 1 / np.count_nonzero(trials.target)
    assert metrics.kaldi_eer(rates) == pytest.approx(expected["eer",] / 100, abs=1e-5)
    assert metrics.eer(rates) == pytest.approx(expected["eer",] / 100, abs=one_trial)
    settings = {"DCF(0.01)": "p=0.01", "DCF18-VAST": "p=0.05", "DCF10": "p=0.001"}
    for setting, key in settings.items():
        assert round(metrics.min_dcf(rates, metrics.SETTINGS[setting]), 4) == expected["mindcf", key]
    dcf08 = expected["mindcf08", "c-miss", "10", "p", "0.01"]
    assert round(metrics.min_dcf(rates, metrics.SETTINGS["DCF08"]), 4) == dcf08

import numpy as np
import pytest

import nnet
from nnet.backend.embeddings import average, labeled, read_enrollment, read_utterances, unit_length
from nnet.bin import average_embeddings
from nnet.errors import InputError
from nnet.kaldi.tables import write_table


@pytest.fixture
def folder(tmp_path, write_folder):
    """Three utterances of two speakers, and the speakers' means."""
    write_folder(tmp_path, {"a-1": [1.0, 0.0], "a-2": [3.0, 0.0], "b-1": [0.0, 5.0]})
    write_folder(tmp_path, {"a": [2.0, 0.0], "b": [0.0, 5.0]}, "spk_xvector")
    (tmp_path / "num_utts.ark").write_text("a 2\nb 1\n")
    return tmp_path


def test_enrollment_knows_speakers_and_utterances(folder):
    enrollment = read_enrollment(folder)
    assert enrollment.embeddings.ids == ["a", "b", "a-1", "a-2", "b-1"]
    assert enrollment.num_utts.tolist() == [2, 1, 1, 1, 1]
    chosen = enrollment.select(["a-2", "a"])
    assert chosen.embeddings.vectors.tolist() == [[3.0, 0.0], [2.0, 0.0]] and chosen.num_utts.tolist() == [1, 2]
    with pytest.raises(InputError, match='no embedding of "c" and 1 other$'):
        enrollment.select(["a", "c", "d"])


def test_enrollment_without_speakers_and_without_counts(folder, caplog):
    (folder / "num_utts.ark").unlink()
    assert read_enrollment(folder).num_utts.tolist() == [1] * 5
    assert "each speaker of" in caplog.text
    (folder / "spk_xvector.scp").unlink()
    assert read_enrollment(folder).embeddings.ids == ["a-1", "a-2", "b-1"]


def test_a_list_without_models_is_refused(folder):
    with pytest.raises(InputError, match="contains no models"):
        average(read_utterances(folder), {})


def test_models_of_several_utterances(folder):
    enrollment = average(read_utterances(folder), {"m": ["a-1", "b-1"], "n": ["a-2"]})
    assert enrollment.embeddings.vectors.tolist() == [[0.5, 2.5], [3.0, 0.0]]
    assert enrollment.num_utts.tolist() == [2, 1]
    with pytest.raises(InputError, match='no embedding of "x", an utterance of the model "m"'):
        average(read_utterances(folder), {"m": ["a-1", "x"]})


def test_jobs_results_are_joined_and_averaged_over_each_speaker(tmp_path, write_folder, caplog):
    out, data = tmp_path / "out", tmp_path / "data"
    write_folder(out, {"a-1": [1.0, 0.0], "a-2": [3.0, 0.0]}, "xvector.1")
    write_folder(out, {"b-1": [0.0, 5.0]}, "xvector.2")
    data.mkdir()
    speakers = {"a-1": "a", "a-2": "a", "b-1": "b", "b-2": "b", "c-1": "c"}
    write_table(data / "utt2spk", speakers)
    write_table(data / "feats.scp", dict.fromkeys(speakers, "f.ark:1"))
    average_embeddings.main(["--nj", "2", str(data), str(out)])
    enrollment = read_enrollment(out)
    assert enrollment.embeddings.ids == ["a", "b", "a-1", "a-2", "b-1"]
    assert enrollment.embeddings.vectors[:2].tolist() == [[2.0, 0.0], [0.0, 5.0]]
    assert enrollment.num_utts.tolist() == [2, 1, 1, 1, 1]
    assert "2 of 5 utterances have no embedding: b-2 c-1" in caplog.text
    average_embeddings.main(["--nj", "2", "--normalize", "true", str(data), str(out)])
    assert read_enrollment(out).embeddings.vectors[:2].tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_labels(folder, caplog):
    utterances = read_utterances(folder)
    vectors, labels = labeled(utterances, {"a-1": "a", "a-2": "a", "b-1": "b"}, "utt2spk")
    assert vectors is utterances.vectors and labels.tolist() == [0, 0, 1]
    vectors, labels = labeled(utterances, {"a-2": "a", "b-1": "b", "c-1": "c"}, "utt2spk")
    np.testing.assert_array_equal(vectors, utterances.vectors[1:])
    assert labels.tolist() == [0, 1]
    assert "ignored 1 embeddings without a speaker" in caplog.text and "1 utterances have no embedding" in caplog.text


def test_bad_counts(folder):
    (folder / "num_utts.ark").write_text("a 2\nb 0\n")
    with pytest.raises(InputError, match='"b" has 0 utterances, must be at least 1'):
        read_enrollment(folder)


def test_zero_has_no_direction():
    assert unit_length(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
    assert unit_length(np.zeros(2)).tolist() == [0.0, 0.0] and nnet.cosine(np.zeros(2), np.ones(2)) == 0

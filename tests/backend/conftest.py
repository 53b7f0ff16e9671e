"""Kaldi's own back end, and folders as an extraction leaves them."""

import types

import numpy as np
import pytest

from nnet.kaldi.ark import ArkWriter, read_dict
from nnet.kaldi.tables import read_numbers, read_utt2spk


@pytest.fixture(scope="session")
def kaldi(kaldi_reference):
    """Embeddings that Kaldi's programs were run on, as plain arrays; `.folder` holds what they wrote."""
    folder = kaldi_reference / "backend"
    sets = {
        name: read_dict(f"ark:{folder}/{name}.ark") for name in ("emb_train", "emb_adapt", "emb_test", "spk_enroll")
    }
    vectors = {name: np.array(list(vectors.values())) for name, vectors in sets.items()}
    utt2spk = read_utt2spk(folder / "emb_train.utt2spk")
    num_utts = read_numbers(folder / "num_utts.txt", int)
    return types.SimpleNamespace(
        folder=folder,
        train=vectors["emb_train"],
        labels=np.unique([utt2spk[u] for u in sets["emb_train"]], return_inverse=True)[1],
        adapt=vectors["emb_adapt"],
        test=vectors["emb_test"],
        test_ids=list(sets["emb_test"]),
        enroll=vectors["spk_enroll"],
        enroll_ids=list(sets["spk_enroll"]),
        num_utts=np.array([num_utts[s] for s in sets["spk_enroll"]]),
    )


@pytest.fixture
def write_folder():
    """A function that writes {identifier: vector} as DIR/xvector.scp (or another name) and returns DIR."""

    def write(folder, vectors, name="xvector"):
        folder.mkdir(exist_ok=True)
        with ArkWriter(folder / f"{name}.ark", folder / f"{name}.scp") as writer:
            for key, vector in vectors.items():
                writer.write(key, np.asarray(vector, np.float32))
        return folder

    return write


@pytest.fixture
def speakers():
    """A function that draws embeddings from the two-covariance model: (vectors (N, D), labels (N,))."""

    def draw(num_speakers, utterances, between, within, seed=0):
        rng = np.random.default_rng(seed)
        dim = len(between)
        centres = rng.multivariate_normal(np.zeros(dim), between, num_speakers)
        labels = np.repeat(np.arange(num_speakers), utterances)
        return centres[labels] + rng.multivariate_normal(np.zeros(dim), within, len(labels)), labels

    return draw

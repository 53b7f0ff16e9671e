"""Fixtures of the tests of other toolkits' checkpoints: PyTorch twins with random weights and statistics."""

import numpy as np
import pytest


@pytest.fixture
def twins():
    """The module of PyTorch networks, and the seed of PyTorch set."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return pytest.importorskip("benchmarks.torch_networks")


@pytest.fixture
def make_twin(twins):
    """make(class name, ...) gives a randomized twin in eval mode."""
    return lambda name, *args, **kwargs: twins.randomize(getattr(twins, name)(*args, **kwargs)).eval()


@pytest.fixture
def equal_embeddings():
    """check(model, twin, features (T, F) or frames, dim): both give the same embedding, to `within` at unit size."""
    torch = pytest.importorskip("torch")
    from nnet.ops import mx

    def check(model, twin, feats, dim=None, within=1e-4):
        if isinstance(feats, int):
            feats = np.random.default_rng(feats).standard_normal((feats, dim)).astype(np.float32)
        x = feats[None]
        with torch.no_grad():
            expected = twin(torch.from_numpy(x))
        expected = (expected[-1] if isinstance(expected, tuple) else expected).numpy()
        ours = np.array(model.extract(mx.array(x)))
        assert ours.shape == expected.shape
        size = np.linalg.norm(expected, axis=1)
        cosine = np.sum(ours * expected, axis=1, dtype=np.float64) / size / np.linalg.norm(ours, axis=1)
        assert np.abs(ours - expected).max() / size.min() < within
        assert cosine.min() > 0.999999

    return check

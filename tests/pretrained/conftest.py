"""Fixtures of the tests of other toolkits' checkpoints: PyTorch twins with random weights and statistics."""

import numpy as np
import pytest


def randomise(twin):
    """Fills running statistics, scales and offsets, which start at 0 and 1, with random values."""
    for name, array in [*twin.named_buffers(), *twin.named_parameters()]:
        if name.endswith("running_var"):
            array.data.uniform_(0.5, 2)
        elif name.endswith("running_mean") or (array.ndim == 1 and name.endswith("bias")):
            array.data.normal_(0, 0.1)
        elif array.ndim == 1 and name.endswith("weight"):
            array.data.uniform_(0.5, 1)
    return twin.eval()


@pytest.fixture
def twins():
    """The module of PyTorch networks, and the seed of PyTorch set."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return pytest.importorskip("benchmarks.torch_networks")


@pytest.fixture
def make_twin(twins):
    """make(class name, ...) gives a randomised twin in eval mode."""
    return lambda name, *args, **kwargs: randomise(getattr(twins, name)(*args, **kwargs))


@pytest.fixture
def equal_embeddings():
    """Asserts that a model gives a twin's embeddings for features of some length, to 1e-4 at unit size."""
    torch = pytest.importorskip("torch")
    from nnet.compute import mx

    def check(model, twin, frames, dim):
        x = np.random.default_rng(frames).standard_normal((1, frames, dim)).astype(np.float32)
        with torch.no_grad():
            expected = twin(torch.from_numpy(x))
        expected = (expected[-1] if isinstance(expected, tuple) else expected).numpy()
        ours = np.array(model.extract(mx.array(x)))
        assert ours.shape == expected.shape
        size = np.linalg.norm(expected, axis=1)
        cosine = np.sum(ours * expected, axis=1, dtype=np.float64) / size / np.linalg.norm(ours, axis=1)
        assert np.abs(ours - expected).max() / size.min() < 1e-4
        assert cosine.min() > 0.999999

    return check

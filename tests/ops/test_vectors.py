"""Lengths of vectors, at zero too."""

import numpy as np
import pytest

from nnet.ops import mx
from nnet.ops.vectors import inverse_norms, normalize, norms


def test_lengths_equal_numpys():
    x = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    lengths = np.linalg.norm(x, axis=-1, keepdims=True)
    np.testing.assert_allclose(norms(mx.array(x)), lengths, rtol=1e-5)
    np.testing.assert_allclose(inverse_norms(mx.array(x)), 1 / lengths, rtol=1e-5)
    np.testing.assert_allclose(normalize(mx.array(x)), x / lengths, rtol=1e-5)


@pytest.mark.parametrize("function", [norms, inverse_norms, normalize])
def test_zero_has_finite_value_and_gradient(function):
    value, grad = mx.value_and_grad(lambda x: mx.sum(function(x)))(mx.zeros((2, 3)))
    assert np.isfinite(value.item())
    assert np.isfinite(np.array(grad)).all()

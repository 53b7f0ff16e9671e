import numpy as np
import pytest

from nnet import ops
from nnet.ops import mx


@pytest.mark.parametrize("frames", [1, 7, 10, 11, 20, 29])
def test_segment_means_of_whole_and_partial_segments(frames, features):
    x = features(2, frames, 3)
    expected = np.stack([x[:, i : i + 10].mean(axis=1) for i in range(0, frames, 10)], axis=1)
    np.testing.assert_allclose(np.array(ops.segment_means(mx.array(x), segment=10)), expected, atol=1e-6)

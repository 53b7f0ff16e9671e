import numpy as np

from nnet.ops import flatten_map, mx


def test_maps_flatten_channel_major():
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)  # (B, F, T, C)
    frames = np.array(flatten_map(mx.array(x)))
    assert frames.shape == (2, 4, 15)
    assert all(frames[1, 2, c * 3 + f] == x[1, f, 2, c] for c in range(5) for f in range(3))

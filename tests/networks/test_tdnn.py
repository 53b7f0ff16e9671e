import numpy as np
import pytest
from built import built

from nnet.networks import NETWORKS
from nnet.ops import mx


def test_kaldis_context_is_fifteen_frames(features):
    network = built(NETWORKS["tdnn"], 30, dims=(8, 8, 8, 8, 8))
    assert network.min_frames == 15
    assert network(mx.array(features(2, 40, 30))).shape == (2, 26, 8)


def test_a_frame_sees_its_context_and_no_more(features):
    mx.random.seed(0)
    network = built(NETWORKS["tdnn"], 30, dims=(8, 8, 8, 8, 8), relu="lrelu", slope=0.5)
    network.eval()
    x = features(1, 41, 30)
    before = np.array(network(mx.array(x)))
    x[0, 20] += 1
    changed = np.abs(np.array(network(mx.array(x))) - before).max(axis=(0, 2)) > 0
    assert np.flatnonzero(changed).tolist() == [*range(6, 21)]  # output t sees the inputs t ... t + 14


@pytest.mark.parametrize("relu", ["relu", "prelu", "lrelu"])
@pytest.mark.parametrize("order", ["relu-bn", "bn-relu"])
def test_endpoints_follow_the_order(order, relu, features):
    network = built(NETWORKS["tdnn"], 30, dims=(8, 8, 8, 8, 8), order=order, relu=relu, slope=0.2, bn_affine=True)
    network.eval()
    endpoints = {}
    out = network(mx.array(features(2, 40, 30)), endpoints)
    last = order.split("-")[-1]
    assert np.array_equal(np.array(out), np.array(endpoints[f"tdnn5.{last}"]))
    before, after = endpoints["tdnn1.affine"], endpoints["tdnn1.relu"]
    if order == "bn-relu":
        before = endpoints["tdnn1.bn"]
    before, after = np.array(before), np.array(after)
    slope = 0.0 if relu == "relu" else 0.2
    np.testing.assert_allclose(after, np.where(before > 0, before, slope * before), atol=1e-6)

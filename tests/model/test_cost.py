import pytest
from built import built

from nnet import ops
from nnet.model.cost import cost_table, count_macs, count_parameters
from nnet.networks import NETWORKS
from nnet.networks.layers import BatchNorm, Conv1d, Linear
from nnet.ops import mx, nn
from nnet.poolings.attentive import ChannelAttention, ChannelAttentionOptions


class _Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = Conv1d(4, 6, 3)
        self.bn = BatchNorm(6)
        self.head = [Linear(6, 5, bias=False)]

    def __call__(self, x):
        return self.head[0](ops.mean(self.bn(self.conv(x)), axis=1))


def test_parameters_and_multiply_adds_of_a_small_network():
    rows = {row.name: row for row in cost_table(_Net(), 4, frames=10)}
    assert rows["conv"].parameters == 78 and rows["bn"].parameters == 12
    assert rows["conv"].macs == 8 * 6 * 3 * 4 and rows["conv"].shape == (8, 6)
    assert rows["head.0"].macs == 30 and rows["head.0"].shape == (5,)


def test_running_statistics_are_no_parameters():
    assert count_parameters(_Net()) == 72 + 6 + 12 + 30


def test_counting_leaves_the_running_statistics_alone():
    net = _Net()
    cost_table(net, 4, frames=10)
    assert mx.array_equal(net.bn.running_mean, mx.zeros(6)).item() and net.training


# WeSpeaker lists 4.55 G (ResNet34), 0.53 G (x-vector), 1.04 G (ECAPA-TDNN 512, of which 0.16 G is its pooling) and
# 4.65 G (RepVGG TINY-A0), the authors of NeXt-TDNN 2.03 G for 3 s (of which 0.04 G is its pooling).
@pytest.mark.parametrize(
    "name, options, frames, billions",
    [
        ("resnet", {}, 200, 4.55),
        ("ecapa_tdnn", {}, 200, 0.88),
        ("tdnn", {}, 200, 0.53),
        ("repvgg", {"fused": True}, 200, 4.65),
        ("next_tdnn", {}, 302, 1.99),
    ],
)
def test_multiply_adds_of_the_usual_sizes(name, options, frames, billions):
    network = built(NETWORKS[name], 80, **options)
    assert count_macs(network, 80, frames) == pytest.approx(billions * 1e9, rel=0.03)


def test_the_context_of_a_pooling_counts_for_every_frame():
    pooling = ChannelAttention(12, ChannelAttentionOptions(hidden_dim=7, global_context=True))
    assert count_macs(pooling, 12, frames=200) == 200 * (36 * 7 + 7 * 12)

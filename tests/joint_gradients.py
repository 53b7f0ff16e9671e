"""Run by mlx.launch: prints how far gradients with joint statistics are from those of the joint batch, relative.

The processes compute on different numbers of cores, so that what they compute is arranged differently.
"""

import os

os.environ["MKL_NUM_THREADS"] = str(int(os.environ["MLX_RANK"]) + 1)

from nnet import ops  # noqa: E402
from nnet.networks.resnet import ResNet, ResNetOptions  # noqa: E402
from nnet.ops import mx, nn, tree_flatten  # noqa: E402
from nnet.training.distributed import Group  # noqa: E402

UTTERANCES = 4  # of a process


def main():
    group = Group()
    assert group.at_this_place() == group.size, "both processes are on this machine"
    mx.random.seed(0)
    net = ResNet(16, ResNetOptions(depth=18, channels=4))
    features = mx.random.normal((group.size * UTTERANCES, 60, 16))
    weights = mx.random.normal((len(features), 8, net.out_dim))

    def objective(features, weights, joint):
        with group.joint_statistics(joint):
            return mx.mean(ops.gather(net(ops.spread(features))) * weights)

    gradients = nn.value_and_grad(net, objective)
    share = slice(group.rank * UTTERANCES, (group.rank + 1) * UTTERANCES)
    ours = dict(tree_flatten(group.mean_gradients(gradients(features[share], weights[share], True)[1])))
    mx.eval(ours)
    expected = dict(tree_flatten(gradients(features, weights, False)[1]))
    print("error", max((mx.max(mx.abs(ours[n] - g)) / mx.max(mx.abs(g))).item() for n, g in expected.items()))


main()

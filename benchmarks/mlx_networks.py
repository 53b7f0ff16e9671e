"""Networks of `nnet.networks` written with the layers of `mlx.nn` only, for comparison.

Attributes are named as in a SpeakerNet, so that its weights can be loaded. The networks map features (B, T, F) to the
embedding (B, D) and the input of the loss, which are the same if there is a single affine layer after the pooling.
"""

import mlx.core as mx
from mlx import nn


def statistics(x, ddof=1, eps=1e-7):
    """Mean and standard deviation over time, (B, T, C) → (B, 2C)."""
    return mx.concatenate([x.mean(axis=1), mx.sqrt(x.var(axis=1, ddof=ddof) + eps)], axis=-1)


class AffineReluNorm(nn.Module):
    def __init__(self, affine, out_dim):
        super().__init__()
        self.affine = affine
        self.bn = nn.BatchNorm(out_dim, affine=False)

    def __call__(self, x):
        return self.bn(nn.relu(self.affine(x)))


class Affine(nn.Module):
    def __init__(self, in_dim, out_dim):
        super().__init__()
        self.affine = nn.Linear(in_dim, out_dim)

    def __call__(self, x):
        return self.affine(x)


class Embedding(nn.Module):
    """Affine maps after the pooling, and what precedes the first of them."""

    def __init__(self, layers, input_bn=None):
        super().__init__()
        self.layers = layers
        if input_bn:
            self.input_bn = input_bn

    def __call__(self, x):
        if "input_bn" in self:
            x = self.input_bn(x)
        first = self.layers[0].affine(x)
        for layer in self.layers:
            x = layer(x)
        return (first if len(self.layers) > 1 else x), x


class Tdnn(nn.Module):
    def __init__(self, feat_dim, dims, kernels, dilations):
        super().__init__()
        in_dims = (feat_dim, *dims[:-1])
        self.depth = len(dims)
        for i, (in_dim, dim, kernel, dilation) in enumerate(zip(in_dims, dims, kernels, dilations, strict=True), 1):
            self[f"tdnn{i}"] = AffineReluNorm(nn.Conv1d(in_dim, dim, kernel, dilation=dilation), dim)

    def __call__(self, x):
        for i in range(1, self.depth + 1):
            x = self[f"tdnn{i}"](x)
        return x


class XVector(nn.Module):
    """nnet_conf/xvector.json."""

    def __init__(self, feat_dim=80, embed_dim=512):
        super().__init__()
        self.network = Tdnn(feat_dim, (512, 512, 512, 512, 1500), (5, 3, 3, 1, 1), (1, 2, 3, 1, 1))
        in_dims = (3000, embed_dim)
        layers = [AffineReluNorm(nn.Linear(in_dim, embed_dim), embed_dim) for in_dim in in_dims]
        self.embedding = Embedding(layers)

    def __call__(self, x):
        return self.embedding(statistics(self.network(x), ddof=0, eps=1e-10))


class BasicBlock(nn.Module):
    def __init__(self, in_channels, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm(channels)
        self.shortcut = []
        if stride > 1 or in_channels != channels:
            self.shortcut = [nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm(channels)]

    def __call__(self, x):
        y = nn.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        for layer in self.shortcut:
            x = layer(x)
        return nn.relu(y + x)


class ResNetFrames(nn.Module):
    def __init__(self, depths, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm(channels)
        self.num_stages = len(depths)
        in_channels = channels
        for i, depth in enumerate(depths):
            width = channels * 2**i
            first = BasicBlock(in_channels, width, 2 if i else 1)
            self[f"layer{i + 1}"] = [first, *(BasicBlock(width, width, 1) for _ in range(depth - 1))]
            in_channels = width

    def __call__(self, x):
        x = nn.relu(self.bn1(self.conv1(x.swapaxes(1, 2)[..., None])))  # (B, F, T, C)
        for i in range(self.num_stages):
            for block in self[f"layer{i + 1}"]:
                x = block(x)
        return x.transpose(0, 2, 3, 1).flatten(2)  # (B, T, C * F)


class ResNet34(nn.Module):
    """nnet_conf/resnet34.json."""

    def __init__(self, feat_dim=80, embed_dim=256):
        super().__init__()
        self.network = ResNetFrames((3, 4, 6, 3), 32)
        self.embedding = Embedding([Affine(2 * 256 * feat_dim // 8, embed_dim)])

    def __call__(self, x):
        return self.embedding(statistics(self.network(x)))


class ConvReluNorm(nn.Module):
    def __init__(self, in_dim, out_dim, kernel=1):
        super().__init__()
        self.conv = nn.Conv1d(in_dim, out_dim, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm(out_dim)

    def __call__(self, x):
        return self.bn(nn.relu(self.conv(x)))


class Res2Conv(nn.Module):
    def __init__(self, channels, dilation, scale):
        super().__init__()
        width = channels // scale
        self.scale = scale
        self.convs = [nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for _ in range(scale - 1)]
        self.bns = [nn.BatchNorm(width) for _ in range(scale - 1)]

    def __call__(self, x):
        *groups, last = mx.split(x, self.scale, axis=-1)
        outputs, y = [], 0
        for group, conv, bn in zip(groups, self.convs, self.bns, strict=True):
            y = bn(nn.relu(conv(group + y)))
            outputs.append(y)
        return mx.concatenate([*outputs, last], axis=-1)


class SqueezeExcitation(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.linear1 = nn.Linear(channels, width)
        self.linear2 = nn.Linear(width, channels)

    def __call__(self, x):
        return x * mx.sigmoid(self.linear2(nn.relu(self.linear1(x.mean(axis=1, keepdims=True)))))


class SERes2Block(nn.Module):
    def __init__(self, channels, dilation, scale=8, se_channels=128):
        super().__init__()
        self.conv1 = ConvReluNorm(channels, channels)
        self.res2 = Res2Conv(channels, dilation, scale)
        self.conv2 = ConvReluNorm(channels, channels)
        self.se = SqueezeExcitation(channels, se_channels)

    def __call__(self, x):
        return x + self.se(self.conv2(self.res2(self.conv1(x))))


class EcapaFrames(nn.Module):
    def __init__(self, feat_dim, channels, out_dim):
        super().__init__()
        self.layer1 = ConvReluNorm(feat_dim, channels, 5)
        self.layer2 = SERes2Block(channels, 2)
        self.layer3 = SERes2Block(channels, 3)
        self.layer4 = SERes2Block(channels, 4)
        self.conv = nn.Conv1d(3 * channels, out_dim, 1)

    def __call__(self, x):
        second = self.layer2(self.layer1(x))
        third = self.layer3(second)
        fourth = self.layer4(third)
        return nn.relu(self.conv(mx.concatenate([second, third, fourth], axis=-1)))


class AttentivePooling(nn.Module):
    def __init__(self, in_dim, hidden_dim=128):
        super().__init__()
        self.linear1 = nn.Conv1d(3 * in_dim, hidden_dim, 1)
        self.linear2 = nn.Conv1d(hidden_dim, in_dim, 1)

    def __call__(self, x):
        context = mx.broadcast_to(statistics(x)[:, None], (*x.shape[:2], 2 * x.shape[2]))
        scores = self.linear2(mx.tanh(self.linear1(mx.concatenate([x, context], axis=-1))))
        weights = mx.softmax(scores, axis=1)
        mean = (weights * x).sum(axis=1)
        variance = (weights * x.square()).sum(axis=1) - mean.square()
        return mx.concatenate([mean, mx.sqrt(mx.maximum(variance, 1e-7))], axis=-1)


class Ecapa512(nn.Module):
    """nnet_conf/ecapa_tdnn_512.json."""

    def __init__(self, feat_dim=80, embed_dim=192, out_dim=1536):
        super().__init__()
        self.network = EcapaFrames(feat_dim, 512, out_dim)
        self.pooling = AttentivePooling(out_dim)
        self.embedding = Embedding([Affine(2 * out_dim, embed_dim)], input_bn=nn.BatchNorm(2 * out_dim))

    def __call__(self, x):
        return self.embedding(self.pooling(self.network(x)))


NETWORKS = {"x-vector": XVector, "ResNet34": ResNet34, "ECAPA-512": Ecapa512}

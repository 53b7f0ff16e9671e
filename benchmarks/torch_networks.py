"""The networks of `nnet.networks` in plain PyTorch, for the benchmarks and the parity tests.

Attributes are named as in WeSpeaker's and 3D-Speaker's classes, so that a `state_dict` has the keys and shapes of their
checkpoints. Every network takes features (B, T, F); `frames` returns (B, T', C), and calling it returns the embedding
(B, D) or, for XVector, both of its embeddings.
"""

import torch
from torch import nn
from torch.nn import functional as F


def randomize(network):
    """Sets running statistics, scales, offsets and priors to random values instead of 0 and 1; returns the network."""
    for name, array in [*network.named_buffers(), *network.named_parameters()]:
        if name.endswith("running_var"):
            array.data.uniform_(0.5, 2)
        elif ".prior_" in name:
            array.data.normal_(0, 1)
        elif name.endswith("running_mean") or (array.ndim == 1 and name.endswith("bias")):
            array.data.normal_(0, 0.1)
        elif array.ndim == 1 and name.endswith("weight"):
            array.data.uniform_(0.5, 1)
    return network


class StatisticsPooling(nn.Module):
    """Mean and unbiased standard deviation over the last axis, flattened in front of it (TSTP).

    `eps` is WeSpeaker's; 3D-Speaker's CAM++ and pyannote's ResNet have none.
    """

    eps = 1e-7

    def forward(self, x):
        deviation = (x.var(dim=-1) + self.eps).sqrt()
        return torch.cat([x.mean(dim=-1).flatten(1), deviation.flatten(1)], dim=1)


class AttentivePooling(nn.Module):
    """Channel-wise attentive statistics (ASTP), with the utterance's statistics as context if `context`."""

    def __init__(self, in_dim, bottleneck=128, context=False):
        super().__init__()
        self.context = context
        self.linear1 = nn.Conv1d(in_dim * 3 if context else in_dim, bottleneck, 1)
        self.linear2 = nn.Conv1d(bottleneck, in_dim, 1)

    def forward(self, x):
        keys = x
        if self.context:
            mean = x.mean(dim=2, keepdim=True).expand_as(x)
            deviation = (x.var(dim=2, keepdim=True) + 1e-7).sqrt().expand_as(x)
            keys = torch.cat([x, mean, deviation], dim=1)
        weights = self.linear2(self.linear1(keys).tanh()).softmax(dim=2)
        mean = (weights * x).sum(dim=2)
        variance = (weights * x.square()).sum(dim=2) - mean.square()
        return torch.cat([mean, variance.clamp(min=1e-7).sqrt()], dim=1)


class SimAmPooling(nn.Module):
    """Attentive statistics with a batch normalization in the scoring network (ASP)."""

    def __init__(self, in_dim, hidden=128):
        super().__init__()
        first, last = nn.Conv1d(in_dim, hidden, 1), nn.Conv1d(hidden, in_dim, 1)
        self.attention = nn.Sequential(first, nn.ReLU(), nn.BatchNorm1d(hidden), last, nn.Softmax(dim=2))

    def forward(self, x):
        weights = self.attention(x)
        mean = (weights * x).sum(dim=2)
        variance = (weights * x.square()).sum(dim=2) - mean.square()
        return torch.cat([mean, variance.clamp(min=1e-5).sqrt()], dim=1)


class PosteriorPooling(nn.Module):
    """The mean of a Gaussian posterior over the frames (XI), as a softmax over the frames' log precisions."""

    def __init__(self, in_dim, hidden=256):
        super().__init__()
        self.prior_mean = nn.Parameter(torch.zeros(1, in_dim))
        self.prior_logprec = nn.Parameter(torch.zeros(1, in_dim))
        self.lin1_relu_bn = nn.Sequential(nn.Conv1d(in_dim, hidden, 1), nn.ReLU(), nn.BatchNorm1d(hidden))
        self.lin2 = nn.Conv1d(hidden, in_dim, 1)

    def forward(self, x):
        scores = (2 * F.softplus(self.lin2(self.lin1_relu_bn(x))).log()).clamp(-15, 15)
        scores, values = (
            torch.cat([frames, prior.expand(len(x), -1)[:, :, None]], dim=2)
            for frames, prior in ((scores, self.prior_logprec), (x, self.prior_mean))
        )
        return (scores.softmax(dim=2) * values).sum(dim=2)


class TdnnLayer(nn.Module):
    def __init__(self, in_dim, out_dim, kernel, dilation, order="relu-bn"):
        super().__init__()
        self.conv_1d = nn.Conv1d(in_dim, out_dim, kernel, dilation=dilation)
        self.bn = nn.BatchNorm1d(out_dim, affine=False)
        self.order = order

    def forward(self, x):
        x = self.conv_1d(x)
        return self.bn(x.relu()) if self.order == "relu-bn" else self.bn(x).relu()


class XVector(nn.Module):
    """WeSpeaker's XVEC with its default sizes; other sizes make the E-TDNN and tf-kaldi-speaker's TDNN.

    `posterior` makes XI_VEC_XVEC.
    """

    def __init__(
        self,
        feat_dim=80,
        dims=(512, 512, 512, 512, 1500),
        kernels=(5, 3, 3, 1, 1),
        dilations=(1, 2, 3, 1, 1),
        order="relu-bn",
        embed_dim=512,
        posterior=False,
    ):
        super().__init__()
        in_dims = (feat_dim, *dims[:-1])
        self.depth = len(dims)
        for i, sizes in enumerate(zip(in_dims, dims, kernels, dilations, strict=True), 1):
            self.add_module(f"frame_{i}", TdnnLayer(*sizes, order))
        self.pool = PosteriorPooling(dims[-1]) if posterior else StatisticsPooling()
        self.seg_1 = nn.Linear((1 if posterior else 2) * dims[-1], embed_dim)
        self.seg_bn_1 = nn.BatchNorm1d(embed_dim, affine=False)
        self.seg_2 = nn.Linear(embed_dim, embed_dim)

    def frames(self, x):
        x = x.transpose(1, 2)
        for i in range(1, self.depth + 1):
            x = self.get_submodule(f"frame_{i}")(x)
        return x.transpose(1, 2)

    def forward(self, x):
        first = self.seg_1(self.pool(self.frames(x).transpose(1, 2)))
        return first, self.seg_2(self.seg_bn_1(first.relu()))


class FactorizedLayer(nn.Module):
    def __init__(self, in_dim, bottleneck, out_dim, distance):
        super().__init__()
        kernel, dilation = (2, distance) if distance else (1, 1)
        self.factor = nn.Conv1d(in_dim, bottleneck, kernel, dilation=dilation, bias=False)
        self.affine = nn.Conv1d(bottleneck, out_dim, kernel, dilation=dilation)
        self.bn = nn.BatchNorm1d(out_dim)

    def forward(self, x):
        return self.bn(self.affine(self.factor(x)).relu())


class Ftdnn(nn.Module):
    """The frame-level F-TDNN of Villalba et al. 2020, without padding."""

    layers = {2: (2, ()), 3: (0, ()), 4: (3, ()), 5: (0, (3,)), 6: (3, ()), 7: (3, (2, 4)), 8: (3, ()), 9: (0, (4, 6))}

    def __init__(self, feat_dim=80, width=1024, bottleneck=256, first_dim=512, out_dim=2048):
        super().__init__()
        self.tdnn1 = _named(affine=nn.Conv1d(feat_dim, first_dim, 5), relu=nn.ReLU(), bn=nn.BatchNorm1d(first_dim))
        for i, (distance, skips) in self.layers.items():
            in_dim = (first_dim if i == 2 else width) + width * len(skips)
            self.add_module(f"tdnn{i}", FactorizedLayer(in_dim, bottleneck, width, distance))
        self.tdnn10 = _named(affine=nn.Conv1d(width, out_dim, 1), relu=nn.ReLU(), bn=nn.BatchNorm1d(out_dim))

    def frames(self, x):
        outputs = {1: self.tdnn1(x.transpose(1, 2))}
        for i, (_, skips) in self.layers.items():
            inputs = [outputs[j] for j in (i - 1, *skips)]
            frames = inputs[0].shape[2]
            cuts = [(y.shape[2] - frames) // 2 for y in inputs]
            inputs = [y[:, :, cut : cut + frames] for y, cut in zip(inputs, cuts, strict=True)]
            outputs[i] = self.get_submodule(f"tdnn{i}")(torch.cat(inputs, dim=1))
        return self.tdnn10(outputs[9]).transpose(1, 2)


def _shortcut(in_channels, out_channels, stride):
    if stride in (1, (1, 1)) and in_channels == out_channels:
        return nn.Sequential()
    convolution = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))


class SqueezeExcitation(nn.Module):
    """Scales every channel of a map by a gate that sees the map's mean."""

    def __init__(self, channels, reduction):
        super().__init__()
        self.linear1 = nn.Linear(channels, channels // reduction)
        self.linear2 = nn.Linear(channels // reduction, channels)

    def forward(self, x):
        gate = self.linear2(self.linear1(x.mean(dim=(2, 3))).relu()).sigmoid()
        return x * gate[:, :, None, None]


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, channels, stride, reduction=0):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = _shortcut(in_channels, channels, stride)
        self.se = SqueezeExcitation(channels, reduction) if reduction else nn.Identity()

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.se(self.bn2(self.conv2(y)))
        return (y + self.shortcut(x)).relu()


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels, channels, stride, reduction=0):
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = _shortcut(in_channels, out_channels, stride)
        self.se = SqueezeExcitation(out_channels, reduction) if reduction else nn.Identity()

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        y = self.se(self.bn3(self.conv3(y)))
        return (y + self.shortcut(x)).relu()


def _stage(block, in_channels, channels, depth, stride, reduction=0):
    blocks = [block(in_channels, channels, stride, reduction)]
    blocks += [block(channels * block.expansion, channels, 1, reduction) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)


RESNET_BLOCKS = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
    221: (Bottleneck, (6, 16, 48, 3)),
    293: (Bottleneck, (10, 20, 64, 3)),
}


class ResNet(nn.Module):
    """WeSpeaker's ResNet; `two_emb_layer` adds its second embedding layer, which 3D-Speaker uses."""

    def __init__(self, depth=34, feat_dim=80, m_channels=32, embed_dim=256, se_reduction=0, two_emb_layer=False):
        super().__init__()
        block, depths = RESNET_BLOCKS[depth]
        self.conv1 = nn.Conv2d(1, m_channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(m_channels)
        in_channels = m_channels
        for i, blocks in enumerate(depths):
            channels = m_channels * 2**i
            stage = _stage(block, in_channels, channels, blocks, 2 if i else 1, se_reduction)
            self.add_module(f"layer{i + 1}", stage)
            in_channels = channels * block.expansion
        bins = -(-feat_dim // 8)
        self.pool = StatisticsPooling()
        self.seg_1 = nn.Linear(2 * in_channels * bins, embed_dim)
        if two_emb_layer:
            self.seg_bn_1 = nn.BatchNorm1d(embed_dim, affine=False)
            self.seg_2 = nn.Linear(embed_dim, embed_dim)

    def maps(self, x):
        x = x.transpose(1, 2).unsqueeze(1)  # (B, 1, F, T)
        x = self.bn1(self.conv1(x)).relu()
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    def frames(self, x):
        return self.maps(x).flatten(1, 2).transpose(1, 2)

    def forward(self, x):
        x = self.seg_1(self.pool(self.maps(x)))
        return self.seg_2(self.seg_bn_1(x.relu())) if hasattr(self, "seg_2") else x


class SimAmBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, channels, stride, reduction=0):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        squares = (y - y.mean(dim=(2, 3), keepdim=True)).square()
        variance = squares.sum(dim=(2, 3), keepdim=True) / (y.shape[2] * y.shape[3] - 1)
        y = y * (squares / (4 * (variance + 1e-4)) + 0.5).sigmoid()
        return (y + self.downsample(x)).relu()


class SimAmResNet(nn.Module):
    """WeSpeaker's SimAM_ResNet34_ASP and SimAM_ResNet100_ASP."""

    depths = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 100: (6, 16, 24, 3)}

    def __init__(self, depth=34, acoustic_dim=80, in_planes=64, embed_dim=256):
        super().__init__()
        stages, in_channels = {}, in_planes
        for i, blocks in enumerate(self.depths[depth]):
            channels = in_planes * 2**i
            stages[f"layer{i + 1}"] = _stage(SimAmBlock, in_channels, channels, blocks, 2 if i else 1)
            in_channels = channels
        stem = {"conv1": nn.Conv2d(1, in_planes, 3, padding=1, bias=False), "bn1": nn.BatchNorm2d(in_planes)}
        self.front = _named(**stem, relu=nn.ReLU(), **stages)
        width = in_channels * -(-acoustic_dim // 8)
        self.pooling = SimAmPooling(width)
        self.bottleneck = nn.Linear(2 * width, embed_dim)

    def frames(self, x):
        return self.front(x.transpose(1, 2).unsqueeze(1)).flatten(1, 2).transpose(1, 2)

    def forward(self, x):
        return self.bottleneck(self.pooling(self.frames(x).transpose(1, 2)))


class InvertedBottleneck(nn.Module):
    def __init__(self, channels):
        super().__init__()
        width = 4 * channels
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + x).relu()


class DfResNet(nn.Module):
    """WeSpeaker's Gemini_DF_ResNet."""

    def __init__(self, blocks=(3, 3, 27, 3), feat_dim=80, channels=32, embed_dim=256):
        super().__init__()
        widths = [channels * factor for factor in (1, 1, 2, 4, 8)]
        stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        layers = [nn.Sequential(stem, nn.BatchNorm2d(channels), nn.ReLU())]
        for i, stride in enumerate([(2, 1), (2, 2), (2, 1), (2, 1)]):
            conv = nn.Conv2d(widths[i], widths[i + 1], 3, stride, padding=1, bias=False)
            layers.append(nn.Sequential(conv, nn.BatchNorm2d(widths[i + 1])))
        self.downsample_layers = nn.ModuleList(layers)
        stages = [[InvertedBottleneck(width) for _ in range(n)] for n, width in zip(blocks, widths[1:], strict=True)]
        self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages)
        self.pool = StatisticsPooling()
        self.seg_1 = nn.Linear(2 * widths[-1] * -(-feat_dim // 16), embed_dim)

    def frames(self, x):
        x = self.downsample_layers[0](x.transpose(1, 2).unsqueeze(1))
        for layer, stage in zip(self.downsample_layers[1:], self.stages, strict=True):
            x = stage(layer(x))
        return x.flatten(1, 2).transpose(1, 2)

    def forward(self, x):
        return self.seg_1(self.pool(self.frames(x).transpose(1, 2)))


class ConvReluNorm(nn.Module):
    def __init__(self, in_dim, out_dim, kernel=1):
        super().__init__()
        self.conv = nn.Conv1d(in_dim, out_dim, kernel, padding=kernel // 2)
        self.bn = nn.BatchNorm1d(out_dim)

    def forward(self, x):
        return self.bn(self.conv(x).relu())


class Res2Conv(nn.Module):
    def __init__(self, channels, kernel, dilation, scale):
        super().__init__()
        width, padding = channels // scale, dilation * (kernel - 1) // 2
        convs = [nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation) for _ in range(scale - 1)]
        self.convs = nn.ModuleList(convs)
        self.bns = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(scale - 1))

    def forward(self, x):
        groups = x.chunk(len(self.convs) + 1, dim=1)
        outputs, y = [], 0
        for group, conv, bn in zip(groups, self.convs, self.bns, strict=False):
            y = bn(conv(group + y).relu())
            outputs.append(y)
        return torch.cat([*outputs, groups[-1]], dim=1)


class TimeSqueezeExcitation(nn.Module):
    def __init__(self, channels, bottleneck):
        super().__init__()
        self.linear1 = nn.Linear(channels, bottleneck)
        self.linear2 = nn.Linear(bottleneck, channels)

    def forward(self, x):
        gate = self.linear2(self.linear1(x.mean(dim=2)).relu()).sigmoid()
        return x * gate.unsqueeze(2)


class SERes2Block(nn.Module):
    def __init__(self, channels, kernel, dilation, scale, bottleneck):
        super().__init__()
        self.se_res2block = nn.Sequential(
            ConvReluNorm(channels, channels),
            Res2Conv(channels, kernel, dilation, scale),
            ConvReluNorm(channels, channels),
            TimeSqueezeExcitation(channels, bottleneck),
        )

    def forward(self, x):
        return x + self.se_res2block(x)


class EcapaTdnn(nn.Module):
    """WeSpeaker's ECAPA_TDNN; `posterior` makes XI_VEC_ECAPA_TDNN."""

    def __init__(
        self,
        channels=512,
        feat_dim=80,
        embed_dim=192,
        context=False,
        scale=8,
        bottleneck=128,
        out_dim=1536,
        posterior=False,
    ):
        super().__init__()
        self.layer1 = ConvReluNorm(feat_dim, channels, 5)
        self.layer2 = SERes2Block(channels, 3, 2, scale, bottleneck)
        self.layer3 = SERes2Block(channels, 3, 3, scale, bottleneck)
        self.layer4 = SERes2Block(channels, 3, 4, scale, bottleneck)
        self.conv = nn.Conv1d(3 * channels, out_dim, 1)
        self.pool = PosteriorPooling(out_dim) if posterior else AttentivePooling(out_dim, context=context)
        pooled = (1 if posterior else 2) * out_dim
        self.bn = nn.BatchNorm1d(pooled)
        self.linear = nn.Linear(pooled, embed_dim)

    def frames(self, x):
        first = self.layer1(x.transpose(1, 2))
        second = self.layer2(first)
        third = self.layer3(second)
        fourth = self.layer4(third)
        return self.conv(torch.cat([second, third, fourth], dim=1)).relu().transpose(1, 2)

    def forward(self, x):
        return self.linear(self.bn(self.pool(self.frames(x).transpose(1, 2))))


def _norm_relu(channels):
    return _named(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU())


def _named(**modules):
    sequence = nn.Sequential()
    for name, module in modules.items():
        sequence.add_module(name, module)
    return sequence


class ContextMask(nn.Module):
    """CAM++'s layer: a local convolution, masked by a gate on the means of the utterance and of 100-frame segments."""

    def __init__(self, in_dim, out_dim, kernel, dilation, segment):
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.linear_local = nn.Conv1d(in_dim, out_dim, kernel, padding=padding, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(in_dim, in_dim // 2, 1)
        self.linear2 = nn.Conv1d(in_dim // 2, out_dim, 1)
        self.segment = segment

    def forward(self, x):
        means = F.avg_pool1d(x, self.segment, self.segment, ceil_mode=True)
        means = means.repeat_interleave(self.segment, dim=2)[:, :, : x.shape[2]]
        context = means + x.mean(dim=2, keepdim=True)
        gate = self.linear2(self.linear1(context).relu()).sigmoid()
        return self.linear_local(x) * gate


class DenseTdnnLayer(nn.Module):
    def __init__(self, in_dim, growth, bottleneck, kernel, dilation, segment):
        super().__init__()
        self.nonlinear1 = _norm_relu(in_dim)
        self.linear1 = nn.Conv1d(in_dim, bottleneck, 1, bias=False)
        self.nonlinear2 = _norm_relu(bottleneck)
        self.cam_layer = ContextMask(bottleneck, growth, kernel, dilation, segment)

    def forward(self, x):
        y = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))
        return torch.cat([x, y], dim=1)


class FrontMap(nn.Module):
    """CAM++'s two-dimensional front end: the frequency axis is divided by 8, the time axis is kept."""

    def __init__(self, feat_dim, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.layer1 = _stage(BasicBlock, channels, channels, 2, (2, 1))
        self.layer2 = _stage(BasicBlock, channels, channels, 2, (2, 1))
        self.conv2 = nn.Conv2d(channels, channels, 3, (2, 1), padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        x = self.bn1(self.conv1(x.unsqueeze(1))).relu()
        x = self.bn2(self.conv2(self.layer2(self.layer1(x)))).relu()
        return x.flatten(1, 2)


class CamPlusPlus(nn.Module):
    """CAMPPlus of WeSpeaker and 3D-Speaker."""

    def __init__(
        self,
        feat_dim=80,
        embed_dim=512,
        growth=32,
        bn_size=4,
        init_channels=128,
        blocks=(12, 24, 16),
        m_channels=32,
        segment=100,
    ):
        super().__init__()
        self.head = FrontMap(feat_dim, m_channels)
        front = nn.Conv1d(m_channels * -(-feat_dim // 8), init_channels, 5, 2, padding=2, bias=False)
        self.xvector = _named(tdnn=_named(linear=front, nonlinear=_norm_relu(init_channels)))
        channels = init_channels
        for i, (depth, dilation) in enumerate(zip(blocks, (1, 2, 2), strict=True), 1):
            layers = {}
            for j in range(depth):
                in_dim = channels + j * growth
                layers[f"tdnnd{j + 1}"] = DenseTdnnLayer(in_dim, growth, bn_size * growth, 3, dilation, segment)
            channels += depth * growth
            transit = nn.Conv1d(channels, channels // 2, 1, bias=False)
            self.xvector.add_module(f"block{i}", _named(**layers))
            self.xvector.add_module(f"transit{i}", _named(nonlinear=_norm_relu(channels), linear=transit))
            channels //= 2
        self.xvector.add_module("out_nonlinear", _norm_relu(channels))
        self.xvector.add_module("stats", StatisticsPooling())
        last = _named(batchnorm=nn.BatchNorm1d(embed_dim, affine=False))
        dense = _named(linear=nn.Conv1d(2 * channels, embed_dim, 1, bias=False), nonlinear=last)
        self.xvector.add_module("dense", dense)

    def frames(self, x):
        x = self.head(x.transpose(1, 2))
        for name, module in self.xvector.named_children():
            if name == "stats":
                break
            x = module(x)
        return x.transpose(1, 2)

    def forward(self, x):
        stats = self.xvector.stats(self.frames(x).transpose(1, 2))
        return self.xvector.dense(stats.unsqueeze(-1)).squeeze(-1)

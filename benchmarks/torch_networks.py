"""The networks of `nnet.networks` in plain PyTorch, for the benchmarks and the parity tests.

Attributes are named as in WeSpeaker's and 3D-Speaker's classes, so that a `state_dict` has the keys and shapes of their
checkpoints. Every network takes features (B, T, F); `frames` returns (B, T', C), and calling it returns the embedding
(B, D) or, for XVector, both of its embeddings.
"""

import math

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
        elif name.endswith(("running_mean", "gamma", "beta")) or (array.ndim == 1 and name.endswith("bias")):
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


def _weighted_statistics(x, weights, floor):
    """Weighted mean and standard deviation over time: x and weights (B, C, T) → (B, 2 * C)."""
    mean = (weights * x).sum(dim=2)
    variance = (weights * x.square()).sum(dim=2) - mean.square()
    return torch.cat([mean, variance.clamp(min=floor).sqrt()], dim=1)


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
        return _weighted_statistics(x, weights, floor=1e-7)


class SimAmPooling(nn.Module):
    """Attentive statistics with a batch normalization in the scoring network (ASP)."""

    def __init__(self, in_dim, hidden=128):
        super().__init__()
        first, last = nn.Conv1d(in_dim, hidden, 1), nn.Conv1d(hidden, in_dim, 1)
        self.attention = nn.Sequential(first, nn.ReLU(), nn.BatchNorm1d(hidden), last, nn.Softmax(dim=2))

    def forward(self, x):
        weights = self.attention(x)
        return _weighted_statistics(x, weights, floor=1e-5)


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


class Res2Block(nn.Module):
    """A block of Res2Net: hierarchical convolutions, of which the last group of channels is left out."""

    unchanged = 1

    def __init__(self, in_channels, channels, stride, base_width, scale, expansion):
        super().__init__()
        width, out_channels = channels * base_width // 64, channels * expansion
        count = scale - self.unchanged
        self.conv1 = nn.Conv2d(in_channels, width * scale, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width * scale)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(count))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(count))
        self.relu = nn.Hardtanh(0, 20)
        self.conv3 = nn.Conv2d(width * scale, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = _shortcut(in_channels, out_channels, stride)
        self.scale = scale

    def forward(self, x):
        groups = self.relu(self.bn1(self.conv1(x))).chunk(self.scale, dim=1)
        outputs = []
        for i, (conv, bn) in enumerate(self.layers()):
            y = self.join(i, outputs[-1], groups[i]) if i else groups[0]
            outputs.append(self.relu(bn(conv(y))))
        y = self.bn3(self.conv3(torch.cat([*outputs, *groups[len(outputs) :]], dim=1)))
        return self.relu(y + self.shortcut(x))

    def layers(self):
        return list(zip(self.convs, self.bns, strict=True))

    def join(self, i, previous, group):
        return previous + group


class EnhancedBlock(Res2Block):
    """A block of ERes2Net without local fusion: a Res2Block that convolves the last group, too."""

    unchanged = 0


class FusionBlock(EnhancedBlock):
    """A block of ERes2Net with local fusion."""

    def __init__(self, in_channels, channels, stride, base_width, scale, expansion):
        super().__init__(in_channels, channels, stride, base_width, scale, expansion)
        self.fuse_models = nn.ModuleList(Fusion(channels * base_width // 64) for _ in range(scale - 1))

    def join(self, i, previous, group):
        return self.fuse_models[i - 1](previous, group)


class WespeakerFusionBlock(FusionBlock):
    """The same as WeSpeaker saves it: the first convolution stands apart."""

    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.conv2_1, self.bn2_1 = self.convs[0], self.bns[0]
        self.convs, self.bns = self.convs[1:], self.bns[1:]

    def layers(self):
        return [(self.conv2_1, self.bn2_1), *super().layers()]


class Fusion(nn.Module):
    """Attentional feature fusion (AFF) of two maps."""

    def __init__(self, channels):
        super().__init__()
        hidden = channels // 4
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.SiLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x, y):
        attention = self.local_att(torch.cat([x, y], dim=1)).tanh()
        return (1 + attention) * x + (1 - attention) * y


class Res2Net(nn.Module):
    """Res2Net of WeSpeaker and 3D-Speaker."""

    stage_blocks = (Res2Block,) * 4

    def __init__(
        self,
        feat_dim=80,
        m_channels=32,
        embed_dim=192,
        base_width=32,
        scale=2,
        expansion=2,
        num_blocks=(3, 4, 6, 3),
        two_emb_layer=False,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(1, m_channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(m_channels)
        self.relu = nn.ReLU()
        inputs, sizes = m_channels, (base_width, scale, expansion)
        for i, (block, depth) in enumerate(zip(self.stage_blocks, num_blocks, strict=True)):
            channels = m_channels * 2**i
            blocks = []
            for j in range(depth):
                blocks.append(block(inputs, channels, 2 if i and not j else 1, *sizes))
                inputs = channels * expansion
            self.add_module(f"layer{i + 1}", nn.Sequential(*blocks))
        self.pool = StatisticsPooling()
        self.seg_1 = nn.Linear(2 * inputs * -(-feat_dim // 8), embed_dim)
        if two_emb_layer:
            self.seg_bn_1 = nn.BatchNorm1d(embed_dim, affine=False)
            self.seg_2 = nn.Linear(embed_dim, embed_dim)

    def stages(self, x):
        x = self.relu(self.bn1(self.conv1(x.transpose(1, 2).unsqueeze(1))))
        first = self.layer1(x)
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)

    def maps(self, x):
        return self.stages(x)[-1]

    def frames(self, x):
        return self.maps(x).flatten(1, 2).transpose(1, 2)

    def forward(self, x):
        x = self.seg_1(self.pool(self.maps(x)))
        return self.seg_2(self.seg_bn_1(x.relu())) if hasattr(self, "seg_2") else x


class ERes2Net(Res2Net):
    """ERes2Net of 3D-Speaker."""

    stage_blocks = (EnhancedBlock, EnhancedBlock, FusionBlock, FusionBlock)

    def __init__(self, feat_dim=80, m_channels=32, embed_dim=192, base_width=32, scale=2, expansion=2, **others):
        super().__init__(feat_dim, m_channels, embed_dim, base_width, scale, expansion, **others)
        width = m_channels * expansion
        self.layer1_downsample = nn.Conv2d(width, 2 * width, 3, 2, padding=1, bias=False)
        self.layer2_downsample = nn.Conv2d(2 * width, 4 * width, 3, 2, padding=1, bias=False)
        self.layer3_downsample = nn.Conv2d(4 * width, 8 * width, 3, 2, padding=1, bias=False)
        self.fuse_mode12 = Fusion(2 * width)
        self.fuse_mode123 = Fusion(4 * width)
        self.fuse_mode1234 = Fusion(8 * width)

    def maps(self, x):
        first, second, third, fourth = self.stages(x)
        fused = self.fuse_mode12(second, self.layer1_downsample(first))
        fused = self.fuse_mode123(third, self.layer2_downsample(fused))
        return self.fuse_mode1234(fourth, self.layer3_downsample(fused))


class WespeakerERes2Net(ERes2Net):
    """ERes2Net of WeSpeaker."""

    stage_blocks = (EnhancedBlock, EnhancedBlock, WespeakerFusionBlock, WespeakerFusionBlock)


class ERes2NetV2(Res2Net):
    """ERes2NetV2 of 3D-Speaker."""

    stage_blocks = ERes2Net.stage_blocks

    def __init__(self, feat_dim=80, m_channels=64, embed_dim=192, base_width=26, scale=2, expansion=2, **others):
        super().__init__(feat_dim, m_channels, embed_dim, base_width, scale, expansion, **others)
        width = m_channels * 4 * expansion
        self.layer3_ds = nn.Conv2d(width, 2 * width, 3, 2, padding=1, bias=False)
        self.fuse34 = Fusion(2 * width)

    def maps(self, x):
        _, _, third, fourth = self.stages(x)
        return self.fuse34(fourth, self.layer3_ds(third))


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


class MapSqueezeExcitation(nn.Module):
    """RepVGG's gate, with its names of the layers."""

    def __init__(self, channels):
        super().__init__()
        self.fc_1 = nn.Linear(channels, channels // 4)
        self.fc_2 = nn.Linear(channels // 4, channels)

    def forward(self, x):
        gate = self.fc_2(self.fc_1(x.mean(dim=(2, 3))).relu()).sigmoid()
        return x * gate[:, :, None, None]


class RepBlock(nn.Module):
    def __init__(self, in_channels, channels, stride, groups, dilated, gate, fused):
        super().__init__()

        def branch(kernel, dilation=1):
            padding = dilation * (kernel // 2)
            shape = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
            convolution = nn.Conv2d(in_channels, channels, kernel, bias=False, **shape)
            return _named(conv=convolution, bn=nn.BatchNorm2d(channels))

        if fused:
            kernel = 5 if dilated else 3
            self.rbr_reparam = nn.Conv2d(in_channels, channels, kernel, stride, kernel // 2, groups=groups)
        else:
            self.rbr_dense = branch(3)
            if dilated:
                self.rbr_dense_dilation = branch(3, 2)
            else:
                self.rbr_1x1 = branch(1)
            if stride == 1 and in_channels == channels:
                self.rbr_identity = nn.BatchNorm2d(channels)
        self.se = MapSqueezeExcitation(channels) if gate else nn.Identity()

    def forward(self, x):
        branches = [module for name, module in self.named_children() if name != "se"]
        return self.se(sum(module(x) for module in branches).relu())


class RepVgg(nn.Module):
    """WeSpeaker's RepVGG of `depths` blocks and `widths` channels, the first of which is the first block's."""

    def __init__(self, depths, widths, groups=1, dilated=False, gate=False, fused=False, feat_dim=80, embed_dim=256):
        super().__init__()
        form = (dilated, gate, fused)
        self.stage0 = RepBlock(1, widths[0], 1, 1, *form)
        channels, layer = widths[0], 1
        for i, (depth, width) in enumerate(zip(depths, widths[1:], strict=True), 1):
            blocks = []
            for j in range(depth):
                grouped = layer % 2 == 0 and layer <= 26
                blocks.append(RepBlock(channels, width, 2 if i > 1 and not j else 1, groups if grouped else 1, *form))
                channels, layer = width, layer + 1
            self.add_module(f"stage{i}", nn.Sequential(*blocks))
        self.pool = StatisticsPooling()
        self.seg = nn.Linear(2 * channels * -(-feat_dim // 8), embed_dim)

    def maps(self, x):
        x = self.stage0(x.transpose(1, 2).unsqueeze(1))
        return self.stage4(self.stage3(self.stage2(self.stage1(x))))

    def frames(self, x):
        return self.maps(x).flatten(1, 2).transpose(1, 2)

    def forward(self, x):
        return self.seg(self.pool(self.maps(x)))


class ChannelsFirstNorm(nn.LayerNorm):
    """Layer normalization over the second axis."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ResponseNorm(nn.Module):
    """ConvNeXt V2's global response normalization over (B, T, C)."""

    def __init__(self, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1, 1, channels))
        self.beta = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x):
        norms = x.norm(dim=1, keepdim=True)
        return x + self.gamma * x * norms / (norms.mean(dim=2, keepdim=True) + 1e-6) + self.beta


class ConvNextBlock(nn.Module):
    """NeXt-TDNN's block; with `light` its single convolution has no projections."""

    def __init__(self, channels, kernels, light):
        super().__init__()
        width = channels // len(kernels)
        convs = [nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width) for kernel in kernels]
        if light:
            (self.dwconv,) = convs
        else:
            self.projection_linear = nn.Conv1d(channels, channels, 1)
            self.mscconv = nn.ModuleList(convs)
            self.pwconv_1stage = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.grn = ResponseNorm(4 * channels)
        self.pwconv2 = nn.Linear(4 * channels, channels)

    def convolved(self, x):
        if hasattr(self, "dwconv"):
            return self.dwconv(x)
        shares = self.projection_linear(x).chunk(len(self.mscconv), dim=1)
        y = torch.cat([conv(share) for conv, share in zip(self.mscconv, shares, strict=True)], dim=1)
        return self.pwconv_1stage(F.gelu(y).transpose(1, 2)).transpose(1, 2)

    def forward(self, x):
        x = (x + self.convolved(x)).transpose(1, 2)
        x = x + self.pwconv2(self.grn(F.gelu(self.pwconv1(self.norm(x)))))
        return x.transpose(1, 2)


class NormalizedAttention(nn.Module):
    """NeXt-TDNN's pooling and embedding: attentive statistics, and batch normalization around an affine layer."""

    def __init__(self, channels, hidden, embed_dim):
        super().__init__()
        self.conv_1 = nn.Conv1d(channels, hidden, 1)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.conv_2 = nn.Conv1d(hidden, channels, 1)
        self.bn2 = nn.BatchNorm1d(2 * channels)
        self.fc = nn.Linear(2 * channels, embed_dim)
        self.bn3 = nn.BatchNorm1d(embed_dim)

    def forward(self, x):
        weights = self.conv_2(self.bn1(self.conv_1(x)).tanh()).softmax(dim=2)
        return self.bn3(self.fc(self.bn2(_weighted_statistics(x, weights, floor=1e-5))))


class NextTdnn(nn.Module):
    """The authors' NeXt-TDNN, with the names of their checkpoints."""

    def __init__(self, channels=256, blocks=3, kernels=(7, 65), light=False, feat_dim=80, embed_dim=192):
        super().__init__()
        stem = nn.Sequential(nn.Conv1d(feat_dim, channels, 4), ChannelsFirstNorm(channels, eps=1e-6))
        stages = [nn.Sequential(*[ConvNextBlock(channels, kernels, light) for _ in range(blocks)]) for _ in range(3)]
        last = nn.Sequential(nn.Conv1d(3 * channels, 3 * channels, 1), ChannelsFirstNorm(3 * channels, eps=1e-6))
        model = nn.ModuleDict({"stem": nn.ModuleList([stem]), "stages": nn.ModuleList(stages), "MFA": last})
        pooling = NormalizedAttention(3 * channels, 3 * channels // 8, embed_dim)
        self.speaker_net = nn.ModuleDict({"model": model, "aggregate": pooling})

    def maps(self, x):
        model = self.speaker_net["model"]
        x, outputs = model["stem"][0](x.transpose(1, 2)), []
        for stage in model["stages"]:
            x = stage(x)
            outputs.append(x)
        return model["MFA"](torch.cat(outputs, dim=1))

    def frames(self, x):
        return self.maps(x).transpose(1, 2)

    def forward(self, x):
        return self.speaker_net["aggregate"](self.maps(x))


class ToMap(nn.Module):
    """(B, F * C, T) → (B, C, F, T); see ToFrames."""

    def __init__(self, bins):
        super().__init__()
        self.bins = bins

    def forward(self, x):
        return x.unflatten(1, (self.bins, -1)).transpose(1, 2)


class ToFrames(nn.Module):
    """(B, C, F, T) → (B, F * C, T)."""

    def forward(self, x):
        return x.transpose(1, 2).flatten(1, 2)


class Aggregation(nn.Module):
    def __init__(self, count, dims):
        super().__init__()
        self.w = nn.Parameter(torch.randn(1, count, dims, 1))

    def forward(self, outputs):
        return (self.w.softmax(dim=1) * torch.stack(outputs, dim=1)).sum(dim=1)


class GroupedConvNextBlock(nn.Module):
    def __init__(self, conv, norm, project):
        super().__init__()
        self.dwconvs = nn.ModuleList([conv])
        self.norm = norm
        self.pwconv1 = project

    def forward(self, x):
        return x + self.pwconv1(F.gelu(self.norm(self.dwconvs[0](x))))


class BinGate(nn.Module):
    def __init__(self, bins, hidden):
        super().__init__()
        self.squeeze = nn.Linear(bins, hidden)
        self.exitation = nn.Linear(hidden, bins)

    def forward(self, x):
        gate = self.exitation(self.squeeze(x.mean(dim=(1, 3))).relu()).sigmoid()
        return x * gate[:, None, :, None]


class GroupedBasicBlock(nn.Module):
    def __init__(self, channels, groups, gate):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.conv1pw = nn.Conv2d(channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.conv2pw = nn.Conv2d(channels, channels, 1)
        self.bn2 = nn.BatchNorm2d(channels)
        self.se = gate

    def forward(self, x):
        y = self.bn1(self.conv1pw(self.conv1(x)).relu())
        y = self.se(self.bn2(self.conv2pw(self.conv2(y))))
        return (y + x).relu()


def _block_2d(kind, channels, bins, group):
    groups = channels // group
    if kind == "convnext":
        conv = nn.Conv2d(channels, channels, 3, padding=1, groups=groups)
        return _named(conv_block=GroupedConvNextBlock(conv, nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 1)))
    gate = BinGate(bins, min(64, max(channels, 32))) if kind == "gated" else nn.Identity()
    return _named(conv_block=GroupedBasicBlock(channels, groups, gate))


class Attention(nn.Module):
    def __init__(self, dims, heads=4):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(dims, dims) for _ in range(4))

    def forward(self, x):
        projections = (self.q_proj, self.k_proj, self.v_proj)
        heads = [layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in projections]
        return self.out_proj(F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    """(B, D, T) → the same shape."""

    def __init__(self, dims):
        super().__init__()
        self.attention = Attention(dims)
        self.layer_norm = nn.LayerNorm(dims, eps=1e-6)
        self.feed_forward = _named(
            intermediate_dense=nn.Linear(dims, dims),
            act=nn.GELU(approximate="tanh"),
            output_dense=nn.Linear(dims, dims),
        )
        self.final_layer_norm = nn.LayerNorm(dims, eps=1e-6)

    def forward(self, x):
        x = x.transpose(1, 2)
        x = self.layer_norm(x + self.attention(x))
        return self.final_layer_norm(x + self.feed_forward(x)).transpose(1, 2)


class TimeContext(nn.Module):
    def __init__(self, dims, hidden):
        super().__init__()
        self.red_dim_conv = nn.Sequential(nn.Conv1d(dims, hidden, 1), ChannelsFirstNorm(hidden, eps=1e-6))
        blocks = []
        for kernel in (7, 19, 31, 59):
            conv = nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2, groups=hidden)
            blocks.append(GroupedConvNextBlock(conv, nn.BatchNorm1d(hidden), nn.Conv1d(hidden, hidden, 1)))
        self.tcm = nn.Sequential(*blocks, EncoderLayer(hidden))
        self.exp_dim_conv = nn.Conv1d(hidden, dims, 1)

    def forward(self, x):
        return x + self.exp_dim_conv(self.tcm(self.red_dim_conv(x)))


class ReDimNetBone(nn.Module):
    """The frame-level part of both ReDimNets.

    Args:
        stages: (stride, blocks, expansion, reduction or 0) of each stage, or (stride, time stride, blocks, ...).
        listed: the weights of all aggregations are in one list, as in WeSpeaker.
    """

    def __init__(self, feat_dim, channels, kind, group, stages, out_channels, out_map, listed):
        super().__init__()
        width, bins, pool = feat_dim * channels, feat_dim, 1
        second = len(stages[0]) == 5
        norm = ChannelsFirstNorm(channels, eps=1e-6)
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1), norm, ToFrames())
        self.depth, self.listed = len(stages), listed
        sums = [Aggregation(i + 1, width) for i in range(len(stages) + 1)]
        self.bins = []
        for i, (stride, *times, blocks, expansion, reduction) in enumerate(stages):
            pool *= times[0] if second else 1
            inner = int(stride * channels * expansion)
            groups = math.gcd(channels, inner) if second else 1
            layers = [] if listed else [sums[i], ToMap(bins)]
            self.bins.append(bins)
            layers.append(nn.Conv2d(channels, inner, (stride, pool), (stride, pool), groups=groups))
            channels, bins = channels * stride, bins // stride
            layers += [_block_2d(kind, inner, bins, group) for _ in range(blocks)]
            if expansion != 1:
                layers.append(self._squeeze(inner, channels, group, second))
            layers.append(ToFrames())
            if reduction:
                layers.append(TimeContext(width, width // reduction))
            if pool > 1:
                layers.append(nn.Upsample(scale_factor=pool, mode="nearest"))
            self.add_module(f"stage{i}", nn.Sequential(*layers))
        self.time_stride = pool
        if listed:
            self.inputs_weights = nn.ParameterList([nn.Parameter(torch.ones(1, 1, 1, 1), requires_grad=False)])
            self.inputs_weights.extend(layer.w for layer in sums[1:])
        else:
            self.stage0[0].w = nn.Parameter(torch.zeros(1, 1, width if second else 1, 1), requires_grad=False)
            self.fin_wght1d = sums[-1]
        if out_channels and not second:
            self.mfa = nn.Sequential(nn.Conv1d(width, out_channels, 1), nn.BatchNorm1d(out_channels))
        elif out_channels and out_map:
            self.head = nn.Conv2d(channels, out_channels, 1)
            self.to_map = ToMap(bins)
        elif out_channels:
            self.head = nn.Conv1d(width, out_channels, 1)

    @staticmethod
    def _squeeze(inner, channels, group, second):
        if second:
            return nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels, eps=1e-6))
        conv = nn.Conv2d(inner, channels, 3, padding=1, groups=channels // group)
        norm = nn.BatchNorm2d(channels, eps=1e-6)
        return nn.Sequential(conv, norm, nn.GELU(), nn.Conv2d(channels, channels, 1))

    def _sum(self, outputs):
        weights = self.inputs_weights[len(outputs) - 1].softmax(dim=1)
        return (weights * torch.stack(outputs, dim=1)).sum(dim=1)

    def forward(self, x):
        frames = x.shape[3] // self.time_stride * self.time_stride
        outputs = [self.stem(x[..., :frames])]
        for i in range(self.depth):
            x = ToMap(self.bins[i])(self._sum(outputs)) if self.listed else outputs
            outputs.append(self.get_submodule(f"stage{i}")(x))
        x = self._sum(outputs) if self.listed else self.fin_wght1d(outputs)
        if hasattr(self, "mfa"):
            return self.mfa(x)
        if hasattr(self, "to_map"):
            return self.head(self.to_map(x)).flatten(1, 2)
        return self.head(x) if hasattr(self, "head") else x


class ReDimNet(nn.Module):
    """ReDimNet and, with a stride over time in each of its stages, ReDimNet2; in the names of their authors.

    With `wespeaker`, it has those of WeSpeaker's ReDimNet, and no batch normalization after the pooling.
    """

    def __init__(
        self,
        stages,
        feat_dim=72,
        channels=16,
        kind="convnext",
        group=4,
        out_channels=0,
        out_map=False,
        embed_dim=192,
        context=True,
        wespeaker=False,
    ):
        super().__init__()
        self.backbone = ReDimNetBone(feat_dim, channels, kind, group, stages, out_channels, out_map, wespeaker)
        with torch.no_grad():
            width = self.backbone.eval()(torch.zeros(1, 1, feat_dim, 8)).shape[1]
        self.backbone.train()
        self.pool = AttentivePooling(width, context=context)
        if wespeaker:
            self.seg_1 = nn.Linear(2 * width, embed_dim)
        else:
            self.bn = nn.BatchNorm1d(2 * width)
            self.linear = nn.Linear(2 * width, embed_dim)

    def frames(self, x):
        return self.backbone(x.transpose(1, 2).unsqueeze(1)).transpose(1, 2)

    def forward(self, x):
        pooled = self.pool(self.frames(x).transpose(1, 2))
        return self.seg_1(pooled) if hasattr(self, "seg_1") else self.linear(self.bn(pooled))

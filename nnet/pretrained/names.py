"""Translates our parameter names into WeSpeaker's, which the other toolkits share."""

import re

# Rules (pattern of our name, WeSpeaker's name) by network type; the first one that matches the whole name applies.
POSTERIOR = [
    (r"pooling\.hidden\.(\w+)", r"pool.lin1_relu_bn.0.\1"),
    (r"pooling\.hidden_bn\.(\w+)", r"pool.lin1_relu_bn.2.\1"),
    (r"pooling\.scores\.(\w+)", r"pool.lin2.\1"),
    (r"pooling\.prior_mean", r"pool.prior_mean"),
    (r"pooling\.prior_log_precision", r"pool.prior_logprec"),
]
SEGMENTS = [
    (r"embedding\.layers\.0\.affine\.(\w+)", r"seg_1.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"seg_bn_1.\1"),
    (r"embedding\.layers\.1\.affine\.(\w+)", r"seg_2.\1"),
]
TDNN = [
    (r"network\.tdnn(\d+)\.affine\.(\w+)", r"frame_\1.conv_1d.\2"),
    (r"network\.tdnn(\d+)\.bn\.(\w+)", r"frame_\1.bn.\2"),
    *POSTERIOR,
    *SEGMENTS,
]
RESNET = [
    (r"network\.(.+)", r"\1"),
    *SEGMENTS,
]
SIMAM_RESNET = [
    (r"network\.(.+)\.shortcut\.(.+)", r"front.\1.downsample.\2"),
    (r"network\.(.+)", r"front.\1"),
    (r"pooling\.linear1\.(\w+)", r"pooling.attention.0.\1"),
    (r"pooling\.bn\.(\w+)", r"pooling.attention.2.\1"),
    (r"pooling\.linear2\.(\w+)", r"pooling.attention.3.\1"),
    (r"embedding\.layers\.0\.affine\.(\w+)", r"bottleneck.\1"),
]
ECAPA_TDNN = [
    (r"network\.layer(\d)\.conv1\.(.+)", r"layer\1.se_res2block.0.\2"),
    (r"network\.layer(\d)\.res2\.(.+)", r"layer\1.se_res2block.1.\2"),
    (r"network\.layer(\d)\.conv2\.(.+)", r"layer\1.se_res2block.2.\2"),
    (r"network\.layer(\d)\.se\.(.+)", r"layer\1.se_res2block.3.\2"),
    (r"network\.(.+)", r"\1"),
    *POSTERIOR,
    (r"pooling\.(.+)", r"pool.\1"),
    (r"embedding\.input_bn\.(\w+)", r"bn.\1"),
    (r"embedding\.layers\.0\.affine\.(\w+)", r"linear.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"bn2.\1"),
]


def _numbered(text):
    """Makes a replacement that adds 1 to each matched number: WeSpeaker counts from 1, we count from 0."""

    def replace(match):
        return text.format(*[int(g) + 1 if g.isdigit() else g for g in match.groups()])

    return replace


CAMPPLUS = [
    (r"network\.head\.(.+)", r"head.\1"),
    (r"network\.tdnn\.(\w+)", r"xvector.tdnn.linear.\1"),
    (r"network\.tdnn_bn\.(\w+)", r"xvector.tdnn.nonlinear.batchnorm.\1"),
    (r"network\.blocks\.(\d+)\.(\d+)\.bn1\.(\w+)", _numbered("xvector.block{}.tdnnd{}.nonlinear1.batchnorm.{}")),
    (r"network\.blocks\.(\d+)\.(\d+)\.bn2\.(\w+)", _numbered("xvector.block{}.tdnnd{}.nonlinear2.batchnorm.{}")),
    (r"network\.blocks\.(\d+)\.(\d+)\.linear1\.(\w+)", _numbered("xvector.block{}.tdnnd{}.linear1.{}")),
    (
        r"network\.blocks\.(\d+)\.(\d+)\.cam\.local\.(\w+)",
        _numbered("xvector.block{}.tdnnd{}.cam_layer.linear_local.{}"),
    ),
    (r"network\.blocks\.(\d+)\.(\d+)\.cam\.(.+)", _numbered("xvector.block{}.tdnnd{}.cam_layer.{}")),
    (r"network\.transits\.(\d+)\.bn\.(\w+)", _numbered("xvector.transit{}.nonlinear.batchnorm.{}")),
    (r"network\.transits\.(\d+)\.linear\.(\w+)", _numbered("xvector.transit{}.linear.{}")),
    (r"network\.out_bn\.(\w+)", r"xvector.out_nonlinear.batchnorm.\1"),
    (r"embedding\.layers\.0\.affine\.(\w+)", r"xvector.dense.linear.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"xvector.dense.nonlinear.batchnorm.\1"),
]
DF_RESNET = [
    (r"network\.conv1\.(\w+)", r"downsample_layers.0.0.\1"),
    (r"network\.bn1\.(\w+)", r"downsample_layers.0.1.\1"),
    (r"network\.stage(\d)\.conv\.(\w+)", r"downsample_layers.\1.0.\2"),
    (r"network\.stage(\d)\.bn\.(\w+)", r"downsample_layers.\1.1.\2"),
    (r"network\.stage1\.blocks\.(.+)", r"stages.0.\1"),
    (r"network\.stage2\.blocks\.(.+)", r"stages.1.\1"),
    (r"network\.stage3\.blocks\.(.+)", r"stages.2.\1"),
    (r"network\.stage4\.blocks\.(.+)", r"stages.3.\1"),
    *SEGMENTS,
]
RULES = {
    "tdnn": TDNN,
    "etdnn": TDNN,
    "resnet": RESNET,
    "simam_resnet": SIMAM_RESNET,
    "df_resnet": DF_RESNET,
    "ecapa_tdnn": ECAPA_TDNN,
    "campplus": CAMPPLUS,
}


# WeSpeaker's weights with an axis more than ours may have, by network type: convolutions of kernel 1 that are linear
# layers here, and rows that are vectors here.
POINTWISE = {
    "tdnn": r"frame_\d+\.conv_1d\.weight",
    "etdnn": r"frame_\d+\.conv_1d\.weight",
    "ecapa_tdnn": r"(.+\.)?conv\.weight|.+\.convs\.\d+\.weight|pool\.linear\d\.weight",
    "campplus": r"xvector\..*linear\w*\.weight",
}
ROWS = r"pool\.prior_(mean|logprec)"


def their_name(name, network_type):
    """Returns WeSpeaker's name of one of our parameters, None if it has no counterpart."""
    for pattern, replacement in RULES[network_type]:
        match = re.fullmatch(pattern, name)
        if match:
            return replacement(match) if callable(replacement) else match.expand(replacement)
    return None


def their_dims(theirs, ndim, network_type):
    """Returns the number of axes that our weight with `ndim` axes has in WeSpeaker, under the name `theirs`."""
    pattern = {2: POINTWISE.get(network_type, r""), 1: ROWS}.get(ndim, r"")
    return ndim + bool(re.fullmatch(pattern, theirs))

"""Translates our parameter names into those of WeSpeaker, 3D-Speaker and NeXt-TDNN's authors."""

import re

# Rules (pattern of our name, their name) by network type; the first one that matches the whole name applies.
POOLING = [
    (r"pooling\.hidden\.(\w+)", r"pool.lin1_relu_bn.0.\1"),
    (r"pooling\.hidden_bn\.(\w+)", r"pool.lin1_relu_bn.2.\1"),
    (r"pooling\.scores\.(\w+)", r"pool.lin2.\1"),
    (r"pooling\.prior_mean", r"pool.prior_mean"),
    (r"pooling\.prior_log_precision", r"pool.prior_logprec"),
    (r"pooling\.(.+)", r"pool.\1"),
]
SEGMENTS = [
    (r"embedding\.layers\.0\.affine\.(\w+)", r"seg_1.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"seg_bn_1.\1"),
    (r"embedding\.layers\.1\.affine\.(\w+)", r"seg_2.\1"),
]
TDNN = [
    (r"network\.tdnn(\d+)\.affine\.(\w+)", r"frame_\1.conv_1d.\2"),
    (r"network\.tdnn(\d+)\.bn\.(\w+)", r"frame_\1.bn.\2"),
    *POOLING,
    *SEGMENTS,
]
RESNET = [
    (r"network\.(.+)", r"\1"),
    *POOLING,
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
LINEAR = [
    (r"embedding\.input_bn\.(\w+)", r"bn.\1"),
    (r"embedding\.layers\.0\.affine\.(\w+)", r"linear.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"bn2.\1"),
]
ECAPA_TDNN = [
    (r"network\.layer(\d)\.conv1\.(.+)", r"layer\1.se_res2block.0.\2"),
    (r"network\.layer(\d)\.res2\.(.+)", r"layer\1.se_res2block.1.\2"),
    (r"network\.layer(\d)\.conv2\.(.+)", r"layer\1.se_res2block.2.\2"),
    (r"network\.layer(\d)\.se\.(.+)", r"layer\1.se_res2block.3.\2"),
    (r"network\.(.+)", r"\1"),
    *POOLING,
    *LINEAR,
]


def _numbered(text):
    """Makes a replacement that adds 1 to each matched number: WeSpeaker counts from 1, we count from 0."""

    def replace(match):
        return text.format(*[int(g) + 1 if g.isdecimal() else g for g in match.groups()])

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
    *POOLING,
    (r"embedding\.layers\.0\.affine\.(\w+)", r"xvector.dense.linear.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"xvector.dense.nonlinear.batchnorm.\1"),
]
REPVGG = [
    (r"network\.(.+)\.point\.(\w+)", r"\1.rbr_1x1.conv.\2"),
    (r"network\.(.+)\.point_bn\.(\w+)", r"\1.rbr_1x1.bn.\2"),
    (r"network\.(.+)\.dense\.(\w+)", r"\1.rbr_dense.conv.\2"),
    (r"network\.(.+)\.dense_bn\.(\w+)", r"\1.rbr_dense.bn.\2"),
    (r"network\.(.+)\.dilated\.(\w+)", r"\1.rbr_dense_dilation.conv.\2"),
    (r"network\.(.+)\.dilated_bn\.(\w+)", r"\1.rbr_dense_dilation.bn.\2"),
    (r"network\.(.+)\.identity_bn\.(\w+)", r"\1.rbr_identity.\2"),
    (r"network\.(.+)\.fused\.(\w+)", r"\1.rbr_reparam.\2"),
    (r"network\.(.+)\.se\.linear(\d)\.(\w+)", r"\1.se.fc_\2.\3"),
    *POOLING,
    (r"embedding\.layers\.0\.affine\.(\w+)", r"seg.\1"),
]
# The names of NeXt-TDNN's authors.
NEXT_TDNN = [
    (r"network\.stem\.(\w+)", r"speaker_net.model.stem.0.0.\1"),
    (r"network\.stem_norm\.(\w+)", r"speaker_net.model.stem.0.1.\1"),
    (r"network\.(stages\.\d+\.\d+)\.project\.(\w+)", r"speaker_net.model.\1.projection_linear.\2"),
    (r"network\.(stages\.\d+\.\d+)\.convs\.(\d+\.\w+)", r"speaker_net.model.\1.mscconv.\2"),
    (r"network\.(stages\.\d+\.\d+)\.conv\.(\w+)", r"speaker_net.model.\1.dwconv.\2"),
    (r"network\.(stages\.\d+\.\d+)\.linear\.(\w+)", r"speaker_net.model.\1.pwconv_1stage.\2"),
    (r"network\.(stages\.\d+\.\d+)\.feed_forward\.norm\.(\w+)", r"speaker_net.model.\1.norm.\2"),
    (r"network\.(stages\.\d+\.\d+)\.feed_forward\.linear(\d\.\w+)", r"speaker_net.model.\1.pwconv\2"),
    (r"network\.(stages\.\d+\.\d+)\.feed_forward\.grn\.weight", r"speaker_net.model.\1.grn.gamma"),
    (r"network\.(stages\.\d+\.\d+)\.feed_forward\.grn\.bias", r"speaker_net.model.\1.grn.beta"),
    (r"network\.mfa\.(\w+)", r"speaker_net.model.MFA.0.\1"),
    (r"network\.mfa_norm\.(\w+)", r"speaker_net.model.MFA.1.\1"),
    (r"pooling\.linear(\d)\.(\w+)", r"speaker_net.aggregate.conv_\1.\2"),
    (r"pooling\.bn\.(\w+)", r"speaker_net.aggregate.bn1.\1"),
    (r"embedding\.input_bn\.(\w+)", r"speaker_net.aggregate.bn2.\1"),
    (r"embedding\.layers\.0\.affine\.(\w+)", r"speaker_net.aggregate.fc.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"speaker_net.aggregate.bn3.\1"),
]


def _in_stage(text):
    """Makes a replacement for what is in layer {} of stage {}: the authors of ReDimNet count stages from 0."""
    return lambda match: f"backbone.stage{int(match[1]) - 1}.{match[2]}." + match.expand(text)


_LAYER = r"network\.stage(\d+)\.(\d+)\."
REDIMNET = [
    (r"network\.stem\.conv\.(\w+)", r"backbone.stem.0.\1"),
    (r"network\.stem\.norm\.(\w+)", r"backbone.stem.1.\1"),
    (r"network\.stage(\d+)\.0\.weight", lambda match: f"backbone.stage{int(match[1]) - 1}.0.w"),
    (r"network\.last\.weight", r"backbone.fin_wght1d.w"),
    (_LAYER + r"(weight|bias)", _in_stage(r"\3")),
    (_LAYER + r"((?:conv|bn)[12](?:pw)?\.\w+)", _in_stage(r"conv_block.\3")),
    (_LAYER + r"gate\.linear1\.(\w+)", _in_stage(r"conv_block.se.squeeze.\3")),
    (_LAYER + r"gate\.linear2\.(\w+)", _in_stage(r"conv_block.se.exitation.\3")),
    (_LAYER + r"dwconv\.(\w+)", _in_stage(r"conv_block.dwconvs.0.\3")),
    (_LAYER + r"norm\.(\w+)", _in_stage(r"conv_block.norm.\3")),
    (_LAYER + r"pwconv\.(\w+)", _in_stage(r"conv_block.pwconv1.\3")),
    (_LAYER + r"conv\.(\w+)", _in_stage(r"0.\3")),
    (_LAYER + r"bn\.(\w+)", _in_stage(r"1.\3")),
    (_LAYER + r"project\.(\w+)", _in_stage(r"3.\3")),
    (_LAYER + r"reduce\.(\w+)", _in_stage(r"red_dim_conv.0.\3")),
    (_LAYER + r"reduce_norm\.(\w+)", _in_stage(r"red_dim_conv.1.\3")),
    (_LAYER + r"blocks\.(\d)\.dwconv\.(\w+)", _in_stage(r"tcm.\3.dwconvs.0.\4")),
    (_LAYER + r"blocks\.(\d)\.norm\.(\w+)", _in_stage(r"tcm.\3.norm.\4")),
    (_LAYER + r"blocks\.(\d)\.pwconv\.(\w+)", _in_stage(r"tcm.\3.pwconv1.\4")),
    (_LAYER + r"encoder\.attention\.([qkv])\w+\.(\w+)", _in_stage(r"tcm.4.attention.\3_proj.\4")),
    (_LAYER + r"encoder\.attention\.out\.(\w+)", _in_stage(r"tcm.4.attention.out_proj.\3")),
    (_LAYER + r"encoder\.norm1\.(\w+)", _in_stage(r"tcm.4.layer_norm.\3")),
    (_LAYER + r"encoder\.linear1\.(\w+)", _in_stage(r"tcm.4.feed_forward.intermediate_dense.\3")),
    (_LAYER + r"encoder\.linear2\.(\w+)", _in_stage(r"tcm.4.feed_forward.output_dense.\3")),
    (_LAYER + r"encoder\.norm2\.(\w+)", _in_stage(r"tcm.4.final_layer_norm.\3")),
    (_LAYER + r"expand\.(\w+)", _in_stage(r"exp_dim_conv.\3")),
    *POOLING,
    *LINEAR,
    SEGMENTS[-1],
]


def _fusion(ours, theirs):
    """Makes the rules for the layers of an attentional fusion, which their Sequential counts together with a SiLU."""
    numbers = {"conv1": 0, "bn1": 1, "conv2": 3, "bn2": 4}
    return [(rf"{ours}\.{n}\.(?P<rest>\w+)", rf"{theirs}.local_att.{i}.\g<rest>") for n, i in numbers.items()]


LOCAL_FUSION = _fusion(r"network\.(layer\d\.\d+)\.fusions\.(\d+)", r"\1.fuse_models.\2")
ERES2NET = [
    *LOCAL_FUSION,
    *_fusion(r"network\.fusions\.0", "fuse_mode12"),
    *_fusion(r"network\.fusions\.1", "fuse_mode123"),
    *_fusion(r"network\.fusions\.2", "fuse_mode1234"),
    (r"network\.downsamples\.(\d)\.(\w+)", _numbered("layer{}_downsample.{}")),
    *RESNET,
]
ERES2NETV2 = [
    *LOCAL_FUSION,
    *_fusion(r"network\.fusion", "fuse34"),
    (r"network\.downsample\.(\w+)", r"layer3_ds.\1"),
    *RESNET,
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
    *POOLING,
    *SEGMENTS,
]
RULES = {
    "tdnn": TDNN,
    "resnet": RESNET,
    "simam_resnet": SIMAM_RESNET,
    "df_resnet": DF_RESNET,
    "ecapa_tdnn": ECAPA_TDNN,
    "campplus": CAMPPLUS,
    "res2net": RESNET,
    "eres2net": ERES2NET,
    "eres2netv2": ERES2NETV2,
    "repvgg": REPVGG,
    "next_tdnn": NEXT_TDNN,
    "redimnet": [
        (r"network\.head\.(\w+)", r"backbone.mfa.0.\1"),
        (r"network\.head_bn\.(\w+)", r"backbone.mfa.1.\1"),
        *REDIMNET,
    ],
    "redimnet2": [(r"network\.head\.(?:conv\.)?(\w+)", r"backbone.head.\1"), *REDIMNET],
}


# Their weights with three axes that have fewer here, by network type: a convolution of kernel 1 that is a linear layer,
# and scales and offsets (1, 1, C).
THREE_AXES = {"campplus": r"xvector\.dense\.linear\.weight", "next_tdnn": r".+\.grn\.(gamma|beta)"}
ROWS = r"pool\.prior_(mean|logprec)"


def their_name(name, network_type):
    """Returns their name of one of our parameters, None if it has no counterpart."""
    for pattern, replacement in RULES[network_type]:
        match = re.fullmatch(pattern, name)
        if match:
            return replacement(match) if callable(replacement) else match.expand(replacement)
    return None


def wespeaker_name(name, network_type):
    """Returns WeSpeaker's name of one of our parameters; see `their_name`.

    In ERes2Net's blocks with local fusion, WeSpeaker calls the first convolution conv2_1 and counts from the second.
    """
    theirs = their_name(name, network_type)
    of_group = network_type == "eres2net" and re.fullmatch(r"(layer[34]\.\d+\.)(conv|bn)s\.(\d+)(\.\w+)", theirs or "")
    if not of_group:
        return theirs
    block, kind, number, weight = of_group.groups()
    return f"{block}{kind}2_1{weight}" if number == "0" else f"{block}{kind}s.{int(number) - 1}{weight}"


def their_dims(theirs, ndim, network_type):
    """Returns the number of axes that our weight with `ndim` axes has with them, under the name `theirs`."""
    if theirs.endswith(".w"):  # an aggregation of ReDimNet
        return 4
    if ndim == 1 and re.fullmatch(ROWS, theirs):
        return 2
    return 3 if ndim < 3 and re.fullmatch(THREE_AXES.get(network_type, ""), theirs) else ndim

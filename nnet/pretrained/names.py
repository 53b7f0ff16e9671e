"""Translates our parameter names into WeSpeaker's, which the other toolkits share."""

import re

# Rules (pattern of our name, WeSpeaker's name) by network type; the first one that matches the whole name applies.
TDNN = [
    (r"network\.tdnn(\d+)\.affine\.(\w+)", r"frame_\1.conv_1d.\2"),
    (r"network\.tdnn(\d+)\.bn\.(\w+)", r"frame_\1.bn.\2"),
    (r"embedding\.layers\.0\.affine\.(\w+)", r"seg_1.\1"),
    (r"embedding\.layers\.0\.bn\.(\w+)", r"seg_bn_1.\1"),
    (r"embedding\.layers\.1\.affine\.(\w+)", r"seg_2.\1"),
]
RESNET = [
    (r"network\.(.+)", r"\1"),
    *TDNN[2:],
]
ECAPA_TDNN = [
    (r"network\.layer(\d)\.conv1\.(.+)", r"layer\1.se_res2block.0.\2"),
    (r"network\.layer(\d)\.res2\.(.+)", r"layer\1.se_res2block.1.\2"),
    (r"network\.layer(\d)\.conv2\.(.+)", r"layer\1.se_res2block.2.\2"),
    (r"network\.layer(\d)\.se\.(.+)", r"layer\1.se_res2block.3.\2"),
    (r"network\.(.+)", r"\1"),
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
    *ECAPA_TDNN[-4:],  # pooling and embedding
    TDNN[-1],
]
RULES = {
    "tdnn": TDNN,
    "etdnn": TDNN,
    "resnet": RESNET,
    "ecapa_tdnn": ECAPA_TDNN,
    "campplus": CAMPPLUS,
    "redimnet": [
        (r"network\.head\.(\w+)", r"backbone.mfa.0.\1"),
        (r"network\.head_bn\.(\w+)", r"backbone.mfa.1.\1"),
        *REDIMNET,
    ],
    "redimnet2": [(r"network\.head\.(?:conv\.)?(\w+)", r"backbone.head.\1"), *REDIMNET],
}


# WeSpeaker's weights that are convolutions of kernel 1 and may be linear layers here, by network type.
POINTWISE = {
    "tdnn": r"frame_\d+\.conv_1d\.weight",
    "etdnn": r"frame_\d+\.conv_1d\.weight",
    "resnet": r"",
    "ecapa_tdnn": r"(.+\.)?conv\.weight|.+\.convs\.\d+\.weight|pool\.linear\d\.weight",
    "campplus": r"xvector\..*linear\w*\.weight",
    "redimnet": r"",
    "redimnet2": r"",
}


def their_name(name, network_type):
    """Returns WeSpeaker's name of one of our parameters, None if it has no counterpart."""
    for pattern, replacement in RULES[network_type]:
        match = re.fullmatch(pattern, name)
        if match:
            return replacement(match) if callable(replacement) else match.expand(replacement)
    return None


def their_dims(theirs, ndim, network_type):
    """Returns the number of axes that our weight with `ndim` axes has in WeSpeaker, under the name `theirs`."""
    if theirs.endswith(".w"):  # an aggregation of ReDimNet
        return 4
    return 3 if ndim == 2 and re.fullmatch(POINTWISE[network_type], theirs) else ndim

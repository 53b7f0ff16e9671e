"""Infers the configuration of a network of WeSpeaker's or NeXt-TDNN's authors from names and shapes of its weights."""

import functools
import logging
import re

from nnet.errors import InputError
from nnet.networks.repvgg import VARIANTS
from nnet.networks.resnet import RESNETS, Bottleneck
from nnet.networks.simam_resnet import SIMAM_RESNETS
from nnet.pretrained.redimnet_names import names_in

log = logging.getLogger(__name__)

# Standard deviation without an added epsilon. The floor matters only for channels that are constant, where the gradient
# of the square root would be NaN.
PLAIN_DEVIATION = {"eps": 0.0, "floor": 1e-12}


def describe(state, path, pooling=None):
    """Infers the sections network, pooling and embedding of a configuration, and the feature dimension.

    Args:
        state: dict from tensor name to array, in their names and PyTorch's layouts.
        path: names the checkpoint in errors.
        pooling: WeSpeaker's name of the pooling (TSTP, TAP, TSDP, ASTP, XI) if it is known.

    Returns:
        (dict of sections, input_dim)

    Raises:
        InputError: unknown network, missing tensors, or shapes that no known network has.
    """
    for key, read in DESCRIBE.items():
        if key in state:
            try:
                return read(state, path, pooling)
            except KeyError as error:
                raise InputError(f"{path}: tensor {error.args[0]} is missing") from None
            except (ValueError, IndexError, ZeroDivisionError):
                raise InputError(f"{path}: the shapes of its tensors fit no known network of this kind") from None
    raise InputError(f"{path}: unknown network with tensors {', '.join(sorted(state)[:3])}…")


def _tdnn(state, path, pooling):
    count = _count(state, r"frame_(\d+)\.conv_1d\.weight")
    shapes = [state[f"frame_{i + 1}.conv_1d.weight"].shape for i in range(count)]
    kernels = [k for _, _, k in shapes]
    if kernels != [5, 3, 3, 1, 1]:
        raise InputError(
            f"{path}: an x-vector with kernels {kernels} is not supported: the weights do not determine its dilations"
        )
    width = shapes[-1][0]
    network = {"type": "tdnn", "dims": [o for o, _, _ in shapes], "kernels": kernels, "dilations": [1, 2, 3, 1, 1]}
    pooled, _ = _pooling(state, path, pooling, width, state["seg_1.weight"].shape[1])
    return {"network": network, "pooling": pooled, "embedding": _segments(state)}, shapes[0][1]


def _resnet(state, path, pooling):
    channels = state["conv1.weight"].shape[0]
    depths = tuple(_count(state, rf"layer{i}\.(\d+)\.conv1\.weight") for i in (1, 2, 3, 4))
    bottleneck = "layer1.0.conv3.weight" in state
    known = [d for d, (block, sizes) in RESNETS.items() if sizes == depths and (block is Bottleneck) == bottleneck]
    if not known:
        raise InputError(f"{path}: unknown ResNet of {depths} {'bottleneck' if bottleneck else 'basic'} blocks")
    width = channels * 8 * (4 if bottleneck else 1)
    pooled, bins = _pooling(state, path, pooling, width, state["seg_1.weight"].shape[1])
    network = {"type": "resnet", "depth": known[0], "channels": channels}
    return {"network": network, "pooling": pooled, "embedding": _segments(state)}, bins * 8


def _res2net(kind, state, path, pooling):
    channels, inner = state["conv1.weight"].shape[0], state["layer1.0.conv1.weight"].shape[0]
    scale = inner // state["layer1.0.convs.0.weight"].shape[0]
    expansion = state["layer1.0.conv3.weight"].shape[0] // channels
    widest = state["layer4.0.conv1.weight"].shape[0] // scale  # channels · base_width / 8, rounded down
    network = {
        "type": kind,
        "channels": channels,
        "blocks": [_count(state, rf"layer{i}\.(\d+)\.conv1\.weight") for i in (1, 2, 3, 4)],
        "base_width": -(-8 * widest // channels),
        "scale": scale,
        "expansion": expansion,
    }
    pooled, bins = _pooling(state, path, pooling, channels * 8 * expansion, state["seg_1.weight"].shape[1])
    return {"network": network, "pooling": pooled, "embedding": _segments(state)}, bins * 8


def _simam_resnet(state, path, pooling):
    channels = state["front.conv1.weight"].shape[0]
    depths = tuple(_count(state, rf"front\.layer{i}\.(\d+)\.conv1\.weight") for i in (1, 2, 3, 4))
    known = [depth for depth, sizes in SIMAM_RESNETS.items() if sizes == depths]
    if not known:
        raise InputError(f"{path}: unknown SimAM-ResNet of {depths} blocks")
    hidden, width, _ = state["pooling.attention.0.weight"].shape
    network = {"type": "simam_resnet", "depth": known[0], "channels": channels}
    pooled = {"type": "attentive_statistics", "hidden_dim": hidden, "channelwise": True}
    embedding = {"dims": [state["bottleneck.weight"].shape[0]], "order": "none", "node": "output"}
    return {"network": network, "pooling": pooled, "embedding": embedding}, width // (8 * channels) * 8


def _df_resnet(state, path, pooling):
    channels = state["downsample_layers.0.0.weight"].shape[0]
    blocks = [_count(state, rf"stages\.{i}\.(\d+)\.conv1\.weight") for i in range(4)]
    pooled, bins = _pooling(state, path, pooling, 8 * channels, state["seg_1.weight"].shape[1])
    network = {"type": "df_resnet", "blocks": blocks, "channels": channels}
    return {"network": network, "pooling": pooled, "embedding": _segments(state)}, bins * 16


def _ecapa_tdnn(state, path, pooling):
    channels, input_dim, _ = state["layer1.conv.weight"].shape
    out_dim = state["conv.weight"].shape[0]
    network = {
        "type": "ecapa_tdnn",
        "channels": channels,
        "scale": _count(state, r"layer2\.se_res2block\.1\.convs\.(\d+)\.weight") + 1,
        "se_channels": state["layer2.se_res2block.3.linear1.weight"].shape[0],
        "out_dim": out_dim,
    }
    pooled, _ = _pooling(state, path, pooling, out_dim, state["linear.weight"].shape[1])
    return {"network": network, "pooling": pooled, "embedding": _linear(state)}, input_dim


def _campplus(state, path, pooling):
    init_channels, head, _ = state["xvector.tdnn.linear.weight"].shape
    growth, width, _ = state["xvector.block1.tdnnd1.cam_layer.linear_local.weight"].shape
    head_channels = state["head.conv1.weight"].shape[0]
    count = _count(state, r"xvector\.block(\d+)\.tdnnd1\.linear1\.weight")
    depths = [_count(state, rf"xvector\.block{i + 1}\.tdnnd(\d+)\.linear1\.weight") for i in range(count)]
    network = {
        "type": "campplus",
        "growth": growth,
        "bn_size": width // growth,
        "init_channels": init_channels,
        "blocks": depths,
        "head_channels": head_channels,
    }
    dim, pooled_dim, _ = state["xvector.dense.linear.weight"].shape
    embedding = {"dims": [dim], "last": "bn", "bias": False, "bn_affine": False, "node": "output"}
    out_dim = state["xvector.out_nonlinear.batchnorm.weight"].shape[0]
    pooled, _ = _pooling(state, path, pooling, out_dim, pooled_dim)
    return {"network": network, "pooling": pooled, "embedding": embedding}, head // head_channels * 8


def _repvgg(state, path, pooling):
    fused = "stage0.rbr_reparam.weight" in state
    kernel = "rbr_reparam.weight" if fused else "rbr_dense.conv.weight"
    depths = tuple(_count(state, rf"stage{i}\.(\d+)\.{re.escape(kernel)}") for i in (1, 2, 3, 4))
    first = [state[f"stage0.{kernel}"], *(state[f"stage{i}.0.{kernel}"] for i in (1, 2, 3, 4))]
    widths = [weight.shape[0] for weight in first]
    groups = widths[1] // state[f"stage1.1.{kernel}"].shape[1]
    dilated = first[0].shape[2] == 5 if fused else "stage0.rbr_dense_dilation.conv.weight" in state
    form = (depths, groups, dilated, "stage0.se.fc_1.weight" in state)
    alike = {n: v for n, v in VARIANTS.items() if (v.depths, v.groups, v.dilated, v.gate) == form}
    # 64 comes first: B1 with a base of 80 is B2, for instance.
    bases = [64, *(round(widths[3] / (4 * variant.factors[2])) for variant in alike.values())]
    known = [(name, base) for base in bases for name, variant in alike.items() if variant.widths(base) == widths]
    if not known:
        raise InputError(f"{path}: unknown RepVGG of {depths} blocks with {widths} channels")
    network = {"type": "repvgg", "variant": known[0][0], "base_width": known[0][1], "fused": fused}
    dim, pooled_dim = state["seg.weight"].shape
    pooled, bins = _pooling(state, path, pooling, widths[4], pooled_dim)
    embedding = {"dims": [dim], "order": "none", "node": "output"}
    return {"network": network, "pooling": pooled, "embedding": embedding}, bins * 8


def _next_tdnn(state, path, pooling):
    model, aggregate = "speaker_net.model.", "speaker_net.aggregate."
    channels, input_dim, _ = state[f"{model}stem.0.0.weight"].shape
    light = f"{model}stages.0.0.dwconv.weight" in state
    scales = _count(state, rf"{re.escape(model)}stages\.0\.0\.mscconv\.(\d+)\.weight")
    names = ["dwconv"] if light else [f"mscconv.{i}" for i in range(scales)]
    network = {
        "type": "next_tdnn",
        "channels": channels,
        "blocks": _count(state, rf"{re.escape(model)}stages\.0\.(\d+)\.norm\.weight"),
        "kernels": [state[f"{model}stages.0.0.{name}.weight"].shape[2] for name in names],
        "light": light,
    }
    pooled = {
        "type": "channel_attention",
        "hidden_dim": state[f"{aggregate}conv_1.weight"].shape[0],
        "bn": True,
        "floor": 1e-5,
    }
    embedding = {
        "dims": [state[f"{aggregate}fc.weight"].shape[0]],
        "order": "none",
        "last": "bn",
        "input_bn": True,
        "node": "output",
    }
    return {"network": network, "pooling": pooled, "embedding": embedding}, input_dim


def _redimnet(state, path, pooling):
    in_file = names_in(state)
    stages = []
    while in_file(f"backbone.stage{len(stages)}.2.weight") in state:
        stages.append(_redimnet_stage(state, in_file, f"backbone.stage{len(stages)}"))
    if "backbone.stage0_pre.2.weight" in state:
        raise InputError(f"{path}: a ReDimNet2 that aggregates two outputs of each stage (dual_agg) is not supported")
    channels = state["backbone.stem.0.weight"].shape[0]
    width = state[in_file("backbone.fin_wght1d.w")].shape[2]
    second = stages[0]["seen"] == 1  # ReDimNet2's stages begin with grouped convolutions
    network = {
        "type": "redimnet2" if second else "redimnet",
        "channels": channels,
        "block": stages[0]["block"],
        "group": min(stage["group"] for stage in stages),  # fewer channels than twice that are not divided
        "strides": [stage["stride"] for stage in stages],
        "blocks": [stage["depth"] for stage in stages],
        "expansions": [],
        "reductions": [width // stage["hidden"] if stage["hidden"] else 0 for stage in stages],
    }
    bins, mapped = width // channels, channels
    for stage in stages:
        mapped, bins = mapped * stage["stride"], bins // stage["stride"]
        network["expansions"].append(stage["inner"] / mapped)
    if second:
        pools = [1, *(stage["pool"] for stage in stages)]
        network["time_strides"] = [now // before for before, now in zip(pools, pools[1:], strict=False)]
    head = state.get("backbone.head.weight" if second else "backbone.mfa.0.weight")
    network["out_channels"] = 0 if head is None else len(head)
    out_dim = width if head is None else len(head)
    if head is not None and head.ndim == 4:
        network["out_map"], out_dim = True, len(head) * bins
    last = in_file("linear.weight")
    pooled, _ = _pooling(state, path, pooling, out_dim, state[last].shape[1])
    embedding = _linear(state) if last == "linear.weight" else _segments(state)
    return {"network": network, "pooling": pooled, "embedding": embedding}, width // channels


def _redimnet_stage(state, in_file, prefix):
    """Infers the sizes of a stage of ReDimNet, whose tensors begin with `prefix`."""
    inner, seen, stride, pool = state[in_file(f"{prefix}.2.weight")].shape
    depth, first = 0, in_file(f"{prefix}.3.conv_block")
    while any(in_file(f"{prefix}.{3 + depth}.conv_block.{n}.weight") in state for n in ("conv1", "dwconvs.0")):
        depth += 1
    squeezed = in_file(f"{prefix}.{3 + depth}.0.weight") in state
    context = state.get(in_file(f"{prefix}.{4 + depth + squeezed}.red_dim_conv.0.weight"), ())
    block = "gated" if f"{first}.se.squeeze.weight" in state else "basic"
    conv = state.get(f"{first}.conv1.weight")
    if conv is None:
        block, conv = "convnext", state[f"{first}.dwconvs.0.weight"]
    sizes = {"inner": inner, "seen": seen, "stride": stride, "pool": pool, "depth": depth, "hidden": len(context)}
    return sizes | {"block": block, "group": conv.shape[1]}


DESCRIBE = {
    "backbone.stem.0.weight": _redimnet,
    "frame_1.conv_1d.weight": _tdnn,
    "layer2.se_res2block.0.conv.weight": _ecapa_tdnn,
    "xvector.tdnn.linear.weight": _campplus,
    "fuse34.local_att.0.weight": functools.partial(_res2net, "eres2netv2"),
    "fuse_mode1234.local_att.0.weight": functools.partial(_res2net, "eres2net"),
    "layer1.0.convs.0.weight": functools.partial(_res2net, "res2net"),
    "layer1.0.conv1.weight": _resnet,
    "stage0.rbr_dense.conv.weight": _repvgg,
    "stage0.rbr_reparam.weight": _repvgg,
    "speaker_net.model.stem.0.0.weight": _next_tdnn,
    "front.layer1.0.conv1.weight": _simam_resnet,
    "downsample_layers.0.0.weight": _df_resnet,
}


def _count(state, pattern):
    return sum(bool(re.fullmatch(pattern, name)) for name in state)


def _segments(state):
    """Infers the section embedding: the layer seg_1 and, if present, seg_2 after ReLU and non-affine batch norm."""
    dims = [state["seg_1.weight"].shape[0]]
    if "seg_2.weight" not in state:
        return {"dims": dims, "order": "none", "node": "output"}
    dims.append(state["seg_2.weight"].shape[0])
    return {"dims": dims, "last": "affine", "bn_affine": False, "node": "output"}


def _linear(state):
    """Infers the section embedding: the layer linear after batch norm and, if present, bn2 after it."""
    last = {"last": "bn"} if "bn2.weight" in state else {}
    return {"dims": [len(state["linear.weight"])], "order": "none", "input_bn": True, "node": "output"} | last


def _pooling(state, path, name, width, pooled_dim):
    """Infers the section pooling, and the number of frequency bins of `width` channels that reach the pooling."""
    if "pool.linear1.weight" in state:
        hidden, seen, _ = state["pool.linear1.weight"].shape
        section = {"type": "channel_attention", "hidden_dim": hidden, "global_context": seen != pooled_dim // 2}
        return section, pooled_dim // 2 // width
    if "pool.lin2.weight" in state:
        return {"type": "posterior", "hidden_dim": state["pool.lin2.weight"].shape[1]}, pooled_dim // width
    other = sorted(key for key in state if key.startswith("pool."))
    if other or name not in (None, "TSTP", "TAP", "TSDP"):
        raise InputError(
            f"{path}: pooling {name or 'with ' + other[0]} is not supported; TSTP, TAP, TSDP, ASTP and XI are"
        )
    if name in ("TAP", "TSDP"):
        return {"type": "average" if name == "TAP" else "deviation"}, pooled_dim // width
    if pooled_dim % (2 * width):
        raise InputError(f"{path}: the pooling is not TSTP; a config.yaml beside it must name it (pooling_func)")
    if name is None and width < pooled_dim // 2:
        log.warning(
            "%s: taken as TSTP (means and deviations); if it is TAP or TSDP over twice as many mel bins, a config.yaml "
            "beside it must say so (pooling_func)",
            path,
        )
    return {"type": "statistics"}, pooled_dim // 2 // width

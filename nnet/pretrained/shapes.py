"""Infers the configuration of a WeSpeaker-style network from the names and shapes of its weights."""

import re

from nnet.errors import InputError
from nnet.networks.resnet import RESNETS, Bottleneck
from nnet.networks.simam_resnet import SIMAM_RESNETS

# Standard deviation without an added epsilon. The floor matters only for channels that are constant, where the gradient
# of the square root would be NaN.
PLAIN_DEVIATION = {"eps": 0.0, "floor": 1e-12}


def describe(state, path, pooling=None):
    """Infers the sections network, pooling and embedding of a configuration, and the feature dimension.

    Args:
        state: dict from tensor name to array, in WeSpeaker's names and PyTorch's layouts.
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
    dim, pooled_dim = state["linear.weight"].shape
    embedding = {"dims": [dim], "order": "none", "input_bn": True, "node": "output"}
    if "bn2.weight" in state:
        embedding["last"] = "bn"
    pooled, _ = _pooling(state, path, pooling, out_dim, pooled_dim)
    return {"network": network, "pooling": pooled, "embedding": embedding}, input_dim


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


DESCRIBE = {
    "frame_1.conv_1d.weight": _tdnn,
    "layer2.se_res2block.0.conv.weight": _ecapa_tdnn,
    "xvector.tdnn.linear.weight": _campplus,
    "layer1.0.conv1.weight": _resnet,
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
    return {"type": "statistics"}, pooled_dim // 2 // width

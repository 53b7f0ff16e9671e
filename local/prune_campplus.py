"""Cuts a smaller CAM++ out of a trained one: a model directory whose weights are a start for a training (--init).

The small network has the first layers of each block of the large one, and of each map as many channels as CONFIG says:
those with the strongest influence on what follows. From input to output, the weights between chosen channels are the
least squares fit of the small network's activations to those of the large one, so that a layer makes up for what is
missing before it (He et al. 2017, "Channel pruning for accelerating very deep neural networks", section 3.1).
"""

import itertools
import logging
from pathlib import Path

import numpy as np

from nnet import ops
from nnet.bin.cli import number, parser, run
from nnet.config import load_config
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.kaldi.ark import read_matrix
from nnet.model.directory import load_speaker_net, save_config
from nnet.model.extraction import embed_utterances
from nnet.model.speaker_net import build_model
from nnet.model.weights import save_weights, weights_of
from nnet.ops import mx

log = logging.getLogger(__name__)

RIDGE = 1e-3  # added to the diagonal of the normal equations, as a share of its mean
EMBEDDING_RIDGE = 0.1  # there are fewer utterances than frames
BATCH = 16


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--windows", type=number(int, low=1), default=64, help="utterances for the fit of the network")
    options.add_argument("--utterances", type=number(int, low=2), default=1000, help="for the fit of the embedding")
    options.add_argument("--set", default="", metavar='"KEY=VALUE ..."', help="overrides of the configuration")
    options.add_argument("teacher", metavar="TEACHER", help="model directory of the large network")
    options.add_argument("config", metavar="CONFIG", help="configuration of the small one")
    options.add_argument("data", metavar="DATA", help="data directory with features as for a training")
    options.add_argument("out", metavar="OUT", help="model directory to write")
    args = options.parse_args(argv)
    large, about_large, about = load_speaker_net(args.teacher)
    config = load_config(args.config, [args.set])
    if not config.network.type == about_large.network.type == "campplus":
        raise InputError(f"{args.config}, {args.teacher}: the network of both must be campplus")
    if config.embedding != about_large.embedding or config.pooling != about_large.pooling:
        raise InputError(f"{args.config}: pooling and embedding must be those of {args.teacher}")
    small = build_model(config, about["input_dim"])
    check_sizes(small.network, large.network, args)
    small.eval()
    features = read_windows(DataDir(args.data), max(args.windows, args.utterances), about["input_dim"])
    prune_network(small.network, large, mx.array(features[: args.windows]))
    similarity = fit_embedding(small, large, features[: args.utterances])
    Path(args.out).mkdir(parents=True, exist_ok=True)
    save_config(args.out, config, about["input_dim"], None, about["feats_conf"])
    save_weights(str(Path(args.out) / "model.safetensors"), weights_of(small))
    log.info("%s: mean cosine of its embeddings to those of %s: %.3f", args.out, args.teacher, similarity)


def check_sizes(small, large, args):
    """Refuses a small CamPlusPlus with more blocks, layers or channels than the large one."""
    names = ("tdnn", *(f"block{i + 1}" for i in range(len(small.blocks))))
    fits = len(small.blocks) == len(large.blocks)
    fits = fits and all(len(a) <= len(b) for a, b in zip(small.blocks, large.blocks, strict=True))
    if not (fits and all(small.endpoint_dims[n] <= large.endpoint_dims[n] for n in ("head", *names))):
        raise InputError(f"{args.config}: its network must have the blocks of {args.teacher}, none of them larger")
    one, other = small.blocks[0][0], large.blocks[0][0]
    if (
        small.endpoint_dims["tdnn"] != large.endpoint_dims["tdnn"]
        or one.cam.local.weight.shape != other.cam.local.weight.shape
    ):
        raise InputError(f"{args.config}: growth, bn_size and init_channels must be those of {args.teacher}")


def read_windows(data, count, dim):
    """Reads features of random utterances, cut to the shortest of them: (count, T, dim)."""
    names = sorted(data.feats)
    chosen = np.random.default_rng(0).permutation(len(names))[:count]
    windows = [read_matrix(data.feats[names[n]]) for n in chosen]
    if not windows or windows[0].shape[1] != dim:
        found = f"features of {windows[0].shape[1]} dimensions" if windows else "no features"
        raise InputError(f"{data.path}: {found}; the large network needs {dim}")
    length = min(map(len, windows))
    return np.stack([window[:length] for window in windows]).astype(np.float32)


def prune_network(small, large, features):
    """Fits a small CamPlusPlus to the network of a large SpeakerNet on features (B, T, F)."""
    net = large.network
    if small.endpoint_dims["head"] == net.endpoint_dims["head"]:
        for name in ("head", "tdnn", "tdnn_bn"):
            small[name].update(net[name].parameters())
        x = y = net.head(features)
    else:
        x, y = prune_head(small.head, net, features)
        fit(small.tdnn, small.tdnn_bn, net.tdnn_bn, x, net.tdnn(y))
    x, y = ops.relu(small.tdnn_bn(small.tdnn(x))), ops.relu(net.tdnn_bn(net.tdnn(y)))
    kept = np.arange(x.shape[-1])  # the channels of y that those of x stand for
    stages = list(zip(small.blocks, small.transits, net.blocks, net.transits, strict=True))
    for (block, transit, large_block, large_transit), following in itertools.zip_longest(stages, stages[1:]):
        x, y, kept = prune_block(block, large_block, x, y, kept)
        take_norm(transit.bn, large_transit.bn, kept)
        x, y = ops.relu(transit.bn(x)), large_transit(y)
        if following:
            strengths = sum(strength(y, layer.bn1, layer.linear1.weight) for layer in following[2][: len(following[0])])
        else:
            weight = large.embedding.layers[0].affine.weight  # of means and deviations
            strengths = strength(y, net.out_bn, weight.reshape(-1, y.shape[-1]))
        kept = strongest(strengths, transit.linear.weight.shape[0])
        fit_weight(transit.linear, x, y[..., mx.array(kept)])
        x = transit.linear(x)
        mx.eval(x, y)
    take_norm(small.out_bn, net.out_bn, kept)


def prune_head(small, net, features):
    """Fits a small FrontMap to the head of a CamPlusPlus `net`; returns the outputs (B, T, C) of both."""
    large = net.head
    x = y = ops.as_map(features)
    target = large.conv1(y)
    kept = strongest(strength(target, large.bn1, large.layer1[0].conv1.weight), small.conv1.weight.shape[0])
    fit(small.conv1, small.bn1, large.bn1, x, target, kept)
    x, y = ops.relu(small.bn1(small.conv1(x))), ops.relu(large.bn1(target))
    for name, following in (("layer1", large.layer2[0].conv1), ("layer2", large.conv2)):
        x, y = prune_residual(small[name], large[name], x, y, following)
    target, bins = large.conv2(y), net.tdnn.weight.shape[-1] // large.conv2.weight.shape[0]
    weight = net.tdnn.weight.reshape(*net.tdnn.weight.shape[:2], -1, bins).swapaxes(-1, -2)  # (O, K, bins, C)
    kept = strongest(strength(target, large.bn2, weight), small.conv2.weight.shape[0])
    fit(small.conv2, small.bn2, large.bn2, x, target, kept)
    x, y = ops.relu(small.bn2(small.conv2(x))), ops.relu(large.bn2(target))
    return ops.flatten_map(x), ops.flatten_map(y)


def prune_residual(small, large, x, y, following):
    """Fits residual blocks whose outputs are the same choice of channels; returns the outputs of both."""
    after = y
    for block in large:
        after = block(after)
    kept = strongest(strength(after, None, following.weight), small[0].conv2.weight.shape[0])
    for one, other in zip(small, large, strict=True):
        target = other.conv1(y)
        inner = strongest(strength(target, other.bn1, other.conv2.weight), one.conv1.weight.shape[0])
        fit(one.conv1, one.bn1, other.bn1, x, target, inner)
        within = ops.relu(one.bn1(one.conv1(x)))
        fit(one.conv2, one.bn2, other.bn2, within, other.conv2(ops.relu(other.bn1(target))), kept)
        if other.shortcut:
            fit(one.shortcut[0], one.shortcut[1], other.shortcut[1], x, other.shortcut[0](y), kept)
        x, y = one(x), other(y)
        mx.eval(x, y)
    return x, y


def prune_block(small, large, x, y, kept):
    """Fits the dense layers of a block; returns the outputs of both, and what the channels of the first stand for."""
    for n, other in enumerate(large):
        if n < len(small):
            one = small[n]
            take_norm(one.bn1, other.bn1, kept)
            fit(one.linear1, one.bn2, other.bn2, ops.relu(one.bn1(x)), other.linear1(ops.relu(other.bn1(y))))
            one.cam.update(other.cam.parameters())
            kept = np.concatenate([kept, y.shape[-1] + np.arange(one.cam.local.weight.shape[0])])
            x = ops.concat(x, one(x))
        y = ops.concat(y, other(y))
        mx.eval(x, y)
    return x, y, kept


def fit_embedding(small, large, features):
    """Fits the embedding layer on features (N, T, F); returns the mean cosine of the embeddings of both."""
    x, y = (pooled(net, features) for net in (small, large))
    (one,), (other,) = small.embedding.layers, large.embedding.layers
    fit(one.affine, one.bn, other.bn, x, other.affine(y), ridge=EMBEDDING_RIDGE)
    found, wanted = (np.array(net.embedding(vectors, {})) for net, vectors in ((small, x), (large, y)))
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    return float(np.mean(np.sum(found * wanted, axis=1) / lengths))


def pooled(net, features):
    """Computes the pooled statistics (N, C) of features (N, T, F)."""
    return mx.array(np.stack([vector for _, vector in embed_utterances(net, enumerate(features), -1, node="pooling")]))


def fit(layer, norm, other, x, target, kept=None, ridge=RIDGE):
    """Fits a layer and the batch normalization after it to outputs of the large network.

    Args:
        layer: a convolution or linear map.
        norm, other: the batch normalizations of the small and the large network.
        x: input of the layer.
        target: output (..., C) of the large network's layer.
        kept: those of its channels that the layer has; None: all.
        ridge: see RIDGE.
    """
    kept = np.arange(target.shape[-1]) if kept is None else kept
    target = target[..., mx.array(kept)]
    take_norm(norm, other, kept)
    fit_weight(layer, x, target, ridge)
    norm.running_mean = norm.running_mean + mx.mean(layer(x) - target, axis=tuple(range(target.ndim - 1)))


def fit_weight(layer, x, target, ridge=RIDGE):
    """Sets the weight of a layer without bias to the least squares solution of layer(x) = target."""
    size, gram, cross = layer.weight[0].size, 0.0, 0.0
    weight = layer.weight
    layer.weight = mx.eye(size).reshape(size, *weight.shape[1:])  # its output is then all that each output depends on
    for n in range(0, len(x), BATCH):
        rows = np.array(layer(x[n : n + BATCH]), np.float64).reshape(-1, size)
        gram = gram + rows.T @ rows
        cross = cross + rows.T @ np.array(target[n : n + BATCH], np.float64).reshape(len(rows), -1)
    gram[np.diag_indices(size)] += ridge * np.trace(gram) / size
    layer.weight = mx.array(np.linalg.solve(gram, cross).T.reshape(weight.shape).astype(np.float32))


def take_norm(norm, other, kept):
    """Copies the channels `kept` of the batch normalization of the large network."""
    norm.update({name: values[mx.array(kept)] for name, values in other.parameters().items()})


def strength(y, norm, weight):
    """How much each channel of y (..., C) moves the next layer: deviation after `norm`, times the weights' norm."""
    if norm is not None:
        scale, shift = norm.scale_and_shift(norm.running_mean, norm.running_var)
        y = ops.relu(y * scale[: y.shape[-1]] + shift[: y.shape[-1]])
    deviation = np.std(np.array(y).reshape(-1, y.shape[-1]), axis=0)
    return deviation * np.linalg.norm(np.array(weight)[..., : y.shape[-1]].reshape(-1, y.shape[-1]), axis=0)


def strongest(strengths, count):
    """The indices of the `count` largest values, in ascending order."""
    return np.sort(np.argsort(-strengths, kind="stable")[:count])


if __name__ == "__main__":
    run(main)

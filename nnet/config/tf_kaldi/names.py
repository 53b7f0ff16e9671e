"""Translates tf-kaldi-speaker's names of endpoints and variables into ours."""

import re

from nnet.errors import InputError


def endpoint_name(name):
    """Translates the name of a node, such as tdnn4_relu to tdnn4.relu; None if it is not a node of that network."""
    if name in ("pooling", "output"):
        return name
    match = re.fullmatch(r"tdnn([1-7])_(conv|dense|bn|relu)", name)
    if not match or (match[2] == "conv") != (match[1] in "123") and match[2] in ("conv", "dense"):
        return None
    number, part = int(match[1]), {"conv": "affine", "dense": "affine"}.get(match[2], match[2])
    return f"tdnn{number}.{part}" if number < 6 else f"embedding{number - 5}.{part}"


def weight_patterns(parts, sections, where):
    """Finds the weights whose tf-kaldi-speaker variable has one of `parts` in its name.

    Args:
        parts: content of noload_var_list or noupdate_var_list.
        sections: the converted configuration, which determines the variables.
        where: name of the list in errors.

    Returns:
        list of patterns: weight names, and NAME.* for all weights below NAME
    """
    names = variable_names(sections)
    for part in parts:
        if not any(part in theirs for theirs in names):
            raise InputError(f"{where}: {part!r} is in no variable's name; such names are {', '.join(list(names)[:2])}")
    return _collapse([ours for theirs, ours in names.items() if any(p in theirs for p in parts)], list(names.values()))


def variable_names(sections):
    """Returns a dict from variable name to our weight name, for all variables of a converted configuration."""
    return dict(_variables(sections))


def _collapse(chosen, every, prefix=""):
    """Returns the shortest patterns that match the names `chosen` and no others of `every`."""
    inside = [n for n in every if n.startswith(prefix)]
    wanted = [n for n in chosen if n.startswith(prefix)]
    if not wanted:
        return []
    if prefix and wanted == inside:
        return [f"{prefix}*"]
    heads = dict.fromkeys(n[: n.index(".", len(prefix)) + 1] if "." in n[len(prefix) :] else n for n in inside)
    patterns = []
    for head in heads:
        if head.endswith("."):
            patterns += _collapse(chosen, every, head)
        elif head in wanted:
            patterns.append(head)
    return patterns


def _affine(theirs, ours):
    return [(f"{theirs}/kernel:0", f"{ours}.weight"), (f"{theirs}/bias:0", f"{ours}.bias")]


def _norm(theirs, ours):
    pairs = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    return [(f"{theirs}/{there}:0", f"{ours}.{here}") for there, here in pairs.items()]


def _variables(sections):
    prelu = sections["network"]["relu"] == "prelu"
    last = {"full": "bn relu", "bn": "bn", "relu": "relu", "affine": ""}[sections["embedding"]["last"]]
    for n in range(1, 8):
        ours = f"network.tdnn{n}" if n < 6 else f"embedding.layers.{n - 6}"
        follows = last if n == 7 else "bn relu"
        yield from _affine(f"tdnn/tdnn{n}_{'conv' if n < 4 else 'dense'}", f"{ours}.affine")
        if "bn" in follows:
            yield from _norm(f"tdnn/tdnn{n}_bn", f"{ours}.bn")
        if prelu and "relu" in follows:
            yield f"tdnn/tdnn{n}_relu/alpha:0", f"{ours}.prelu.weight"
    yield from _pooling_variables(sections["pooling"], prelu)
    if "triplet" not in sections["loss"]["type"] or sections["loss"]["type"].startswith("generalized"):
        yield "softmax/output/kernel:0", "loss.weight"
    if sections["loss"]["type"] == "softmax":
        yield "softmax/output/bias:0", "loss.bias"
    for i, auxiliary in enumerate(sections["auxiliary"]):
        if auxiliary["type"] == "ring":
            yield "softmax_ringloss/r:0", f"auxiliary.{i}.radius"


def _pooling_variables(pooling, prelu):
    if pooling["type"] == "self_attention":
        yield from _dense("tdnn/attention/att_key", "pooling.key", pooling["key_dims"], pooling["key_type"], prelu)
        yield from _dense(
            "tdnn/attention/att_value", "pooling.value", pooling["value_dims"], pooling["value_type"], prelu
        )
        yield "tdnn/attention/query:0", "pooling.query"
        if pooling["nonlinear"]:
            yield from _norm("tdnn/attention/att_post_bn", "pooling.bn")
            if prelu:
                yield "tdnn/attention/att_post_relu/alpha:0", "pooling.relu.weight"
    elif pooling["type"] == "vlad":
        yield from _dense("tdnn/vlad/vlad_value", "pooling.value", pooling["value_dims"], "bn-relu", prelu)
        yield from _dense("tdnn/vlad/vlad_key", "pooling.key", pooling["key_dims"], "bn-relu", prelu)
        yield from _affine("tdnn/vlad/vlad_weight_affine", "pooling.assignment")
        yield "tdnn/vlad/vlad_centers:0", "pooling.centers"


def _dense(theirs, ours, dims, last_kind, prelu):
    for i in range(len(dims)):
        kind = last_kind if i == len(dims) - 1 else "bn-relu"
        scope, layer = f"{theirs}{i}/{theirs.rsplit('/', 1)[-1]}{i}", f"{ours}.layers.{i}"
        yield from _affine(f"{scope}_dense", f"{layer}.affine")
        if kind == "bn-relu":
            yield from _norm(f"{scope}_bn", f"{layer}.bn")
        if prelu and "relu" in kind:
            yield f"{scope}_relu/alpha:0", f"{layer}.relu.weight"

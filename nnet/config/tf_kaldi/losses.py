"""Converts tf-kaldi-speaker's losses into sections of this project."""

from nnet.options import nearest

# tf-kaldi-speaker's margin losses: prefix of their keys, and our name.
MARGIN_LOSSES = {
    "asoftmax": ("asoftmax", "a_softmax"),
    "additive_margin_softmax": ("amsoftmax", "additive_margin"),
    "additive_angular_margin_softmax": ("arcsoftmax", "additive_angular_margin"),
}


def convert_loss(flat):
    """Returns the section `loss`."""
    triplets = {
        "semihard_triplet_loss": _semihard_triplet,
        "angular_triplet_loss": _angular_triplet,
        "generalized_angular_triplet_loss": _generalized_triplet,
    }
    kind = flat.choice("loss_func", ("softmax", *MARGIN_LOSSES, *triplets))
    if kind in triplets:
        return triplets[kind](flat)
    if kind == "softmax":
        return {"type": "softmax"} | _feature_norm(flat)
    prefix, name = MARGIN_LOSSES[kind]
    reflect = {"beyond_pi": "reflect"} if name == "additive_angular_margin" else {}
    annealing = {f"lambda_{k}": flat.take(f"{prefix}_lambda_{k}", float) for k in ("base", "min", "gamma", "power")}
    margin = flat.take(f"{prefix}_m", int if name == "a_softmax" else float)
    return {"type": name, "margin": margin} | reflect | annealing | _feature_norm(flat)


def _feature_norm(flat):
    if not flat.take("feature_norm", bool, False):
        return {"normalize_embeddings": False}
    return {"normalize_embeddings": True, "scale": flat.take("feature_scaling_factor", float)}


def _semihard_triplet(flat):
    return _feature_norm(flat) | {
        "type": "semihard_triplet",
        "margin": flat.take("margin", float),
        "squared": flat.take("triplet_loss_squared", bool),
    }


def _angular_triplet(flat):
    flat.take("feature_norm", bool, False)  # no effect on cosines
    kind = flat.choice("loss_type", tuple(MARGIN_LOSSES))
    return {
        "type": "angular_triplet",
        "margin": flat.take("margin", float),
        "margin_type": MARGIN_LOSSES[kind][1],
        "selection": flat.choice("triplet_type", ("all", "hard")),
    }


def _generalized_triplet(flat):
    flat.choice("loss_compute", ("raw",))
    if flat.take("l2_loss_weight", float) != 0:
        raise flat.error("l2_loss_weight must be 0; output_weight_l2_regularizer decays the centers")
    center = flat.choice("triplet_center", ("learnable", "average"))
    if flat.take("feature_norm", bool, False) and center == "average":
        raise flat.error("feature_norm with triplet_center average is not supported; set feature_norm to false")
    momentum = {"center_momentum": flat.take("triplet_center_momentum", float)} if center == "average" else {}
    return momentum | {
        "type": "generalized_angular_triplet",
        "center": center,
        "margin": flat.take("margin", float),
        "target_margin": flat.take("target_margin", float),
        "top_n": flat.take("triplet_topn", int),
        "triplet_weight": flat.take("triplet_loss_weight", float),
        "center_weight": flat.take("center_loss_weight", float),
        "between_weight": flat.take("between_loss_weight", float),
    }


def convert_auxiliary(flat):
    """Returns the section `auxiliary`."""
    if flat.values["loss_func"] not in ("softmax", *MARGIN_LOSSES):
        return []  # that toolkit's triplet losses ignore aux_loss_func
    out = []
    for name in flat.take("aux_loss_func", tuple, ()):
        if name == "ring_loss":
            radius, weight = flat.take("ring_loss_init", float), flat.take("ring_loss_lambda", float)
            out.append({"type": "ring", "weight": weight, "initial_radius": radius})
        elif name == "mhe_loss":
            out.append({"type": "mhe", "weight": flat.take("mhe_lambda", float), "form": "inverse_of_mean"})
        else:
            tail = nearest(str(name), ("ring_loss", "mhe_loss"))
            raise flat.error(f"aux_loss_func {name!r} is not known{tail}")
    return out

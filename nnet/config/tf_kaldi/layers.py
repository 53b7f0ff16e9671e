"""Converts tf-kaldi-speaker's network, poolings and last layers into sections of this project."""

_KINDS = ("affine", "relu", "bn-relu", "tanh")  # its types 0 to 3 of the last layer of a key or value network
_BN_EPS = 1e-3  # TensorFlow's default
_SLOPES = {"relu": 0.01, "prelu": 0.01, "lrelu": 0.2}


def convert_network(flat):
    """Returns the section `network`: that toolkit's only one, a TDNN without dilation."""
    return _normalization(flat) | {
        "type": "tdnn",
        "dims": [512, 512, 512, 512, flat.take("num_nodes_pooling_layer", int, 1500)],
        "kernels": [5, 5, 7, 1, 1],
        "dilations": [1, 1, 1, 1, 1],
        "order": "bn-relu",
        "bn_affine": True,
    }


def convert_embedding(flat):
    """Returns the section `embedding`: the layers tdnn6 and tdnn7."""
    no_bn, linear = flat.take("last_layer_no_bn", bool, False), flat.take("last_layer_linear", bool, False)
    last = {(False, False): "full", (False, True): "bn", (True, False): "relu", (True, True): "affine"}
    out = _normalization(flat) | {
        "dims": [512, flat.take("num_nodes_last_layer", int, 512)],
        "order": "bn-relu",
        "last": last[no_bn, linear],
    }
    if flat.has("embedding_node"):
        out["node"] = flat.endpoint("embedding_node")
    return out


def convert_pooling(flat):
    """Returns the section `pooling`."""
    kind = flat.choice("pooling_type", ("statistics_pooling", "self_attention", "ghost_vlad"))
    if kind == "statistics_pooling":
        return {"type": "statistics", "unbiased": False, "eps": 0.0, "floor": 1e-12}
    return _normalization(flat) | (_self_attention(flat) if kind == "self_attention" else _vlad(flat))


def _self_attention(flat):
    def last(key):
        number = flat.take(key, int)
        if not 0 <= number < len(_KINDS):
            raise flat.error(f"{key} must be 0, 1, 2 or 3, not {number}")
        return _KINDS[number]

    return {
        "type": "self_attention",
        "key_input": flat.endpoint("att_key_input"),
        "key_dims": flat.take("att_key_num_nodes", tuple),
        "key_type": last("att_key_network_type"),
        "value_input": flat.endpoint("att_value_input"),
        "value_dims": flat.take("att_value_num_nodes", tuple),
        "value_type": last("att_value_network_type"),
        "nonlinear": flat.take("att_apply_nonlinear", bool),
        "use_scale": flat.take("att_use_scale", bool),
        "num_heads": flat.take("att_num_heads", int),
        "split_key": flat.take("att_split_key", bool),
        "penalty": flat.take("att_penalty_term", float),
        "floor": 1e-12,
    }


def _vlad(flat):
    return {
        "type": "vlad",
        "num_centers": flat.take("vlad_num_centers", int),
        "num_ghosts": flat.take("vlad_num_ghosts", int),
        "key_input": flat.endpoint("vlad_key_input"),
        "key_dims": flat.take("vlad_key_num_nodes", tuple),
        "value_input": flat.endpoint("vlad_value_input"),
        "value_dims": flat.take("vlad_value_num_nodes", tuple),
        "final_l2_norm": flat.take("vlad_final_l2_norm", bool),
    }


def _normalization(flat):
    """Returns the options of nonlinearity and batch normalization, common to all layers."""
    relu = flat.choice("network_relu_type", tuple(_SLOPES), "relu")
    momentum = round(1 - flat.take("batchnorm_momentum", float), 12)
    return {"relu": relu, "slope": _SLOPES[relu], "bn_eps": _BN_EPS, "bn_momentum": momentum}

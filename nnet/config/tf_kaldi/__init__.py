"""Converts tf-kaldi-speaker's flat JSON into the sections of this project, with the behavior of that toolkit.

It differs from this project's defaults in: logits |x|·cos of embeddings without length normalization, with an annealed
margin; weight decay of kernels only; batch normalization before ReLU, eps 1e-3; a learning rate halved by validation.
"""

import logging

from nnet.config.tf_kaldi.flat import Flat, is_number
from nnet.config.tf_kaldi.layers import convert_embedding, convert_network, convert_pooling
from nnet.config.tf_kaldi.losses import MARGIN_LOSSES, convert_auxiliary, convert_loss
from nnet.config.tf_kaldi.names import weight_patterns
from nnet.options import nearest

log = logging.getLogger(__name__)

# Keys of that toolkit that have no effect here.
IGNORED = (
    "batch_type", "max_queue_size", "num_parallel_datasets", "num_valid_segments_per_speaker",
    "num_valid_speakers_per_batch", "save_summary_steps", "valid_max_iterations",
)  # fmt: skip
# Keys of its trainers with phone targets or auxiliary features.
MULTITASK = (
    "aux_feature_dim", "context_size", "num_frames_per_utt", "num_shared_layers", "phn_embedding_node",
    "phn_loss_type", "phn_loss_weight", "phone_dilation_size", "phone_dim", "phone_kernel_size",
    "phone_layer_size", "phone_left_context", "phone_right_context", "speaker_dim", "speaker_left_context",
    "speaker_right_context", "spk_embedding_node", "spk_last_layer_linear", "spk_last_layer_no_bn",
    "spk_loss_type", "spk_loss_weight",
)  # fmt: skip
# Keys that only some types of loss or pooling read.
CONDITIONAL = (
    *(f"{p}_{k}" for p, _ in MARGIN_LOSSES.values()
      for k in ("m", "s", "norm", "lambda_min", "lambda_base", "lambda_gamma", "lambda_power")),
    "att_apply_nonlinear", "att_key_input", "att_key_network_type", "att_key_num_nodes", "att_num_heads",
    "att_penalty_term", "att_split_key", "att_use_scale", "att_value_input", "att_value_network_type",
    "att_value_num_nodes", "aux_loss_func", "between_loss_weight", "center_loss_weight", "clip_gradient_norm",
    "early_stop_epochs", "feature_scaling_factor", "l2_loss_weight", "loss_compute", "loss_type", "margin",
    "mhe_lambda", "min_learning_rate", "momentum", "reduce_lr_epochs", "ring_loss_init", "ring_loss_lambda",
    "target_margin", "triplet_center", "triplet_center_momentum", "triplet_loss_squared", "triplet_loss_weight",
    "triplet_topn", "triplet_type", "use_nesterov", "vlad_final_l2_norm", "vlad_key_input", "vlad_key_num_nodes",
    "vlad_num_centers", "vlad_num_ghosts", "vlad_value_input", "vlad_value_num_nodes",
)  # fmt: skip


def is_tf_kaldi(values):
    """Returns whether a JSON object is a configuration of tf-kaldi-speaker (multitask ones lack network_type)."""
    return "network_type" in values or any(key in values for key in MULTITASK)


def convert_tf_kaldi(values, path):
    """Converts a configuration of tf-kaldi-speaker into a dict of this project's sections.

    Args:
        values: the flat object.
        path: its file, for errors.

    Raises:
        InputError: a key is unknown, missing or of a wrong type, or requests an unsupported feature.
    """
    flat = Flat(values, path)
    _refuse_multitask(flat)
    flat.choice("network_type", ("tdnn",))
    sections = {
        "data": _data(flat),
        "network": convert_network(flat),
        "pooling": convert_pooling(flat),
        "embedding": convert_embedding(flat),
        "loss": convert_loss(flat),
        "auxiliary": convert_auxiliary(flat),
        "optimizer": _optimizer(flat),
        "schedule": _schedule(flat),
        "training": _training(flat),
    }
    sections["training"] |= _fine_tuning(flat, sections)
    _account_for_the_rest(flat)
    return sections


def _refuse_multitask(flat):
    for key in MULTITASK:
        if flat.has(key):
            raise flat.error(
                f"{key} belongs to training with phone targets or auxiliary features, which is not supported; "
                "single-task configurations of tf-kaldi-speaker are"
            )


def _data(flat):
    speakers, segments = flat.take("num_speakers_per_batch", int), flat.take("num_segments_per_speaker", int)
    return {
        "batch_size": speakers * segments,
        "segments_per_speaker": segments,
        "min_frames": flat.take("min_segment_len", int),
        "max_frames": flat.take("max_segment_len", int),
        "sampling": "speaker",
        "steps_per_epoch": flat.take("num_steps_per_epoch", int),
    }


def _optimizer(flat):
    kind = flat.choice("optimizer", ("sgd", "momentum", "adam"), "sgd")
    decay = flat.take("weight_l2_regularizer", float)
    out = {"type": kind, "weight_decay": decay, "decay_all": False}
    if flat.has("output_weight_l2_regularizer"):
        out["loss_weight_decay"] = flat.take("output_weight_l2_regularizer", float)
    if kind == "sgd" and "momentum" in flat.values:
        raise flat.error('momentum is given, but optimizer is sgd; set optimizer to "momentum" or remove momentum')
    if kind == "momentum":
        out |= {"momentum": flat.take("momentum", float), "nesterov": flat.take("use_nesterov", bool)}
    return out


def _schedule(flat):
    rate = flat.values.get("learning_rate")
    if isinstance(rate, str) and not is_number(rate):
        return {"type": "file", "file": flat.take("learning_rate", str)}
    return {
        "type": "validation",
        "learning_rate": flat.take("learning_rate", float),
        "reduce_epochs": flat.take("reduce_lr_epochs", int),
        "patience_after": 2,
        "stop_epochs": flat.take("early_stop_epochs", int, 10),
        "min_learning_rate": flat.take("min_learning_rate", float, 1e-5),
    }


def _training(flat):
    out = {
        "seed": flat.take("seed", int),
        "epochs": flat.take("num_epochs", int),
        "log_every": flat.take("show_training_progress", int),
        "keep_checkpoints": flat.take("keep_checkpoint_max", int),
    }
    every = flat.take("save_checkpoints_steps", int)
    if every < flat.take("num_steps_per_epoch", int):
        out["save_every"] = every
    if flat.take("clip_gradient", bool):
        out["clip_norm"] = flat.take("clip_gradient_norm", float)
    return out


def _fine_tuning(flat, sections):
    out = {}
    for key, option in (("noload_var_list", "drop"), ("noupdate_var_list", "freeze")):
        if flat.has(key):
            out[option] = weight_patterns(flat.take(key, tuple), sections, f"{flat.path}: {key}")
    return out


def _account_for_the_rest(flat):
    """Logs the keys that have no effect here; an unknown key is an error."""
    known = {*flat.asked, *IGNORED, *CONDITIONAL}
    ignored = []
    for key in flat.values.keys() - flat.asked:
        if key == "Note" or key.startswith("?") or " " in key:
            continue  # comments
        if key not in known:
            raise flat.error(f"{key} is not a key of tf-kaldi-speaker{nearest(key, known)}")
        ignored.append(key)
    if ignored:
        log.info("%s: these keys of tf-kaldi-speaker have no effect: %s", flat.path, ", ".join(sorted(ignored)))

"""tf-kaldi-speaker's flat JSON: every published kind loads, builds and means what it meant there."""

import json
import logging
from fnmatch import fnmatchcase

import pytest

from nnet.config import load_config
from nnet.config.tf_kaldi.names import variable_names
from nnet.errors import InputError
from nnet.model.speaker_net import attach_loss, build_model
from nnet.model.weights import weights_of

BASE = {
    "seed": 0,
    "network_type": "tdnn",
    "loss_func": "softmax",
    "batch_type": "softmax",
    "pooling_type": "statistics_pooling",
    "embedding_node": "tdnn6_dense",
    "learning_rate": 0.01,
    "use_nesterov": False,
    "clip_gradient": False,
    "weight_l2_regularizer": 1e-2,
    "batchnorm_momentum": 0.99,
    "num_epochs": 100,
    "num_steps_per_epoch": 30000,
    "reduce_lr_epochs": 4,
    "show_training_progress": 100,
    "keep_checkpoint_max": 100,
    "save_summary_steps": 10000,
    "save_checkpoints_steps": 30000,
    "valid_max_iterations": 1000,
    "num_parallel_datasets": 16,
    "max_queue_size": 10,
    "num_speakers_per_batch": 64,
    "num_segments_per_speaker": 1,
    "min_segment_len": 200,
    "max_segment_len": 400,
    "early_stop_epochs": 10,
    "min_learning_rate": 1e-6,
}


def margin(kind, prefix, m, low=0, base=1000, gamma=1e-4, power=5):
    annealing = {"lambda_min": low, "lambda_base": base, "lambda_gamma": gamma, "lambda_power": power}
    return {"loss_func": kind, f"{prefix}_m": m} | {f"{prefix}_{k}": v for k, v in annealing.items()}


def attention(key_type, **more):
    return {
        "pooling_type": "self_attention",
        "att_key_input": "tdnn4_relu",
        "att_key_num_nodes": [20, 10],
        "att_key_network_type": key_type,
        "att_value_input": "tdnn5_relu",
        "att_value_num_nodes": [],
        "att_value_network_type": 0,
        "att_apply_nonlinear": False,
        "att_use_scale": True,
        "att_num_heads": 1,
        "att_split_key": False,
        "att_penalty_term": 0,
    } | more


AM = margin("additive_margin_softmax", "amsoftmax", 0.2)
GENERALIZED = {
    "loss_func": "generalized_angular_triplet_loss",
    "triplet_center": "average",
    "triplet_center_momentum": 0.99,
    "loss_compute": "raw",
    "margin": 0.5,
    "target_margin": 0.1,
    "triplet_topn": 5,
    "triplet_loss_weight": 1,
    "center_loss_weight": 0.1,
    "between_loss_weight": 0.01,
    "l2_loss_weight": 0,
}
VLAD = {
    "pooling_type": "ghost_vlad",
    "vlad_num_centers": 4,
    "vlad_num_ghosts": 2,
    "vlad_key_input": "tdnn4_relu",
    "vlad_key_num_nodes": [7],
    "vlad_value_input": "tdnn5_relu",
    "vlad_value_num_nodes": [9],
    "vlad_final_l2_norm": True,
}

# What the published files differ in from BASE, and what only the code knows.
KINDS = {
    "softmax_1e-2": {"last_layer_linear": False},
    "softmax, fisher": {"optimizer": "momentum", "momentum": 0.9, "learning_rate": 0.005},
    "asoftmax_m1": margin("asoftmax", "asoftmax", 1, 0, 0, 1, 1) | {"last_layer_linear": True},
    "asoftmax_m4": margin("asoftmax", "asoftmax", 4, 10, gamma=1e-5) | {"last_layer_linear": True},
    "amsoftmax": AM,
    "amsoftmax_fn30": AM | {"feature_norm": True, "feature_scaling_factor": 30},
    "amsoftmax_r0.01": AM | {"aux_loss_func": ["ring_loss"], "ring_loss_init": 20, "ring_loss_lambda": 0.01},
    "amsoftmax_mhe0.01": AM | {"aux_loss_func": ["mhe_loss"], "mhe_lambda": 0.01},
    "arcsoftmax": margin("additive_angular_margin_softmax", "arcsoftmax", 0.3, gamma=1e-5),
    "att": AM | attention(3),
    "att_2": attention(1),
    "att_3": attention(2),
    "att_4": attention(0),
    "att, every option": attention(
        2, att_value_num_nodes=[12, 8], att_value_network_type=2, att_apply_nonlinear=True, att_num_heads=2,
        att_split_key=True, att_penalty_term=0.1, network_relu_type="prelu",
    ),
    "ghost_vlad": VLAD | {"network_relu_type": "lrelu"},
    "ghost_vlad, prelu": VLAD | {"network_relu_type": "prelu"},
    "semihard": {"loss_func": "semihard_triplet_loss", "margin": 0.2, "triplet_loss_squared": True,
                 "num_segments_per_speaker": 2, "feature_norm": True, "feature_scaling_factor": 1},
    "angular_triplet": {"loss_func": "angular_triplet_loss", "margin": 0.2, "triplet_type": "hard",
                        "loss_type": "additive_angular_margin_softmax", "num_segments_per_speaker": 2},
    "generalized": GENERALIZED,
    "linear without bn": {"last_layer_no_bn": True, "last_layer_linear": True},
    "relu without bn": {"last_layer_no_bn": True, "last_layer_linear": False, "network_relu_type": "prelu"},
    "adam": {"optimizer": "adam", "clip_gradient": True, "clip_gradient_norm": 3},
}  # fmt: skip


@pytest.fixture
def load(tmp_path):
    """load(changes): the Config of BASE with some keys changed, or left out where they are None."""

    def read(changes, *overrides):
        path = tmp_path / "conf.json"
        path.write_text(json.dumps({k: v for k, v in (BASE | changes).items() if v is not None}))
        return load_config(str(path), overrides)

    return read


def build(config):
    model = build_model(config, 6)
    attach_loss(model, config, 11)
    return model


SMALL = ("network.dims=[8,8,8,8,12]", "embedding.dims=[7,7]")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_loads_and_builds(load, kind):
    build(load(KINDS[kind], *SMALL))


@pytest.mark.parametrize("name", ["", "_mhe0.01", "_tdnn4_att"])
def test_published_files_load_unchanged(tf_kaldi_json, name):
    config = load_config(str(tf_kaldi_json / f"tdnn_amsoftmax_m0.20_linear_bn_1e-2{name}.json"))
    assert config.loss.type == "additive_margin"
    assert (config.loss.options.margin, config.loss.options.lambda_base) == (0.2, 1000)
    assert not config.loss.options.normalize_embeddings
    assert config.network.options.dims == (512, 512, 512, 512, 1500)
    assert config.network.options.kernels == (5, 5, 7, 1, 1)
    assert (config.embedding.dims, config.embedding.last) == ((512, 512), "bn")
    assert config.optimizer.type == "sgd"
    assert config.optimizer.options.weight_decay == 0.01
    assert [a.type for a in config.auxiliary] == (["mhe"] if "mhe" in name else [])
    assert config.pooling.type == ("self_attention" if "att" in name else "statistics")


def test_the_other_published_files(tf_kaldi_json):
    config = load_config(str(tf_kaldi_json / "tdnn_asoftmax_m4_linear_bn_1e-2.json"))
    assert (config.loss.type, config.loss.options.margin, config.loss.options.lambda_min) == ("a_softmax", 4, 10)
    config = load_config(str(tf_kaldi_json / "tdnn_softmax.json"))
    assert (config.loss.type, config.loss.options.bias, config.embedding.last) == ("softmax", True, "full")


def test_a_file_of_rates_drives_the_schedule(tf_kaldi_json, load):
    rates = tf_kaldi_json / "learning_rate_decay_45"
    config = load({"learning_rate": str(rates), "num_epochs": 45})
    assert config.schedule.type == "file"
    assert len(config.schedule.options.rates) == 46
    assert config.schedule.options.rates[0] == 0.005


def test_what_keys_mean(load):
    config = load(KINDS["amsoftmax_r0.01"] | {"save_checkpoints_steps": 10000, "num_segments_per_speaker": 2})
    data, training, schedule = config.data, config.training, config.schedule.options
    assert (data.batch_size, data.segments_per_speaker, data.steps_per_epoch) == (128, 2, 30000)
    assert (data.min_frames, data.max_frames, data.sampling) == (200, 400, "speaker")
    assert (training.epochs, training.seed, training.save_every, training.clip_norm) == (100, 0, 10000, None)
    assert (schedule.learning_rate, schedule.reduce_epochs, schedule.patience_after) == (0.01, 4, 2)
    assert (schedule.stop_epochs, schedule.min_learning_rate) == (10, 1e-6)
    assert config.embedding.node == "embedding1.affine"
    assert not config.optimizer.options.decay_all
    assert (config.network.options.bn_momentum, config.network.options.bn_eps) == (0.01, 1e-3)
    ring = config.auxiliary[0]
    assert (ring.type, ring.options.weight, ring.options.initial_radius) == ("ring", 0.01, 20)


def test_normalised_features_and_the_reflected_angle(load):
    options = load(KINDS["amsoftmax_fn30"]).loss.options
    assert (options.normalize_embeddings, options.scale) == (True, 30)
    assert load(KINDS["arcsoftmax"]).loss.options.beyond_pi == "reflect"


def test_the_form_of_its_mhe_and_the_decay_of_its_classifier(load):
    config = load(KINDS["amsoftmax_mhe0.01"] | {"output_weight_l2_regularizer": 1e-3})
    assert config.auxiliary[0].options.form == "inverse_of_mean"
    assert config.optimizer.options.loss_weight_decay == 1e-3


def test_defaults_that_its_code_has(load):
    config = load({"early_stop_epochs": None, "min_learning_rate": None})
    assert (config.schedule.options.stop_epochs, config.schedule.options.min_learning_rate) == (10, 1e-5)


def test_its_triplets_pass_over_auxiliary_losses(load):
    assert load(KINDS["angular_triplet"] | {"aux_loss_func": ["ring_loss"]}).auxiliary == ()


def test_ignored_keys_are_listed_once_and_comments_are_not(load, caplog):
    with caplog.at_level(logging.INFO):
        load({"Another option": "adam", "Note": "n", "?seed": "any", "mhe_lambda": 0.01})
    lines = [r.getMessage() for r in caplog.records if "have no effect" in r.getMessage()]
    assert len(lines) == 1
    listed = lines[0].split(": ")[-1].split(", ")
    assert {"max_queue_size", "mhe_lambda", "batch_type", "use_nesterov"} <= set(listed)
    assert not {"Another option", "Note", "?seed"} & set(listed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network_type": "resnet"}, "network_type 'resnet' is not known; known: tdnn"),
        ({"loss_func": "softmx"}, "loss_func 'softmx' is not known; did you mean \"softmax\""),
        ({"num_speaker_per_batch": 3}, "num_speaker_per_batch is not a key of tf-kaldi-speaker; did you mean"),
        ({"weight_l2_regularizer": None}, "weight_l2_regularizer is missing"),
        (AM | {"amsoftmax_m": None}, "amsoftmax_m is missing"),
        (AM | {"amsoftmax_m": "wide"}, "amsoftmax_m must be a number, not 'wide'"),
        ({"clip_gradient": 0}, "clip_gradient must be true or false, not 0"),
        ({"momentum": 0.9}, "momentum is given, but optimizer is sgd"),
        ({"feature_norm": True}, "feature_scaling_factor is missing"),
        ({"embedding_node": "tdnn6_conv"}, "embedding_node 'tdnn6_conv' is not a node"),
        (attention(4), "att_key_network_type must be 0, 1, 2 or 3, not 4"),
        (AM | {"aux_loss_func": ["ring"]}, "aux_loss_func 'ring' is not known; did you mean \"ring_loss\""),
        (GENERALIZED | {"l2_loss_weight": 0.1}, "l2_loss_weight must be 0"),
        (GENERALIZED | {"loss_compute": "softplus"}, "loss_compute 'softplus' is not known"),
        (GENERALIZED | {"feature_norm": True}, "feature_norm with triplet_center average is not supported"),
        ({"noload_var_list": ["sofmax"]}, "noload_var_list: 'sofmax' is in no variable's name"),
        ({"num_shared_layers": 2}, "num_shared_layers belongs to training with phone targets"),
        ({"aux_feature_dim": 40}, "aux_feature_dim belongs to training with phone targets or auxiliary features"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(load, changes, message):
    with pytest.raises(InputError, match=r"conf.json: .*") as caught:
        load(changes)
    assert message in str(caught.value)


def test_multitask_files_have_no_network_type(load):
    with pytest.raises(InputError, match="spk_loss_type belongs to training with phone targets"):
        load({"network_type": None, "spk_loss_type": "softmax"})


@pytest.mark.parametrize("kind", KINDS)
def test_variables_of_its_fine_tuning_lists_are_the_weights_of_the_model(load, kind):
    """Naming every variable freezes every weight; naming two layers drops those alone."""
    config = load(KINDS[kind] | {"noupdate_var_list": ["/"], "noload_var_list": ["tdnn6_dense", "tdnn1_bn"]}, *SMALL)
    weights = weights_of(build(config))
    assert set(variable_names(config.to_dict()).values()) == set(weights)
    assert all(any(fnmatchcase(n, p) for p in config.training.freeze) for n in weights)
    assert config.training.drop == ("network.tdnn1.bn.*", "embedding.layers.0.affine.*")


def test_the_old_classifier_is_dropped_whatever_it_was(load):
    """A softmax's bias goes too, though the new margin loss has none."""
    assert load(AM | {"noload_var_list": ["softmax"]}).training.drop == ("loss.*",)
    assert load(AM | {"noload_var_list": []}).training.drop == ()
    assert load(AM).training.drop == ("loss.*",)
    assert load({"noupdate_var_list": ["tdnn1_conv/kernel"]}).training.freeze == ("network.tdnn1.affine.weight",)

"""Checkpoints shaped as other toolkits save them: converted, they give PyTorch's embeddings."""

import collections
import io
import json
import zipfile

import numpy as np
import pytest
import yaml

from nnet.bin.convert_checkpoint import main
from nnet.errors import InputError
from nnet.feats.options import MelOptions
from nnet.feats.spectrum import compute_rows
from nnet.model.directory import load_speaker_net
from nnet.model.embedder import Embedder
from nnet.model.weights import save_weights
from nnet.ops import mx
from nnet.pretrained.checkpoint import read_checkpoint
from nnet.pretrained.convert import convert, write_model_dir
from nnet.pretrained.layouts import from_torch
from nnet.resnet_embedding import load_resnet34_embedding

torch = pytest.importorskip("torch")

# WeSpeaker's name of a network → the twin that makes its checkpoint.
WESPEAKER = {
    "XVEC": ("XVector", {}),
    "ResNet34": ("ResNet", {"depth": 34, "m_channels": 8}),
    "ResNet221": ("ResNet", {"depth": 221, "m_channels": 8}),
    "ECAPA_TDNN_c512": ("EcapaTdnn", {"channels": 64}),
    "ECAPA_TDNN_GLOB_c1024": ("EcapaTdnn", {"channels": 64, "context": True}),
    "CAMPPlus": ("CamPlusPlus", {"m_channels": 8, "growth": 8, "blocks": (3, 4, 2)}),
    "Res2Net34_Base": ("Res2Net", {"m_channels": 8}),
    "ERes2Net34_Base": ("WespeakerERes2Net", {"m_channels": 8}),
    "SimAM_ResNet34_ASP": ("SimAmResNet", {"in_planes": 8}),
    "SimAM_ResNet100_ASP": ("SimAmResNet", {"depth": 100, "in_planes": 4}),
    "Gemini_DF_ResNet60": ("DfResNet", {"blocks": (3, 3, 9, 3), "channels": 4}),
    "XI_VEC_ECAPA_TDNN_c512": ("EcapaTdnn", {"channels": 64, "posterior": True}),
    "XI_VEC_XVEC": ("XVector", {"posterior": True}),
}


def _pooling(name):
    return "XI" if name.startswith("XI_VEC") else "ASTP" if "ECAPA" in name else "TSTP"


def _save_wespeaker(folder, twin, name, **settings):
    """avg_model.pt with the classifier that training leaves in it, and config.yaml."""
    state = collections.OrderedDict(twin.state_dict())
    state["projection.weight"] = torch.randn(30, 8)
    torch.save(state, folder / "avg_model.pt")
    config = {
        "model": name,
        "model_args": {"feat_dim": 80, "embed_dim": 256, "pooling_func": _pooling(name)},
        "dataset_args": {"fbank_args": {"num_mel_bins": 80, "frame_shift": 10, "frame_length": 25, "dither": 1.0}},
    } | settings
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return str(folder)


@pytest.mark.parametrize("name", WESPEAKER)
def test_wespeakers_networks(name, tmp_path, make_twin, equal_embeddings):
    cls, options = WESPEAKER[name]
    twin = make_twin(cls, **options)
    converted = convert(_save_wespeaker(tmp_path, twin, name))
    assert converted.toolkit == "wespeaker" and converted.input_dim == 80
    for frames in (50, 237 if name == "ResNet221" else 2000):  # 2,000 frames of that one take half a minute
        equal_embeddings(converted.model, twin, frames, 80)


@pytest.mark.parametrize("name", ["XVEC", "ResNet34", "CAMPPlus", "Gemini_DF_ResNet60"])
def test_wespeakers_attentive_pooling(name, tmp_path, make_twin, twins, equal_embeddings):
    cls, options = WESPEAKER[name]
    twin = make_twin(cls, **options)
    twice = name == "CAMPPlus"  # registers its pooling under two names
    width = twin.xvector.dense.linear.in_channels if twice else twin.seg_1.in_features
    pooling = twins.randomize(twins.AttentivePooling(width // 2)).eval()
    twin.pool = torch.nn.Sequential(torch.nn.Flatten(1, -2), pooling)
    if twice:
        twin.xvector.stats = pooling
    state = {n.replace("pool.1.", "pool."): weight for n, weight in twin.state_dict().items()}
    torch.save(state, tmp_path / "avg_model.pt")
    converted = convert(str(tmp_path))
    assert converted.config.pooling.type == "channel_attention"
    equal_embeddings(converted.model, twin, 120, 80)


def test_an_experiment_of_wespeaker(tmp_path, make_twin, caplog):
    (tmp_path / "models").mkdir()
    _save_wespeaker(tmp_path, make_twin("XVector"), "XVEC", dataset_args={"resample_rate": 8000})
    (tmp_path / "avg_model.pt").rename(tmp_path / "models" / "avg_model.pt")
    for source in (tmp_path, tmp_path / "models", tmp_path / "models" / "avg_model.pt"):
        assert convert(str(source)).feats_conf["options"]["sample_frequency"] == 8000
    assert not caplog.text
    (tmp_path / "config.yaml").write_text("sample_rate: 8000\nmodel: resnet34\n")  # of another project
    assert convert(str(tmp_path / "models")).feats_conf["options"]["sample_frequency"] == 16000
    assert "no config.yaml beside it or in the folder above models/" in caplog.text


# WeSpeaker's variant of RepVGG → its twin with an eighth of the channels; the widths say the rest.
REPVGG = {
    "TINY_A0": ((3, 4, 23, 3), (4, 4, 8, 16, 32), {}),
    "RSBB_A0": ((2, 4, 14, 1), (6, 6, 12, 24, 160), {"dilated": True}),
    "B1g2": ((4, 6, 16, 1), (16, 16, 32, 64, 256), {"groups": 2}),
    "D2SE": ((8, 14, 24, 1), (20, 20, 40, 80, 320), {"groups": 4, "gate": True}),
}


@pytest.mark.parametrize("variant", REPVGG)
@pytest.mark.parametrize("fused", [False, True])
def test_wespeakers_repvgg_before_and_after_its_conversion(variant, fused, tmp_path, make_twin, equal_embeddings):
    depths, widths, options = REPVGG[variant]
    twin = make_twin("RepVgg", depths, widths, fused=fused, **options)
    converted = convert(_save_wespeaker(tmp_path, twin, f"REPVGG_{variant}"))
    network = converted.config.network.options
    assert (network.variant, network.base_width, network.fused) == (variant, 8, fused)
    equal_embeddings(converted.model, twin, 117, 80)


def test_a_repvgg_of_other_widths_is_refused(tmp_path, make_twin):
    twin = make_twin("RepVgg", (3, 4, 23, 3), (4, 4, 8, 16, 40))
    with pytest.raises(InputError, match=r"unknown RepVGG of \(3, 4, 23, 3\) blocks with \[4, 4, 8, 16, 40\] channels"):
        convert(_save_wespeaker(tmp_path, twin, "REPVGG_TINY_A0"))


def _lightning_checkpoint(twin):
    """The file of NeXt-TDNN's authors: the network, its front end, and the classifier under two names."""
    state = collections.OrderedDict(twin.state_dict())
    state["speaker_net.feature_extractor.mel_spectrogram.mel_scale.fb"] = torch.rand(257, 80)
    state |= {"speaker_net.loss_function.weight": torch.randn(9, 192), "loss_function.weight": torch.randn(9, 192)}
    return {"state_dict": state, "epoch": 3, "hyper_parameters": {"code_save_time": "now"}, "lr_schedulers": [{"a": 1}]}


@pytest.mark.parametrize("options", [{"blocks": 2}, {"kernels": (65,), "light": True}])
def test_the_authors_next_tdnn(options, tmp_path, make_twin, equal_embeddings):
    twin = make_twin("NextTdnn", channels=32, **options)
    path = tmp_path / "NeXt_TDNN_C32.pt"
    torch.save(_lightning_checkpoint(twin), path)
    converted = convert(str(path))
    network = converted.config.network.options
    assert converted.toolkit == "next_tdnn" and (converted.input_dim, network.channels) == (80, 32)
    audio = MelOptions(layout="torchaudio", num_mel_bins=80, offset=1e-6)
    assert MelOptions.from_dict(converted.feats_conf["options"]) == audio
    assert options.items() <= vars(network).items()
    equal_embeddings(converted.model, twin, 200, 80)
    state = twin.state_dict()
    state["speaker_net.model.extra.weight"] = state.pop("speaker_net.model.stages.1.0.grn.gamma")
    torch.save(state, path)
    with pytest.raises(
        InputError, match=r"stages\.1\.0\.grn\.gamma is missing; .*model\.extra\.weight .* is not a weight"
    ):
        convert(str(path))


# The stages of small ReDimNets: strides, blocks, expansion, reduction.
FIRST = [(1, 1, 2, 40), (2, 2, 1, 0), (2, 1, 1, 20)]
SECOND = [(1, 1, 1, 2, 40), (2, 2, 2, 1, 0), (1, 2, 1, 0.5, 20)]
REDIMNETS = {
    "convnext": (FIRST, {"group": 2, "out_channels": 12}),
    "gated": (FIRST, {"group": 1, "kind": "gated", "context": False}),
    "second": (SECOND, {"group": 1, "kind": "basic", "out_channels": 12}),
    "second, map": (SECOND, {"group": 1, "kind": "convnext", "out_channels": 6, "out_map": True}),
}


def redimnet(make_twin, name, **options):
    stages, others = REDIMNETS[name]
    return make_twin("ReDimNet", stages, feat_dim=40, channels=4, embed_dim=16, **(others | options))


@pytest.mark.parametrize("name", ["convnext", "gated"])
def test_wespeakers_redimnet(name, tmp_path, make_twin, equal_embeddings):
    twin = redimnet(make_twin, name, wespeaker=True)
    arguments = {"model_args": {"feat_dim": 40, "pooling_func": "ASTP"}, "dataset_args": {}}
    converted = convert(_save_wespeaker(tmp_path, twin, "ReDimNet", **arguments))
    assert converted.toolkit == "wespeaker" and converted.feats_conf["options"]["num_mel_bins"] == 40
    for frames in (50, 401):
        equal_embeddings(converted.model, twin, frames, 40, bound=1e-5)


@pytest.mark.parametrize("name", REDIMNETS)
def test_redimnets_of_their_authors(name, tmp_path, make_twin, equal_embeddings, caplog):
    twin = redimnet(make_twin, name)
    state = twin.state_dict() | {"spec.torchfbank.1.flipped_filter": torch.zeros(1, 1, 2)}
    torch.save({"state_dict": state}, tmp_path / "b0-vox2-lm.pt")
    converted = convert(str(tmp_path))
    assert converted.toolkit == "redimnet" and "does not say which features it takes" in caplog.text
    for frames in (50, 401):
        equal_embeddings(converted.model, twin, frames, 40, bound=1e-5)


def test_the_features_of_redimnets_authors(tmp_path, make_twin):
    state, path = redimnet(make_twin, "convnext").state_dict(), str(tmp_path / "b0-vox2-lm.pt")

    def features(**config):
        torch.save({"model_config": config, "state_dict": state}, path)
        conf = convert(path).feats_conf
        return conf and MelOptions.from_dict(conf["options"])

    audio = {"layout": "torchaudio", "num_mel_bins": 40, "offset": 1e-6}
    assert features(F=40, C=4, spec_params={"do_spec_aug": True}) == MelOptions(**audio)
    assert features(hop_length=240, spec_params={"norm_signal": True}) == MelOptions(
        **audio, frame_shift=15.0, normalize_signal=True
    )
    assert features(feat_type="tf_mel") == MelOptions(num_mel_bins=40)
    assert features(feat_type="tf_spec") is None and features(spec_params={"spec_norm": "bn"}) is None
    for config, message in (
        ({"hop_length": "160"}, "hop_length of the front end must be a number from 0 to a million, not '160'"),
        ({"spec_params": {"n_mels": 80}}, "the weights take 40 features per frame, the front end has n_mels 80"),
        ({"spec_params": {"sample_rate": 0}}, "the front end has n_mels 40 at 0 Hz"),
        ({"spec_params": {"n_fft": 256}}, "fft-size 256 must be even and at least a frame"),
        ({"spec_params": []}, "spec_params must be a section"),
        ({"pad_right_samples": 80}, "its model_config has pad_right_samples, which is not supported"),
        ({"hop_length": 10**400}, "hop_length of the front end must be a number from 0 to a million"),
    ):
        with pytest.raises(InputError, match=message):
            features(**config)
    (tmp_path / "config.json").write_text('{"feat_type": "pt"}')  # of something else in the folder
    assert features() is None and features(feat_type="tf") == MelOptions(num_mel_bins=40)


def test_a_redimnet_embeds_audio(tmp_path, make_twin):
    twin = redimnet(make_twin, "convnext")
    torch.save({"model_config": {"F": 40, "C": 4}, "state_dict": twin.state_dict()}, tmp_path / "b0.pt")
    main([str(tmp_path / "b0.pt"), str(tmp_path / "model")])
    options = MelOptions.from_conf(tmp_path / "model" / "mel.conf")
    samples = np.random.default_rng(0).normal(0, 0.1, 20000).astype(np.float32)
    feats = np.asarray(compute_rows(samples, options))
    with torch.no_grad():
        expected = twin(torch.from_numpy(feats - feats.mean(axis=0))[None])[0].numpy()
    np.testing.assert_allclose(
        Embedder(tmp_path / "model").embed(samples, 16000), expected, atol=1e-4 * np.abs(expected).max()
    )


def test_the_first_release_of_redimnet_and_wespeakers_redimnet2(tmp_path, make_twin, equal_embeddings):
    first, second = redimnet(make_twin, "gated", wespeaker=True), redimnet(make_twin, "second")
    own = {name.replace("seg_1", "linear"): tensor for name, tensor in first.state_dict().items()}
    own |= {f"bn.{n}": t for n, t in torch.nn.BatchNorm1d(320).state_dict().items()}
    torch.save({"state_dict": own}, tmp_path / "redimnet-b0-vox2-lm.pt")
    converted = convert(str(tmp_path / "redimnet-b0-vox2-lm.pt"))
    assert converted.toolkit == "redimnet" and converted.config.embedding.input_bn
    (tmp_path / "second").mkdir()
    mels = {"frontend": "tfmel", "cmvn": False, "tfmel_args": {"n_mels": 40, "norm_signal": True}}
    arguments = {"model_args": {"feat_dim": 40}, "dataset_args": mels}
    converted = convert(_save_wespeaker(tmp_path / "second", second, "ReDimNet2B0", **arguments))
    options = MelOptions.from_dict(converted.feats_conf["options"])
    assert converted.toolkit == "wespeaker" and converted.feats_conf["cmvn"] == "utterance"
    assert options == MelOptions(num_mel_bins=40, normalize_signal=True)
    equal_embeddings(converted.model, second, 90, 40, bound=1e-5)
    for name, value in (("before_pool_offset", 2), ("block_2d_type", "convnext_like_relu")):
        arguments = {"model_args": {"feat_dim": 40, name: value}, "dataset_args": mels}
        with pytest.raises(InputError, match=f"{name}.* of config.yaml is not supported"):
            convert(_save_wespeaker(tmp_path / "second", second, "ReDimNet2B0", **arguments))


@pytest.mark.parametrize("wespeaker", [True, False])
def test_every_tensor_of_a_redimnet_is_accounted_for(wespeaker, tmp_path, make_twin):
    state = redimnet(make_twin, "gated", wespeaker=wespeaker).state_dict()
    name = "backbone.inputs_weights.1" if wespeaker else "backbone.stage1.0.w"
    for changed, message in (
        (state | {"backbone.stage1.9.weight": torch.zeros(2)}, r"backbone.stage1.9.weight \(2,\) is not a weight"),
        ({n: t for n, t in state.items() if n != name}, f"{name} is missing"),
    ):
        torch.save(changed, tmp_path / "avg_model.pt")
        with pytest.raises(InputError, match=message):
            convert(str(tmp_path))


FORMS = {
    "plain": lambda state: state,
    "of several processes": lambda state: {f"module.{n}": t for n, t in state.items()},
    "in a checkpoint": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"lr": 0.1}},
    "in a model": lambda state: {"model": {f"module.{n}": t for n, t in state.items()}},
    "with a classifier": lambda state: (
        state | {"projection.weight": torch.zeros(9, 4), "projection.bias": torch.ones(9)}
    ),
    "of parameters": lambda state: {n: torch.nn.Parameter(t, requires_grad=False) for n, t in state.items()},
    "not contiguous": lambda state: {n: t.transpose(0, -1).contiguous().transpose(0, -1) for n, t in state.items()},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_forms_in_which_weights_are_saved(form, zipped, tmp_path, make_twin, equal_embeddings):
    twin = make_twin("ResNet", 18, m_channels=4)
    path = tmp_path / "avg_model.pt"
    torch.save(FORMS[form](dict(twin.state_dict())), path, _use_new_zipfile_serialization=zipped)
    equal_embeddings(convert(str(path)).model, twin, 60, 80)


@pytest.mark.parametrize("depth, options", [(18, {"feat_dim": 40}), (50, {"m_channels": 8}), (34, {"embed_dim": 12})])
def test_sizes_are_found_from_the_weights(depth, options, tmp_path, make_twin, equal_embeddings):
    twin = make_twin("ResNet", depth, **({"m_channels": 8} | options))
    torch.save(twin.state_dict(), tmp_path / "avg_model.pt")
    converted = convert(str(tmp_path / "avg_model.pt"))
    dim = options.get("feat_dim", 80)
    assert converted.input_dim == dim and converted.feats_conf["options"]["num_mel_bins"] == dim
    equal_embeddings(converted.model, twin, 70, dim)


def test_wespeakers_front_end(tmp_path, make_twin):
    twin = make_twin("ResNet", 18, m_channels=4)
    conf = convert(_save_wespeaker(tmp_path, twin, "ResNet18")).feats_conf
    assert conf["type"] == "fbank" and conf["cmvn"] == "utterance" and not conf["silence_removed"]
    wanted = {"num_mel_bins": 80, "window_type": "hamming", "dither": 0.0, "sample_frequency": 16000.0}
    assert wanted.items() <= conf["options"].items()


def test_two_embedding_layers_and_3d_speakers_pooling(tmp_path, make_twin, equal_embeddings):
    twin = make_twin("ResNet", 34, m_channels=8, two_emb_layer=True)
    twin.pool.eps = 1e-8
    torch.save(twin.state_dict(), tmp_path / "embedding_model.ckpt")
    converted = convert(str(tmp_path))
    assert converted.toolkit == "speaker3d" and converted.feats_conf["options"]["mel_floor"] == 128.0
    equal_embeddings(converted.model, twin, 120, 80)


def test_3d_speakers_campplus(tmp_path, make_twin, equal_embeddings):
    twin = make_twin("CamPlusPlus", embed_dim=192)
    twin.xvector.stats.eps = 0.0
    torch.save(twin.state_dict(), tmp_path / "campplus_cn_common.bin")
    (tmp_path / "configuration.json").write_text(json.dumps({"task": "speaker-verification"}))
    converted = convert(str(tmp_path))
    assert converted.toolkit == "speaker3d" and converted.config.embedding.dims == (192,)
    equal_embeddings(converted.model, twin, 321, 80)


# A release of 3D-Speaker, its twin with fewer channels, and the network's sizes.
RES2NETS = {
    "res2net.ckpt": ("Res2Net", {"two_emb_layer": True}, "res2net", (8, 32, 2, 2)),
    "eres2net_base_model.ckpt": ("ERes2Net", {}, "eres2net", (8, 32, 2, 2)),
    "pretrained_eres2net_aug.ckpt": (
        "ERes2Net",
        {"base_width": 24, "scale": 3, "expansion": 4},
        "eres2net",
        (8, 24, 3, 4),
    ),
    "pretrained_eres2netv2.ckpt": ("ERes2NetV2", {}, "eres2netv2", (8, 26, 2, 2)),
    "pretrained_eres2netv2w24s4ep4.ckpt": (
        "ERes2NetV2",
        {"base_width": 24, "scale": 4, "expansion": 4},
        "eres2netv2",
        (8, 24, 4, 4),
    ),
}


@pytest.mark.parametrize("name", RES2NETS)
def test_3d_speakers_res2nets(name, tmp_path, make_twin, equal_embeddings):
    cls, options, kind, sizes = RES2NETS[name]
    twin = make_twin(cls, m_channels=8, num_blocks=(1, 2, 3, 1), **options)
    twin.pool.eps = 1e-8
    torch.save(twin.state_dict(), tmp_path / name)
    converted = convert(str(tmp_path / name))
    assert converted.toolkit == "speaker3d" and converted.feats_conf["options"]["mel_floor"] == 128.0
    found = converted.config.network.options
    assert converted.config.network.type == kind and found.blocks == (1, 2, 3, 1)
    assert (found.channels, found.base_width, found.scale, found.expansion) == sizes
    for frames in (50, 237):
        equal_embeddings(converted.model, twin, frames, 80, bound=1e-5)


def test_3d_speakers_model_packed_by_wespeaker(tmp_path, make_twin, equal_embeddings):
    twin = make_twin("WespeakerERes2Net", m_channels=8, num_blocks=(1, 1, 1, 1))
    folder = _save_wespeaker(tmp_path, twin, "ERes2Net34_aug")
    twin.pool.eps = 1e-8
    converted = convert(folder, "speaker3d")
    assert converted.feats_conf["options"]["window_type"] == "povey"
    equal_embeddings(converted.model, twin, 60, 80, bound=1e-5)


def _pyannote_state(twin):
    return {f"resnet.{name}": tensor for name, tensor in twin.state_dict().items()}


def test_pyannotes_resnet(tmp_path, make_twin, equal_embeddings):
    twin = make_twin("ResNet", 34, m_channels=8)
    twin.pool.eps = 0.0
    state = {"state_dict": _pyannote_state(twin), "pytorch-lightning_version": "1.8", "hyper_parameters": {"a": 1}}
    torch.save(state, tmp_path / "pytorch_model.bin")
    converted = convert(str(tmp_path))
    assert converted.toolkit == "pyannote"
    equal_embeddings(converted.model, twin, 150, 80)


def _mlx_weights(twin, ported):
    """The twin's weights channels last, in mlx-community's names or in those of that port's own class."""
    weights = {}
    for name, tensor in _pyannote_state(twin).items():
        if ported:
            name = (
                name.removeprefix("resnet.").replace("shortcut.0", "shortcut_conv").replace("shortcut.1", "shortcut_bn")
            )
            stage, _, rest = name.replace("seg_1", "fc").partition(".")
            name = f"{stage}.layers.{rest}" if stage.startswith("layer") else f"{stage}.{rest}"
        if not name.endswith("num_batches_tracked"):
            weights[name] = from_torch(tensor.numpy(), tensor.ndim)
    return weights


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("ported", [False, True])
def test_mlx_ports_of_the_resnet(suffix, ported, tmp_path, make_twin, equal_embeddings):
    twin = make_twin("ResNet", 34, m_channels=8)
    weights, path = _mlx_weights(twin, ported), str(tmp_path / f"weights.{suffix}")
    if suffix == "npz":
        np.savez(path, **weights)
    else:
        mx.save_safetensors(path, {n: mx.array(a) for n, a in weights.items()})
    converted = convert(path)
    assert converted.toolkit == "mlx_community"
    equal_embeddings(converted.model, twin, 150, 80)
    equal_embeddings(load_resnet34_embedding(path), twin, 60, 80)


def test_the_seeds_interface_on_our_own_file(tmp_path, make_twin):
    twin = make_twin("ResNet", 34, m_channels=8)
    torch.save(twin.state_dict(), tmp_path / "avg_model.pt")
    converted = convert(str(tmp_path))
    write_model_dir(converted, str(tmp_path / "model"))
    path = str(tmp_path / "model" / "model.safetensors")
    taught = {"distillation.projection.weight": mx.zeros((3, 3))}  # of a training, which is left out
    save_weights(path, dict(mx.load(path)) | taught)
    model = load_resnet34_embedding(path)
    mel = mx.random.normal((2, 70, 80))
    assert model(mel).shape == (2, 256)
    assert np.array_equal(np.array(model(mel)), np.array(converted.model(mel)))


def test_the_seeds_interface_takes_no_other_resnet(tmp_path, make_twin):
    np.savez(tmp_path / "weights.npz", **_mlx_weights(make_twin("ResNet", 18, m_channels=4), False))
    with pytest.raises(InputError, match="a ResNet18, not a ResNet34"):
        load_resnet34_embedding(str(tmp_path / "weights.npz"))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights_become_float32(dtype, tmp_path, make_twin):
    twin = make_twin("ResNet", 18, m_channels=4)
    state = {n: t.to(getattr(torch, dtype)) if t.is_floating_point() else t for n, t in twin.state_dict().items()}
    torch.save(state, tmp_path / "avg_model.pt")
    model = convert(str(tmp_path)).model
    assert model.network.conv1.weight.dtype == mx.float32
    expected = from_torch(state["layer4.1.conv2.weight"].float().numpy(), 4)
    assert np.array_equal(np.array(model.network.layer4[1].conv2.weight), expected)


def test_the_model_directory_gives_the_same_embeddings(tmp_path, make_twin, equal_embeddings):
    twin = make_twin("ResNet", 18, m_channels=4)
    converted = convert(_save_wespeaker(tmp_path, twin, "ResNet18"))
    write_model_dir(converted, str(tmp_path / "model"))
    model, config, about = load_speaker_net(str(tmp_path / "model"))
    assert about["feats_conf"] == converted.feats_conf and about["input_dim"] == 80
    assert config == converted.config
    equal_embeddings(model, twin, 90, 80)


def test_a_conversion_that_failed_can_be_repeated(tmp_path, make_twin, monkeypatch):
    """config.json was written first: after a full disk, the folder counted as a model."""
    converted = convert(_save_wespeaker(tmp_path, make_twin("ResNet", 18, m_channels=4), "ResNet18"))
    monkeypatch.setattr(
        "nnet.pretrained.convert.save_weights", lambda path, weights: _raise(InputError(f"{path}: full"))
    )
    with pytest.raises(InputError, match="full"):
        write_model_dir(converted, str(tmp_path / "model"))
    assert list((tmp_path / "model").iterdir()) == []


def _raise(error):
    raise error


def _broken(state, change):
    state = dict(state)
    if change == "missing":
        del state["layer2.0.conv1.weight"]
    elif change == "extra":
        state["attention.weight"] = torch.zeros(2, 2)
    elif change == "shape":
        state["layer1.1.bn1.bias"] = torch.zeros(5)
    elif change == "nan":
        state["layer1.1.bn1.bias"] = torch.full((4,), float("nan"))
    return state


@pytest.mark.parametrize(
    "change, message",
    [
        ("missing", r"layer2\.0\.conv1\.weight is missing|unknown ResNet of"),
        ("extra", r"attention\.weight \(2, 2\) is not a weight of the network"),
        ("shape", r"layer1\.1\.bn1\.bias does not have the shape of"),
        ("nan", r"layer1\.1\.bn1\.bias holds NaN"),
    ],
)
def test_every_tensor_is_accounted_for(change, message, tmp_path, make_twin):
    state = make_twin("ResNet", 18, m_channels=4).state_dict()
    torch.save(_broken(state, change), tmp_path / "avg_model.pt")
    with pytest.raises(InputError, match=message) as caught:
        convert(str(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"model_args": {"feat_dim": 40}}, "config.yaml has feat_dim 40"),
        ({"model_args": {"acoustic_dim": 40}}, "config.yaml has acoustic_dim 40"),
        ({"model_args": {"pooling_func": "MQMHASTP"}}, "MQMHASTP is not supported"),
        ({"dataset_args": {"frontend": "whisper"}}, "front end whisper is not supported"),
        ({"dataset_args": {"frontend": "tfmel"}}, "cmvn on top of tfmel"),
        ({"dataset_args": {"cmvn_args": {"norm_var": True}}}, "variance normalization"),
        ({"dataset_args": {"fbank_args": {"frame_shift": "ten"}}}, "frame_shift must be a number"),
        ({"dataset_args": {"fbank_args": 80}}, "fbank_args must be a section"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message, tmp_path, make_twin):
    twin = make_twin("ResNet", 18, m_channels=4)
    with pytest.raises(InputError, match=message):
        convert(_save_wespeaker(tmp_path, twin, "ResNet18", **settings))


def test_an_ambiguous_checkpoint_asks_for_its_type(tmp_path, make_twin):
    torch.save(make_twin("ResNet", 18, m_channels=4).state_dict(), tmp_path / "epoch_70.pt")
    with pytest.raises(InputError, match="cannot tell which toolkit wrote it; give --type wespeaker"):
        convert(str(tmp_path))
    assert convert(str(tmp_path), "wespeaker").toolkit == "wespeaker"


def _reshaped(state, name, change):
    """The state with one tensor flat, a number, empty, with an axis more, or half as long; or without it."""
    forms = {
        "flat": lambda a: a.reshape(-1),
        "number": lambda a: a.flatten()[0],
        "empty": lambda a: torch.zeros(1 << 40, 0),
        "deeper": lambda a: a[None],
        "half": lambda a: a[: len(a) // 2].clone(),
    }
    changed = {n: a for n, a in state.items() if n != name}
    return changed if change == "missing" else changed | {name: forms[change](state[name])}


@pytest.mark.parametrize("change", ["flat", "number", "empty", "deeper", "half", "missing"])
@pytest.mark.parametrize(
    "cls, name",
    [
        ("XVector", "seg_1.weight"),
        ("ResNet", "conv1.weight"),
        ("EcapaTdnn", "layer2.se_res2block.3.linear1.weight"),
        ("CamPlusPlus", "xvector.block1.tdnnd1.cam_layer.linear_local.weight"),
        ("ERes2Net", "layer1.0.convs.0.weight"),
        ("RepVgg", "stage1.0.rbr_dense.conv.weight"),
        ("SimAmResNet", "pooling.attention.0.weight"),
        ("DfResNet", "stages.2.0.conv2.weight"),
    ],
)
def test_shapes_that_fit_no_network_are_one_line(cls, name, change, tmp_path, make_twin):
    small = {
        "ResNet": {"depth": 18, "m_channels": 4},
        "EcapaTdnn": {"channels": 16},
        "ERes2Net": {"m_channels": 8, "num_blocks": (1, 1, 1, 1)},
        "RepVgg": {"depths": (2, 4, 14, 1), "widths": (6, 6, 12, 24, 160)},
        "SimAmResNet": {"depth": 18, "in_planes": 4},
        "DfResNet": {"blocks": (1, 1, 1, 1), "channels": 4},
    }
    torch.save(_reshaped(make_twin(cls, **small.get(cls, {})).state_dict(), name, change), tmp_path / "avg_model.pt")
    with pytest.raises(InputError) as caught:
        convert(str(tmp_path))
    assert "avg_model.pt" in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_network_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "avg_model.pt")
    with pytest.raises(InputError, match="unknown network with tensors bias, weight"):
        convert(str(tmp_path))


def test_a_folder_without_or_with_several_checkpoints(tmp_path):
    with pytest.raises(InputError, match="looked for avg_model.pt"):
        read_checkpoint(str(tmp_path))
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="a.pt, b.pt; give the path of one"):
        read_checkpoint(str(tmp_path))


SYNTAX = b"\x93NUMPY\1\0\x20\0{'descr': '<f4', (((((".ljust(
    42
)  # ends within the tuple: not even the tokenizer of Python is content


@pytest.mark.parametrize("content", ["bomb", "object", "endless", "text", "syntax"])
def test_npz_files_that_mean_harm_are_refused(content, tmp_path):
    path, header = str(tmp_path / "weights.npz"), io.BytesIO()
    shape = (1 << 40,) if content == "endless" else (1 << 24,)
    kind = "|O" if content == "object" else "<f4"
    np.lib.format.write_array_header_1_0(header, {"descr": kind, "fortran_order": False, "shape": shape})
    body = {"bomb": header.getvalue() + bytes(1 << 26), "text": b"hello", "syntax": SYNTAX}.get(
        content, header.getvalue()
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if content == "bomb" else zipfile.ZIP_STORED) as archive:
        archive.writestr("a.txt" if content == "text" else "a.npy", body)
    with pytest.raises(InputError, match="weights.npz: (refused|not a readable npz)"):
        read_checkpoint(path)

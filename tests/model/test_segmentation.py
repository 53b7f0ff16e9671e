"""Segmentation models: conversion of a PyanNet, its probabilities by both engines against PyTorch, its directory.

SV_SEGMENTATION names pyannote's `pytorch_model.bin` of segmentation-3.0 for the tests with its weights.
"""

import copy
import json
import os
import pickle

import numpy as np
import pytest

from nnet.audio.reading import read_audio
from nnet.bin.convert_checkpoint import main as convert
from nnet.errors import InputError
from nnet.files import read_json
from nnet.model.directory import load_speaker_net
from nnet.model.segmentation import SegmentationModel
from nnet.networks.segmentation import SegmentationNet, SegmentationOptions, speaker_sets
from nnet.pretrained.torch_file import read_torch_state

torch = pytest.importorskip("torch")
twin = pytest.importorskip("segmentation_twin")

SMALL = {"bands": 4, "kernel": 31, "stride": 5, "channels": (6, 5), "width": 8, "layers": 2, "dims": (7,), "classes": 7}
ENGINES = pytest.mark.parametrize("engine", ["mlx", "onnx"])


def pyannet(sharpness=3.0, **sizes):
    """A PyanNet with random weights; `sharpness` scales them so that its probabilities are not all alike."""
    torch.manual_seed(0)
    net = twin.PyanNet(**sizes).eval()
    with torch.no_grad():
        for name, tensor in net.named_parameters():
            if "norm" in name:
                tensor += 0.3 * torch.randn_like(tensor)
            elif not name.startswith("sincnet"):
                tensor *= sharpness
    return net


def saved(net, folder, **settings):
    folder.mkdir(exist_ok=True)
    torch.save({"state_dict": net.state_dict(), "epoch": 3}, folder / "pytorch_model.bin")
    if settings:
        (folder / "config.yaml").write_text(json.dumps(settings))
    return str(folder / "pytorch_model.bin")


def small(tmp_path, **changes):
    net = pyannet(**(SMALL | changes))
    source = saved(net, tmp_path / "theirs", model={"sincnet": {"stride": 5}}, task={"duration": 0.5})
    convert([source, str(tmp_path / "ours")])
    return net, str(tmp_path / "ours")


def assert_as_pytorch(segmenter, net, windows):
    # In float64, as silence is nothing but rounding, which the instance normalization makes 300 times as large.
    with torch.no_grad():
        expected = copy.deepcopy(net).double()(torch.from_numpy(windows).double()).float().numpy()
    found = segmenter.probabilities(windows)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)
    return expected


@ENGINES
def test_probabilities_of_the_published_sizes_equal_pytorchs(tmp_path, engine):
    if engine == "onnx":
        pytest.importorskip("onnxruntime")
    net = pyannet()
    convert([saved(net, tmp_path / "theirs"), str(tmp_path / "ours")])
    segmenter = SegmentationModel(tmp_path / "ours", engine)
    assert (segmenter.window, segmenter.frames) == (160000, 589)
    assert (segmenter.frame_step, segmenter.first_center) == (270, 495)
    rng = np.random.default_rng(0)
    loudness = np.repeat(rng.uniform(0, 0.3, (1, 100)), 1600, axis=1)
    windows = (loudness * rng.normal(size=(1, 160000))).astype(np.float32)
    expected = assert_as_pytorch(segmenter, net, windows)
    assert expected.max() > 0.4 and expected.std(axis=1).max() > 0.05


@ENGINES
def test_batches_of_any_size_give_the_same(tmp_path, engine):
    if engine == "onnx":
        pytest.importorskip("onnxruntime")
    net, directory = small(tmp_path)
    segmenter = SegmentationModel(directory, engine)
    count = 2 * segmenter.batch + 3
    windows = np.random.default_rng(1).normal(size=(count, segmenter.window)).astype(np.float32)
    assert_as_pytorch(segmenter, net, windows)
    assert_as_pytorch(segmenter, net, windows[:1])
    assert_as_pytorch(segmenter, net, np.zeros_like(windows[:1]))


def test_real_speech(librispeech_mini, tmp_path):
    if "SV_SEGMENTATION" not in os.environ:
        pytest.skip("SV_SEGMENTATION names no checkpoint")
    convert([os.environ["SV_SEGMENTATION"], str(tmp_path / "ours")])
    net = twin.PyanNet().eval()
    state = read_torch_state(os.environ["SV_SEGMENTATION"])[0]  # torch.load would need pyannote
    net.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    paths = sorted((librispeech_mini / "test-other").glob("*/*/*.flac"))[::5]
    speech = [np.resize(read_audio(str(path))[0], 160000) for path in paths]
    windows = np.stack([*speech, *(0.5 * (a + b) for a, b in zip(speech[::4], speech[2::4], strict=True))])
    for engine in ("mlx", "onnx"):
        expected = assert_as_pytorch(SegmentationModel(tmp_path / "ours", engine), net, windows)
        assert expected[: len(speech), :, 1:].sum(axis=-1).mean() > 0.7  # speech, most of the time


def test_frames_and_centers_are_those_of_the_convolutions(tmp_path):
    """A click changes only the frames that reach it; the middle one is where `first_center` and `frame_step` say."""
    net = SegmentationNet(SegmentationOptions()).sincnet
    x = np.zeros((1, 30000), np.float32)
    assert net.frames(30000) == np.array(net(_array(x))).shape[1] and net.frames(900) == 0
    kept, net.norm, net.norms = net.norms, _same, [_same] * 3  # normalization spreads a click over the window
    assert len(kept) == 3
    for frame in (10, 50):
        x[:] = 0
        x[0, net.first_center + frame * net.frame_step] = 1
        changed = np.flatnonzero(np.abs(np.array(net(_array(x))) - np.array(net(_array(0 * x)))).max(axis=(0, 2)) > 0)
        assert changed[0] + changed[-1] == 2 * frame


def _array(x):
    from nnet.ops import mx

    return mx.array(x)


def _same(x):
    return x


def test_sets_of_speakers_come_in_the_published_order():
    sets = [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2)]
    assert [tuple(np.flatnonzero(row)) for row in speaker_sets(3, 2)] == sets
    assert speaker_sets(2, 1).tolist() == [[0, 0], [1, 0], [0, 1]]


def test_a_missing_or_strange_tensor_ends_the_conversion_with_its_name(tmp_path):
    net = pyannet(**SMALL)
    for name in (
        "sincnet.conv1d.1.bias",
        "lstm.bias_hh_l1_reverse",
        "sincnet.conv1d.0.filterbank.n_",
        "linear.0.bias",
    ):
        state = dict(net.state_dict())
        del state[name]
        torch.save(state, tmp_path / "m.bin")
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            convert([str(tmp_path / "m.bin"), str(tmp_path / "ours")])
    torch.save({**net.state_dict(), "extra.weight": torch.zeros(2)}, tmp_path / "m.bin")
    with pytest.raises(InputError, match=r"extra\.weight \(2,\) is not a weight of the network"):
        convert([str(tmp_path / "m.bin"), str(tmp_path / "ours")])
    state = dict(net.state_dict())
    state["sincnet.conv1d.0.filterbank.window_"] = state["sincnet.conv1d.0.filterbank.window_"] + 0.1
    torch.save(state, tmp_path / "m.bin")
    with pytest.raises(InputError, match="window_ is not the constant of a SincNet"):
        convert([str(tmp_path / "m.bin"), str(tmp_path / "ours")])
    assert not (tmp_path / "ours").exists()


def test_classes_that_are_no_powerset_are_refused(tmp_path):
    torch.save(pyannet(**(SMALL | {"classes": 3})).state_dict(), tmp_path / "m.bin")
    with pytest.raises(InputError, match="its 3 classes are not the sets"):
        convert([str(tmp_path / "m.bin"), str(tmp_path / "ours")])


def test_settings_say_how_many_speakers(tmp_path):
    net = pyannet(**(SMALL | {"classes": 5}))
    task = {"max_speakers_per_chunk": 4, "max_speakers_per_frame": 1}
    convert([saved(net, tmp_path / "theirs", task=task), str(tmp_path / "ours")])
    assert SegmentationModel(tmp_path / "ours", "mlx").sets.shape == (5, 4)


class Harm:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_nothing_in_the_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = {"state_dict": pyannet(**SMALL).state_dict(), "callbacks": Harm()}
    torch.save(content, "m.bin", pickle_module=pickle)
    with pytest.raises(InputError, match="mkdir"):
        convert(["m.bin", "ours"])
    assert not os.path.exists("harmed")


def test_each_kind_of_model_is_refused_where_the_other_one_is_needed(tmp_path):
    _, directory = small(tmp_path)
    with pytest.raises(InputError, match="a segmentation model, which gives no embeddings"):
        load_speaker_net(directory)
    path = os.path.join(directory, "config.json")
    content = read_json(path)
    for change, message in (
        ({"kind": "speaker"}, "not a segmentation model"),
        ({"format": 2}, "format 2"),
        ({"network": {"lstm_widht": 1}}, "lstm_width"),
        ({"network": content["network"] | {"kernel": 30}}, "kernel odd"),
        ({"network": content["network"] | {"lstm_width": 9}}, "does not match the configuration"),
        ({"network": content["network"] | {"seconds": 0.001}}, "too short"),
    ):
        with open(path, "w") as file:
            json.dump(content | change, file)
        with pytest.raises(InputError, match=message):
            SegmentationModel(directory)

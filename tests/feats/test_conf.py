"""Kaldi's .conf files: what they hold arrives, and what is wrong in them is said with file and line."""

import pytest

from nnet.errors import InputError
from nnet.feats.conf import write_conf
from nnet.feats.options import FbankOptions, MfccOptions
from nnet.feats.vad import VadOptions


@pytest.fixture
def conf(tmp_path):
    def write(text):
        path = tmp_path / "some.conf"
        path.write_text(text)
        return path

    return write


def test_values_comments_and_bare_booleans(conf):
    path = conf(
        "# a comment\n--sample-frequency=8000 # another\n\n--snip_edges=False\n--subtract-mean\n--num-ceps=20\n"
    )
    options = MfccOptions.from_conf(path)
    assert options == MfccOptions(sample_frequency=8000.0, snip_edges=False, subtract_mean=True, num_ceps=20)


def test_defaults_are_those_of_kaldi(tmp_path):
    options = MfccOptions.from_conf(None)
    assert (options.num_mel_bins, options.num_ceps, options.dither, options.use_energy) == (23, 13, 1.0, True)
    assert not FbankOptions().use_energy
    assert (options.window_size, options.window_shift, options.padded_size) == (400, 160, 512)


def test_vad_options(conf):
    path = conf("--vad-energy-threshold=5.5\n--vad-frames-context=2\n")
    assert VadOptions.from_conf(path) == VadOptions(vad_energy_threshold=5.5, vad_frames_context=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "--num-ceps=20\n--num-mel-bin=40\n",
            'some.conf:2: unknown option --num-mel-bin; did you mean "num-mel-bins"?',
        ),
        ("--htk-compat=true\n", "some.conf:1: unknown option --htk-compat"),
        ("num-ceps=20\n", "some.conf:1: expected --name=value"),
        ("--num-ceps=many\n", "some.conf:1: --num-ceps must be an integer"),
        ("--num-ceps=0\n", "some.conf:1: --num-ceps must be at least 1"),
        ("--sample-frequency=1e308\n", "some.conf:1: --sample-frequency must be at most 1000000"),
        ("--snip-edges=maybe\n", "some.conf:1: --snip-edges must be true or false"),
        ("--window-type=hammin\n", "some.conf:1: --window-type must be one of hamming"),
        ("--num-ceps=30\n", "some.conf: num-ceps 30 is more than num-mel-bins 23"),
        ("--sample-frequency=8000\n--high-freq=7600\n", "some.conf: mel bins from low-freq 20 to high-freq 7600 Hz"),
        ("--frame-shift=0.01\n", "some.conf: frames of 25 ms every 0.01 ms contain no sample"),
    ],
)
def test_mistakes_are_named_with_their_line(conf, text, message):
    with pytest.raises(InputError) as error:
        MfccOptions.from_conf(conf(text))
    assert message in str(error.value)


def test_options_survive_json():
    options = FbankOptions(num_mel_bins=80, high_freq=-400.0)
    assert FbankOptions.from_dict(options.to_dict()) == options
    with pytest.raises(InputError, match="num_mel_bin is not a known key"):
        FbankOptions.from_dict({"num_mel_bin": 80})


def test_a_written_file_is_read_again(tmp_path):
    options = FbankOptions(num_mel_bins=80, window_type="hamming", dither=0.0, snip_edges=False)
    write_conf(tmp_path / "fbank.conf", options, "for a test")
    assert FbankOptions.from_conf(tmp_path / "fbank.conf") == options
    lines = (tmp_path / "fbank.conf").read_text().splitlines()
    assert lines[0] == "# for a test" and "--snip-edges=false" in lines and len(lines) == 5


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (FbankOptions, {"window_type": "hann"}, "window_type must be one of hamming"),
        (FbankOptions, {"num_mel_bins": 2}, "num_mel_bins must be at least 3"),
        (VadOptions, {"vad_frames_context": -1}, "vad_frames_context must be at least 0"),
    ],
)
def test_options_made_in_python_are_checked(cls, values, message):
    with pytest.raises(InputError, match=message):
        cls(**values)

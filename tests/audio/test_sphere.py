"""Telephone speech in SPHERE: mu-law, both channels, by segments and by sph2pipe."""

import os

import numpy as np
import pytest
from corpora.sphere import fake_sph2pipe, mulaw_bytes, mulaw_samples, write_sphere

from nnet.audio.container import sphere_fields
from nnet.audio.reading import audio_duration, iter_utterances, read_audio
from nnet.datadir.directory import DataDir, write_table
from nnet.errors import InputError


@pytest.fixture
def sides():
    """Two sides of a call, 1 s: float (8000,) each."""
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, 8000), rng.normal(0, 0.3, 8000)


def test_both_channels_of_mu_law_are_exact(tmp_path, sides):
    path = str(write_sphere(tmp_path / "a.sph", *sides))
    for channel, side in enumerate(sides):
        samples, rate = read_audio(path, 8000, channel=channel)
        assert rate == 8000
        assert np.array_equal(samples, mulaw_samples(mulaw_bytes(side)))
        assert np.corrcoef(samples, side)[0, 1] > 0.999
    assert audio_duration(path) == 1.0
    with pytest.raises(InputError, match=r"a\.sph: has 2 channel\(s\), channel 2 requested"):
        read_audio(path, channel=2)


def test_every_mu_law_byte_is_itself_again():
    codes = np.arange(256, dtype=np.uint8)
    assert np.array_equal(mulaw_bytes(mulaw_samples(codes))[codes != 127], codes[codes != 127])  # 127 is minus zero


def test_a_side_is_a_segment_with_a_channel_or_a_command(tmp_path, sides, monkeypatch):
    monkeypatch.setenv("PATH", f"{fake_sph2pipe(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}")
    path = write_sphere(tmp_path / "a.sph", *sides)
    (tmp_path / "data").mkdir()
    write_table(tmp_path / "data/wav.scp", {"a": path, "b": f"sph2pipe -f wav -p {path} |"})
    write_table(tmp_path / "data/segments", {f"{r}-{c}": f"{r} 0.500 1.000 {c}" for r in "ab" for c in (0, 1)})
    found = {utterance: samples for utterance, samples, _ in iter_utterances(DataDir(tmp_path / "data"), 8000)}
    for channel, side in enumerate(sides):
        expected = mulaw_samples(mulaw_bytes(side))
        assert np.array_equal(found[f"a-{channel}"], expected[4000:])
        assert np.array_equal(found[f"b-{channel}"], expected[4000:])
        assert np.array_equal(read_audio(f"sph2pipe -f wav -p -c {channel + 1} {path} |")[0], expected)


def test_a_truncated_file_is_refused(tmp_path, sides):
    path = write_sphere(tmp_path / "a.sph", *sides, truncate=100)
    with pytest.raises(InputError, match=r"a\.sph: truncated: 100 bytes fewer"):
        read_audio(str(path))


def test_the_header_is_read_whole(tmp_path, sides):
    path = write_sphere(tmp_path / "a.sph", *sides, coding="ulaw,embedded-shorten-v2.00", fields=["note -s5 a b c"])
    with open(path, "rb") as file:
        fields = sphere_fields(file)
    assert fields["note"] == "a b c"
    assert fields["sample_coding"] == "ulaw,embedded-shorten-v2.00"
    assert (fields["sample_count"], fields["header_bytes"]) == ("8000", "1024")
    long = tmp_path / "long.sph"
    notes = b"".join(b"note%d -s4 abcd\n" % n for n in range(100))
    long.write_bytes(b"NIST_1A\n   2048\n" + notes + b"sample_count -i 7\nend_head\n".ljust(2048))
    with open(long, "rb") as file:
        assert sphere_fields(file)["sample_count"] == "7"
    for other in (
        b"RIFF",
        b"NIST_1A\n  \x1d1024\n",
        b"NIST_1A\n   \xb2\n",
    ):  # int() and isdigit() disagree about the last two
        (tmp_path / "other").write_bytes(other)
        with open(tmp_path / "other", "rb") as file:
            assert sphere_fields(file) is None

"""Audio: formats, commands, segments, and every bad recording named in one line."""

import logging
import re
import struct

import numpy as np
import pytest
import soundfile

from nnet.audio import reading as audio
from nnet.audio.excerpt import read_part
from nnet.audio.reading import audio_duration, check_audio, iter_utterances, read_audio
from nnet.datadir.directory import DataDir
from nnet.errors import InputError

RATE = 16000
FORMATS = {"a.sph": {"format": "NIST", "subtype": "PCM_16"}}
FORMATS |= {
    f"a.{kind.lower()}": {"format": kind, "subtype": "PCM_16"} for kind in ("RF64", "W64", "AIFF", "AU", "CAF", "VOC")
}
FORMATS |= {"a.rifx": {"format": "WAV", "subtype": "PCM_16", "endian": "BIG"}}


@pytest.fixture
def tone():
    """One second: float32 (16000,), exact in 16 bits."""
    time = np.arange(RATE) / RATE
    noise = np.random.default_rng(0).normal(size=RATE)
    return (np.round((0.3 * np.sin(2 * np.pi * 440 * time) + 0.01 * noise) * 32768) / 32768).astype(np.float32)


def _wav(path, samples, rate=RATE, **options):
    soundfile.write(path, samples, rate, **options)
    return str(path)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", *FORMATS])
def test_lossless_formats(tmp_path, tone, name):
    path = _wav(tmp_path / name, tone, **FORMATS.get(name, {}))
    for rx in (path, f"cat {path} |"):
        samples, rate = read_audio(rx, RATE)
        assert np.array_equal(samples, tone)
        assert samples.dtype == np.float32
        assert rate == RATE
        assert audio_duration(rx) == 1.0


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
def test_lossy_formats(tmp_path, tone, name):
    if name[2:].upper() not in soundfile.available_formats():
        pytest.skip(f"this libsndfile does not know {name[2:]}")
    samples, _ = read_audio(_wav(tmp_path / name, tone))
    assert len(samples) == RATE
    assert np.corrcoef(samples, tone)[0, 1] > 0.95


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_streamed_wav_does_not_know_its_length(tmp_path, tone, length):
    path = _wav(tmp_path / "a.wav", tone)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[40:44] = struct.pack("<I", length)
    data[4:8] = struct.pack("<I", 0xFFFFFFFF)
    (tmp_path / "a.wav").write_bytes(data)
    for rx in (path, f"cat {path} |"):
        assert np.array_equal(read_audio(rx)[0], tone)
        assert audio_duration(rx) == 1.0


def test_a_wav_within_an_archive(tmp_path, tone):
    _wav(tmp_path / "a.wav", tone)
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "wav.ark").write_bytes(b"x " + data + b"y " + data)
    assert np.array_equal(read_audio(f"{tmp_path}/wav.ark:{len(data) + 4}")[0], tone)
    with pytest.raises(InputError, match="no WAV at this offset"):
        read_audio(f"{tmp_path}/wav.ark:5")
    (tmp_path / "wav.ark").write_bytes(b"x RIFF\xff\xff\xff\xff" + data[8:] + b"y " + data)
    with pytest.raises(InputError, match="declares no length"):
        read_audio(f"{tmp_path}/wav.ark:2")


def test_a_header_without_samples_is_no_duration_of_0(tmp_path, tone):
    data = bytearray((tmp_path / _wav(tmp_path / "a.wav", tone)).read_bytes())
    data[4:8] = data[40:44] = bytes(4)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(InputError, match="declares no samples"):
        audio_duration(f"cat {tmp_path}/a.wav |")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", *FORMATS])
def test_truncated_files(tmp_path, tone, name):
    """RF64, W64, AIFF, AU and VOC were read as shorter recordings."""
    path = _wav(tmp_path / name, tone, **FORMATS.get(name, {}))
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    for rx in (path, f"cat {path} |"):
        with pytest.raises(InputError, match=f"{name}.*(truncated|damaged)"):
            read_audio(rx)


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_damaged_ogg_pages(tmp_path, tone, subtype):
    """libogg skips them without a word."""
    path = tmp_path / "a.ogg"
    _wav(path, np.tile(tone, 10), format="OGG", subtype=subtype)
    data = path.read_bytes()
    pages = [*(m.start() for m in re.finditer(b"OggS", data)), len(data)]
    last, one_more = pages[-2], pages[-3]
    for damaged, message in (
        (
            data[: last - 20] + bytes([data[last - 20] ^ 1]) + data[last - 19 :],
            f"checksum of the Ogg page at byte {one_more}",
        ),
        (data[:one_more] + data[last:], f"Ogg pages are missing before byte {one_more}"),
        (data[:last] + b"?" + data[last:], f"no Ogg page at byte {last}"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=f"a.ogg: damaged: {message}"):
            read_audio(str(path))
    path.write_bytes(data[:last])  # cut between two pages, which was only a warning
    with pytest.raises(InputError, match="a.ogg: truncated: the last Ogg page is missing"):
        read_audio(str(path))


def test_the_codec_of_telephones(tmp_path, tone):
    """GSM 6.10 allows no seeking, which was a traceback."""
    path = _wav(tmp_path / "a.wav", tone, 8000, subtype="GSM610")
    samples, rate = read_audio(path)
    assert rate == 8000 and 0 <= len(samples) - len(tone) < 320  # blocks of 320 samples
    assert np.corrcoef(samples[: len(tone)], tone)[0, 1] > 0.9
    assert audio_duration(path) == len(samples) / rate
    assert np.array_equal(read_part(path, 4000, 1000, 8000, 0, "x"), samples[4000:5000])


def _nan(tone):
    return np.where(np.arange(len(tone)) == 77, np.nan, tone)


def test_bad_files_are_named(tmp_path, tone):
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("hello " * 50)
    _wav(tmp_path / "none.wav", tone[:0])
    _wav(tmp_path / "nan.wav", _nan(tone), subtype="FLOAT")
    _wav(tmp_path / "loud.wav", 1e38 * tone, subtype="FLOAT")
    (tmp_path / "shorten.sph").write_bytes(
        b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n".ljust(2048, b"\0")
    )
    for name, message in (
        ("missing.wav", "No such file"),
        ("empty.wav", "empty"),
        ("text.wav", "not wav, flac"),
        ("none.wav", "no samples"),
        ("nan.wav", "NaN or infinite samples"),
        ("loud.wav", r"samples beyond 1e\+06 times full scale"),
        ("shorten.sph", "sph2pipe"),
    ):
        with pytest.raises(InputError, match=rf'^wav.scp: "u": {tmp_path}/{name}: .*{message}'):
            read_audio(f"{tmp_path}/{name}", where='wav.scp: "u"')


def test_a_name_that_is_not_utf_8_is_refused():
    for read in (read_audio, audio_duration):
        with pytest.raises(InputError, match="the name is not UTF-8; rename the file"):
            read("caf\udce9.wav")


def test_check_audio(tone):
    check_audio(tone, "x")
    for samples, message in ((tone[:0], "no samples"), (tone * 0, "all 16000 samples are zero"), (_nan(tone), "NaN")):
        with pytest.raises(InputError, match=f'^wav.scp: "u": .*{message}'):
            check_audio(samples, 'wav.scp: "u"')


def test_a_header_of_more_samples_than_memory_holds(tmp_path, tone):
    if "MP3" not in soundfile.available_formats():
        pytest.skip("this libsndfile does not know mp3")
    path = tmp_path / "a.mp3"
    _wav(path, tone)
    data = bytearray(path.read_bytes())
    tag = max(data.find(b"Xing"), data.find(b"Info"))
    data[tag + 8 : tag + 12] = b"\x7f\xff\xff\xff"  # the number of frames
    path.write_bytes(data)
    with pytest.raises(InputError, match="a.mp3: (damaged|truncated)"):
        read_audio(str(path))


def test_failing_commands():
    with pytest.raises(InputError, match=r"exit status 2: .*no-such-file"):
        read_audio("ls /no-such-file |", where='wav.scp: "u"')
    with pytest.raises(InputError, match="exit status 1: no error message"):
        read_audio("false |")
    with pytest.raises(InputError, match="wrote nothing"):
        read_audio("true |")
    with pytest.raises(InputError, match="exit status"):
        read_audio("false | cat |")


def test_rates(tmp_path, tone):
    path = _wav(tmp_path / "a.wav", tone)
    with pytest.raises(InputError, match=r"a\.wav: sampled at 16000 Hz, expected 8000 Hz"):
        read_audio(path, 8000)
    samples, rate = read_audio(path, 8000, resample=True)
    assert rate == 8000
    assert samples.shape == (8000,)
    assert samples.dtype == np.float32
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 440


def test_stereo_takes_the_first_channel_and_says_so(tmp_path, tone, caplog, monkeypatch):
    monkeypatch.setattr(audio, "_stereo_seen", [])
    path = _wav(tmp_path / "s.wav", np.stack([tone, -tone], axis=1))
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(read_audio(path)[0], tone)
    assert "s.wav: 2 channels, using the first" in caplog.text
    assert np.array_equal(read_audio(path, channel=1)[0], -tone)
    with pytest.raises(InputError, match=r"has 2 channel\(s\), channel 2"):
        read_audio(path, channel=2)
    for _ in range(5):
        read_audio(path)
    assert len(caplog.records) == audio.STEREO_REPORTS


@pytest.fixture
def data(tmp_path, tone):
    path = _wav(tmp_path / "r.wav", np.stack([tone, -tone], axis=1))
    (tmp_path / "wav.scp").write_text(f"r cat {path} |\n")
    (tmp_path / "segments").write_text("r-1 r 0.25 0.5 0\nr-2 r 0.5 -1 1\n")
    return DataDir(tmp_path)


def test_segments(data, tone):
    utterances = list(iter_utterances(data, RATE))
    assert [(name, rate) for name, _, rate in utterances] == [("r-1", RATE), ("r-2", RATE)]
    assert np.array_equal(utterances[0][1], tone[4000:8000])
    assert np.array_equal(utterances[1][1], -tone[8000:])
    assert [name for name, *_ in iter_utterances(data, utterances=["r-2"])] == ["r-2"]
    with pytest.raises(InputError, match='segments: no entry for utterance "r-3"'):
        list(iter_utterances(data, utterances=["r-3"]))


@pytest.mark.parametrize(
    ("line", "message"),
    [("r-1 r 1.5 2", "outside the recording"), ("r-1 r 0 9", "outside"), ("r-1 q 0 1", 'no recording "q"')],
)
def test_segments_outside(data, tmp_path, line, message):
    (tmp_path / "segments").write_text(line + "\n")
    with pytest.raises(InputError, match=rf'segments: "r-1".*{message}'):
        list(iter_utterances(data))


def test_an_end_a_little_late_is_moved(data, tmp_path, tone):
    (tmp_path / "segments").write_text("r-1 r 0.5 1.3 0\n")
    ((_, samples, _),) = iter_utterances(data)
    assert np.array_equal(samples, tone[8000:])


def test_the_reference_recordings(kaldi_reference):
    feats = kaldi_reference / "feats"
    for line in (feats / "wav_8k.scp").read_text().splitlines():
        name, path = line.split()
        samples, rate = read_audio(str(feats / path), 8000, where=name)
        assert rate == 8000
        assert 0.01 < np.abs(samples).max() < 1


@pytest.mark.parametrize("read", [read_audio, audio_duration])
def test_formats_that_only_a_name_tells_are_refused(tmp_path, read):
    """libsndfile takes a WAV called a.gsm that has lost its end for GSM 6.10 without a header, and a.au for mu-law."""
    for name, data in (("a.gsm", b"RIFF\xfc\x32\0\0"), ("b.GSM", b"\xd5" * 66), ("a.au", b"\x55" * 66)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"{name}: has no header, or a damaged one; .*sox"):
            read(str(tmp_path / name))

"""Chunks read from audio: a part of a recording, optionally augmented, with features computed on the fly."""

import dataclasses
import logging
import math

import numpy as np

from nnet.audio.augmented_copies import Copy
from nnet.audio.excerpt import read_part
from nnet.audio.mixing import change_speed
from nnet.audio.reading import audio_duration
from nnet.datadir.directory import examples
from nnet.dataset.utterances import UtteranceTable, speakers_of
from nnet.errors import InputError
from nnet.feats.front_end import feature_options
from nnet.feats.options import SpectrumOptions
from nnet.feats.prepare import prepare
from nnet.feats.spectrum import compute_rows

logger = logging.getLogger(__name__)


class AudioChunks:
    """Computes features of chunks of the utterances in a table, whose columns locate the samples.

    The columns are `recording` (bytes, entry of wav.scp), `channel` (-1: that of the options), `start` and `samples`
    (in samples of the recording), `speed` (factor) and `recorded` (number of the utterance, the same at all speeds).
    Without augmentation, dither, normalization and change of speed, the frames of a chunk equal those of the whole
    utterance's features. Features of type mel see a chunk as a recording of its own, as in the training of their
    authors: the first and the last two frames differ at its ends, and all of them with `normalize_signal`.
    """

    computes = True

    def __init__(self, table, conf, augment=None):
        """Args:
            table: an UtteranceTable.
            conf: content of feats_conf.json: type, options, cmvn.
            augment: function of samples (n,) float32 in [-1, 1) and a random generator; returns (n,) samples.
        """  # fmt: skip
        self.table, self.augment, self.cmvn = table, augment, conf["cmvn"]
        self.options = feature_options(conf)
        self.dim = self.options.dim
        # The reflected ends of an utterance are already in the samples of a chunk.
        self._inside = self.options
        if isinstance(self.options, SpectrumOptions):
            self._inside = dataclasses.replace(self.options, snip_edges=True)

    def read_into(self, row, start, out, rng):
        """Fills out (frames, dim) with the frames from `start` on, wrapping around at the end of the utterance."""
        samples = self._samples(row, start, len(out))
        if self.augment:
            samples = self.augment(samples, rng)
        out[...] = prepare(np.asarray(compute_rows(samples, self._inside, rng)), self.cmvn)

    def _samples(self, row, start, frames):
        """Reads the samples (n,) that some frames of an utterance cover."""
        options, columns = self.options, self.table.columns
        total = int(columns["samples"][row] / columns["speed"][row])
        count = self._inside.num_samples(frames)
        first = int(start) * options.window_shift
        if start + frames > self.table.frames[row]:
            return self._read(row, 0, total).take(np.arange(first, first + count), mode="wrap")
        if isinstance(options, SpectrumOptions):
            first += options.first_sample
        elif start + frames == self.table.frames[row]:
            count = max(count, total - first)
            first = total - count
        inside = max(first, 0), min(first + count, total)
        samples = self._read(row, *inside)
        before = inside[0] - first
        return np.pad(samples, (before, count - before - len(samples)), mode="symmetric")

    def _read(self, row, start, stop):
        """Reads samples `start` to `stop` of an utterance after its change of speed."""
        columns = self.table.columns
        rx, channel = columns["recording"][row].decode(), int(columns["channel"][row])
        channel = max(self.options.channel, 0) if channel == -1 else channel
        where = f"{self.table.path}: {self.table.utterance(row)}"
        rate, speed = int(self.options.sample_frequency), float(columns["speed"][row])
        first, last = int(start * speed), math.ceil(stop * speed)
        samples = read_part(rx, int(columns["start"][row]) + first, last - first, rate, channel, where)
        return samples if speed == 1.0 else change_speed(samples, speed)[: stop - start]


def audio_chunks(data, spk2int, conf=None, augment=None, speeds=()):
    """Opens a data directory with wav.scp for reading chunks.

    Args:
        data: a DataDir; without utt2dur (or segments) every recording is opened once for its length.
        spk2int: {speaker: label}.
        conf: feature configuration as in feats_conf.json; None: that of `data`.
        augment: as for AudioChunks.
        speeds: each adds a copy of all utterances and speakers, named as by `with_speeds`.

    Returns:
        (UtteranceTable, AudioChunks).
    """
    conf = conf or data.feats_conf
    if conf is None:
        raise InputError(f"{data.file('feats_conf.json')}: missing; it describes which features to compute")
    if conf["silence_removed"]:
        raise InputError(f"{data.path}: silence removal is not supported for features computed on the fly")
    options = feature_options(conf)
    utterances = list(data.segments or data.wav_scp)
    speakers = speakers_of(data, utterances, "segments" if data.segments else "wav.scp")
    columns = _locations(data, utterances, int(options.sample_frequency))
    utterances, speakers, columns = _play_at(speeds, utterances, speakers, columns)
    lengths = (columns["samples"] / columns["speed"]).astype(int)
    frames = np.array([options.num_frames(n) for n in lengths.tolist()])
    kept = (frames > 0) & (lengths >= options.min_duration * options.sample_frequency)
    long = np.flatnonzero(kept)
    if len(long) < len(frames):
        short = [utterances[i] for i in np.flatnonzero(~kept)]
        least = f"min-duration, {options.min_duration:g} s" if options.min_duration else "a frame"
        logger.warning("%s: ignored %d utterances shorter than %s: %s", data.path, len(short), least, examples(short))
    columns = {name: column[long] for name, column in columns.items()}
    utterances, speakers = ([names[i] for i in long] for names in (utterances, speakers))
    table = UtteranceTable(data.path, utterances, speakers, spk2int, frames[long], columns)
    return table, AudioChunks(table, conf, augment)


def with_speeds(utt2spk, speeds):
    """Adds to utt2spk, for each speed, a copy of every utterance with a new speaker, named as by Copy."""
    copies = [(Copy(utterance, f"sp{speed:g}"), speaker) for speed in speeds for utterance, speaker in utt2spk.items()]
    return utt2spk | {copy.name: copy.speaker(speaker) for copy, speaker in copies}


def _play_at(speeds, utterances, speakers, columns):
    """Appends, for each speed, copies of the utterances, speakers and columns."""
    own = dict(zip(utterances, speakers, strict=True))
    everyone = with_speeds(own, speeds)
    columns = {name: np.tile(column, 1 + len(speeds)) for name, column in columns.items()}
    columns["speed"] = np.repeat([1.0, *speeds], len(own))
    columns["recorded"] = np.tile(np.arange(len(own), dtype=np.int32), 1 + len(speeds))
    return list(everyone), list(everyone.values()), columns


def _locations(data, utterances, rate):
    """Builds the columns for AudioChunks, which locate the samples of each utterance."""
    places = [data.segments[u] if data.segments else (u, 0.0, -1.0, None) for u in utterances]
    unknown = sorted({place[0] for place in places} - data.wav_scp.keys())
    if unknown:
        raise InputError(f"{data.file('segments')}: no recording {unknown[0]} in wav.scp ({len(unknown)} missing)")
    lengths = _seconds(data, utterances, places)
    return {
        "recording": np.array([data.wav_scp[place[0]].encode() for place in places]),
        "channel": np.array([-1 if place[3] is None else place[3] for place in places], np.int32),
        "start": np.array([int(place[1] * rate) for place in places]),
        "samples": np.array([int(round(seconds * rate, 3)) for seconds in lengths]),
    }


def _seconds(data, utterances, places):
    """Returns the duration of each utterance in seconds."""
    if data.has("utt2dur"):
        missing = [u for u in utterances if u not in data.utt2dur]
        if missing:
            raise InputError(f"{data.file('utt2dur')}: no entry for {missing[0]} ({len(missing)} missing)")
        return [data.utt2dur[u] for u in utterances]
    if any(place[2] == -1 for place in places):
        logger.info("%s: no utt2dur; every recording is opened once", data.path)
    return [(_duration(data, place[0]) if place[2] == -1 else place[2]) - place[1] for place in places]


def _duration(data, recording):
    return audio_duration(data.wav_scp[recording], f"{data.file('wav.scp')}: {recording}")

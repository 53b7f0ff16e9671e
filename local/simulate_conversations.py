"""Simulates conversations of 2 to 6 speakers from recordings of single ones: a data directory OUT with their RTTM.

CORPUS is a folder SPEAKER/CHAPTER/*.flac of LibriSpeech or shaped like it; or one that holds such folders, of which
test-* are taken, or dev-* if there is no test-*. Turns, pauses and overlaps are drawn as local/conversations.py says;
each conversation has a room, in which each speaker has a place, and a background noise (local/noises.py) of 10 to 30 dB
SNR. The reference is where the clean recordings have speech, by their energy. OUT/oracle has the speech as segments.
"""

import functools
import logging
import shutil
from pathlib import Path

import numpy as np
import soundfile
from conversations import LEVEL_DB, Voice, converse, phrases
from diarization_data import speech, write_diarization_data
from noises import TRAINING, UNSEEN, room
from prepare_librispeech import find_recordings, find_subsets

from nnet.audio.mixing import fit_16_bits, gain_for_snr, power, reverberate
from nnet.audio.reading import read_audio
from nnet.audio.seeds import generator
from nnet.bin.cli import number, parser, run
from nnet.diarization.rttm import Turn
from nnet.errors import InputError
from nnet.progress import progress

log = logging.getLogger(__name__)

FEWEST, MOST = 2, 6  # speakers of a conversation, uniform
REVERBERATION = 0.15, 0.8  # s: reverberation time of a room, uniform
SNR_DB = 10.0, 30.0  # uniform
NOISES = TRAINING | UNSEEN
RESPONSE_SECONDS = 1.0
PEAK = 0.5  # of the samples of a conversation


def main(argv=None):
    args = _arguments(argv)
    corpus = Path(args.corpus).resolve()
    recordings = find_voices(corpus)
    if len(recordings) < FEWEST:
        raise InputError(f"{corpus}: has {len(recordings)} speakers with SPEAKER/CHAPTER/*.flac; 2 or more are needed")
    read = functools.lru_cache(maxsize=256)(functools.partial(_read, rate=args.sample_rate))
    wav = Path(args.out) / "wav"
    shutil.rmtree(wav, ignore_errors=True)
    wav.mkdir(parents=True)
    wav_scp, durations, turns = {}, {}, {}
    for index in progress(range(args.count), label=f"conversations of {corpus}", unit="conversation"):
        name = f"conversation-{index:04d}"
        samples, turns[name] = simulate(name, recordings, read, args)
        wav_scp[name], durations[name] = (wav / f"{name}.flac").absolute(), len(samples) / args.sample_rate
        soundfile.write(wav_scp[name], samples, args.sample_rate, subtype="PCM_16")
    write_diarization_data(args.out, wav_scp, durations, turns)
    _report(args.out, durations, turns)


def find_voices(corpus):
    """Finds the recordings in a subset of LibriSpeech, or in the test sets of a folder of subsets: {speaker: paths}."""
    voices = {}
    for path in sorted(corpus.glob("*/*/*.flac")):
        voices.setdefault(path.parent.parent.name, []).append(path)
    subsets = find_subsets(corpus)
    return find_recordings(subsets, "test-") or find_recordings(subsets, "dev-") or voices


def simulate(name, recordings, read, options):
    """Simulates one conversation.

    Args:
        name: id of the recording, which with the seed determines the conversation.
        recordings: {speaker: paths}.
        read: function from a path to (samples, phrases).
        options: parsed arguments: seconds, sample_rate, seed.

    Returns:
        (float32 samples (n,), [Turn, ...]).
    """
    rng, rate = generator(options.seed, name), options.sample_rate
    count = int(rng.integers(FEWEST, min(MOST, len(recordings)) + 1))
    speakers = [sorted(recordings)[i] for i in rng.choice(len(recordings), count, replace=False)]
    voices = {s: Voice([functools.partial(read, path) for path in recordings[s]], rng) for s in speakers}
    said, length = converse(voices, options.seconds, rate, rng)
    turns = [
        Turn(name, (turn.start + start) / rate, (turn.start + end) / rate, turn.speaker)
        for turn in said
        for start, end in turn.phrases
    ]
    mixture, reverberation = np.zeros(length, np.float32), rng.uniform(*REVERBERATION)
    for speaker in speakers:
        track, gain = np.zeros(length, np.float32), 10 ** (LEVEL_DB * rng.normal() / 20)
        for turn in (turn for turn in said if turn.speaker == speaker):
            track[turn.start : turn.end] += (gain * turn.samples).astype(np.float32)
        mixture += reverberate(track, room(rng, int(RESPONSE_SECONDS * rate), rate, reverberation))
    spoken = sum(end - start for start, end in speech(turns, length / rate)) * rate
    noise = NOISES[sorted(NOISES)[rng.integers(len(NOISES))]](rng, length, rate).astype(np.float32)
    if spoken:
        mixture += gain_for_snr(power(mixture) * length / spoken, noise, rng.uniform(*SNR_DB)) * noise
    return fit_16_bits(mixture * np.float32(PEAK / max(np.abs(mixture).max(), 1e-9))), turns


def _read(path, rate):
    samples, _ = read_audio(str(path), rate, resample=True)
    return samples, phrases(samples, rate)


def _report(out, durations, turns):
    """Logs how much is said, and how much of it at once."""
    total = sum(turn.end - turn.start for recording in turns.values() for turn in recording)
    spoken = sum(end - start for name in turns for start, end in speech(turns[name], durations[name]))
    log.info(
        "%s: %d conversations, %.2f hours, %.0f %% of them speech; beyond one speaker at a time: %.1f %% of the speech",
        out,
        len(turns),
        sum(durations.values()) / 3600,
        100 * spoken / sum(durations.values()),
        100 * (total - spoken) / total,
    )


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("--count", type=number(int, low=1, high=9999), default=100, help="conversations")
    options.add_argument(
        "--seconds", type=number(float, above=0), default=120.0, help="length of a conversation, about"
    )
    options.add_argument("--sample-rate", type=number(int, low=8000), default=16000, help="Hz")
    options.add_argument("--seed", type=int, default=0, help="random seed")
    options.add_argument("corpus", metavar="CORPUS")
    options.add_argument("out", metavar="OUT")
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)

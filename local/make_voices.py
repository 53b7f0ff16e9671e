"""Cuts recordings into windows, each with a voice of its own, as data for distillation.

Each window is a random part of an utterance of DATA, at a random tempo and, independently, a random pitch, so that a
few hundred speakers become as many voices as there are windows. OUT/clean holds them, for the teacher; OUT/heard holds
the same windows under the same ids, for the student, a share of them after a codec or a telephone's band. The speaker
of a window is its speaker in DATA, so ids of speakers are no labels of these voices.
"""

import io
import logging
from functools import partial
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
from code_telephone import RATE as TELEPHONE_RATE
from code_telephone import band_limited
from corpus import write_tables

from nnet.audio.mixing import change_speed, fit_16_bits
from nnet.audio.reading import convert_rate, iter_utterances
from nnet.audio.seeds import generator
from nnet.audio.wav_ark import WavArkWriter
from nnet.bin.cli import number, parser, run
from nnet.datadir.directory import DataDir, write_table
from nnet.errors import InputError
from nnet.progress import progress

log = logging.getLogger(__name__)

QUIETEST = 1e-3  # root mean square below which a window counts as silence and is drawn again
ATTEMPTS = 10


def main(argv=None):
    args = _parser().parse_args(argv)
    data, out = DataDir(args.data), Path(args.out).resolve()
    for name in ("clean", "heard"):
        (out / name).mkdir(parents=True, exist_ok=True)
    tables = {"clean": {}, "heard": {}}
    codecs, utt2spk, utt2dur, silent = find_codecs(), {}, {}, 0
    with (
        WavArkWriter(str(out / "clean" / "wav.ark"), args.rate) as clean,
        WavArkWriter(str(out / "heard" / "wav.ark"), args.rate) as heard,
    ):
        utterances = iter_utterances(data, args.rate)
        for utterance, samples, _ in progress(utterances, len(data.utt2spk), str(out), "utt"):
            for n in range(args.windows):
                name = f"{utterance}-{n:03d}"
                rng = generator(args.seed, name)
                window = draw_voice(samples, args, rng)
                if window is None:
                    silent += 1
                    continue
                tables["clean"][name] = clean.write(name, fit_16_bits(window))
                if rng.random() < args.coded:
                    window = of_length(codecs[rng.integers(len(codecs))](window, args.rate, rng), len(window))
                tables["heard"][name] = heard.write(name, fit_16_bits(window))
                utt2spk[name], utt2dur[name] = data.utt2spk[utterance], f"{len(window) / args.rate:.9g}"
    if not utt2spk:
        raise InputError(f"{args.data}: no window of {args.seconds} s that is not silent")
    for name, wav_scp in tables.items():
        write_tables(out / name, wav_scp, utt2spk)
        write_table(out / name / "utt2dur", utt2dur)
    log.info("%s: %d windows; left out %d that are silent or too short", out, len(utt2spk), silent)


def _parser():
    options = parser(__doc__)
    options.add_argument("--windows", type=number(int, low=1), default=20, help="windows of each utterance")
    options.add_argument("--seconds", type=number(float, above=0), default=4.0, help="length of a window")
    options.add_argument(
        "--shortest",
        type=number(float, above=0),
        help="utterances shorter than a window, but not than this, in seconds, are repeated; default: left out",
    )
    options.add_argument("--pitch", type=number(float, low=1), default=1.3, help="largest factor of a change of pitch")
    options.add_argument("--tempo", type=number(float, low=1), default=1.2, help="largest factor of a change of tempo")
    options.add_argument("--coded", type=number(float, low=0), default=0.3, help="share of OUT/heard after a codec")
    options.add_argument("--rate", type=number(int, low=8000), default=16000, help="sampling rate in Hz")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("data", metavar="DATA", help="data directory with wav.scp")
    options.add_argument("out", metavar="OUT", help="folder for the data directories clean and heard")
    return options


def draw_voice(samples, args, rng):
    """Draws a window (n,) with a voice of its own; None if the utterance is too short or silent there."""
    pitch, tempo = (float(factor ** rng.uniform(-1, 1)) for factor in (args.pitch, args.tempo))
    length = round(args.seconds * args.rate)
    if args.shortest is not None and args.shortest * args.rate <= len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)), mode="wrap")
    needed = round(length * tempo)
    if len(samples) < needed:  # rather no change of tempo than no window
        tempo, needed = 1.0, length
    if len(samples) < needed:
        return None
    for _ in range(ATTEMPTS):
        start = int(rng.integers(len(samples) - needed + 1))
        part = samples[start : start + needed]
        if np.sqrt(np.mean(part**2)) > QUIETEST:
            # Stretched by pitch / tempo and played `pitch` times as fast.
            voice = change_speed(stretch(part, pitch / tempo), round(pitch, 3))
            return np.pad(voice[:length], (0, max(length - len(voice), 0)), mode="wrap")
    return None


def stretch(samples, factor, size=512):
    """Makes speech `factor` times as long at the same pitch, by overlap-add of its most similar parts.

    WSOLA (Verhelst and Roelands 1993): the next part is looked for within a quarter window of where it should be, where
    it continues the last one best by cross-correlation.

    Args:
        samples: float32 (n,).
        factor: of the length.
        size: window in samples, 32 ms at 16 kHz.
    """
    hop, search = size // 2, size // 4
    window = np.hanning(size + 1)[:size].astype(np.float32)
    padded = np.pad(samples, (search, size + hop + 2 * search))
    count = int(len(samples) * factor) // hop
    out = np.zeros(count * hop + size, np.float32)
    place = 0
    for n in range(count):
        middle = int(n * hop / factor)
        if n:
            following = padded[search + place + hop : search + place + hop + size]
            around = padded[middle : middle + size + 2 * search]
            place = middle - search + int(np.argmax(scipy.signal.correlate(around, following, mode="valid")))
        out[n * hop : n * hop + size] += window * padded[search + place : search + place + size]
    return out[: int(len(samples) * factor)]


def telephone(samples, rate, rng, subtype):
    """Passes the band of a telephone (as local/code_telephone.py) at 8 kHz, coded by µ-law or GSM."""
    narrow = band_limited(samples, rate, (rng.uniform(150, 350), rng.uniform(3200, 3700)))
    return convert_rate(through(narrow, TELEPHONE_RATE, "WAV", subtype), TELEPHONE_RATE, rate)


def compressed(samples, rate, rng, container, subtype):
    """Passes a lossy codec at a low rate."""
    return through(samples, rate, container, subtype, compression_level=rng.uniform(0.6, 0.95))


def low_pass(samples, rate, rng):
    """Loses the frequencies above 3 to 7 kHz."""
    sos = scipy.signal.butter(6, rng.uniform(3000, 7000), "low", fs=rate, output="sos")
    return scipy.signal.sosfilt(sos, samples).astype(np.float32)


# By what a window is changed for the student, and what libsndfile must be able to write for it: container and subtype.
CODECS = {
    "ulaw": (partial(telephone, subtype="ULAW"), "WAV", "ULAW"),
    "gsm": (partial(telephone, subtype="GSM610"), "WAV", "GSM610"),
    "vorbis": (partial(compressed, container="OGG", subtype="VORBIS"), "OGG", "VORBIS"),
    "mp3": (partial(compressed, container="MP3", subtype="MPEG_LAYER_III"), "MP3", "MPEG_LAYER_III"),
    "low_pass": (low_pass, "WAV", "PCM_16"),
}


def find_codecs():
    """Returns the functions of CODECS whose formats libsndfile can write; warns of others."""
    missing = [name for name, (_, *form) in CODECS.items() if not _writable(*form)]
    if missing:
        log.warning("libsndfile cannot write %s: left out", " ".join(missing))
    return [code for name, (code, *_) in CODECS.items() if name not in missing]


def _writable(container, subtype):
    return container in soundfile.available_formats() and subtype in soundfile.available_subtypes(container)


def through(samples, rate, container, subtype, **options):
    """Encodes and decodes samples by soundfile."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype, **options)
    buffer.seek(0)
    return soundfile.read(buffer, dtype="float32")[0]


def of_length(samples, length):
    """Cuts samples, or adds silence at their end: (length,)."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))


if __name__ == "__main__":
    run(main)

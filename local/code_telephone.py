"""Makes a data directory of speech as a telephone transmits it: 8 kHz, band-limited, coded.

Each utterance of DATA gets a band of its own (--low-freq, --high-freq: ranges of the edges in Hz) and one of --codecs:
ulaw (ITU-T G.711) or gsm (GSM 06.10, full rate). What is chosen depends only on the seed and the utterance's id. Writes
OUT_DATA/audio/UTTERANCE.wav, coded, and the other tables of DATA that still apply.
"""

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from nnet.audio.mixing import fit_16_bits
from nnet.audio.reading import check_audio, convert_rate, iter_utterances
from nnet.audio.seeds import generator
from nnet.bin.cli import number, numbers, parser, run
from nnet.datadir.derive import write_speakers
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.kaldi.tables import write_table
from nnet.progress import progress

log = logging.getLogger(__name__)

RATE = 8000
SUBTYPES = {"ulaw": "ULAW", "gsm": "GSM610"}
TABLES = ("spk2gender", "utt2uniq", "text", "utt2lang")
ORDER = 4  # of the Butterworth band-pass
AT_ONCE = 64


def main(argv=None):
    args = make_parser().parse_args(argv)
    data, out = DataDir(args.data), Path(args.out)
    codecs = find_codecs(args.codecs)
    shutil.rmtree(out, ignore_errors=True)
    (out / "audio").mkdir(parents=True)
    utterances = progress(iter_utterances(data), len(data.utt2spk), f"telephone channels of {data.path}", "utt")

    def transmit(utterance, samples, rate):
        check_audio(samples, f'{data.path}: "{utterance}"')
        rng = generator(args.seed, utterance, "telephone")
        band, codec = (rng.uniform(*args.low_freq), rng.uniform(*args.high_freq)), codecs[rng.integers(len(codecs))]
        path = out / "audio" / f"{utterance}.wav"
        soundfile.write(path, band_limited(samples, rate, band), RATE, format="WAV", subtype=SUBTYPES[codec])
        return utterance, path.absolute(), codec

    with ThreadPoolExecutor(args.nj) as pool:
        done = [d for batch in batches(utterances, AT_ONCE) for d in pool.map(lambda u: transmit(*u), batch)]
    write_table(out / "wav.scp", {utterance: path for utterance, path, _ in done})
    write_table(out / "utt2codec", {utterance: codec for utterance, _, codec in done})
    for table in TABLES:
        if data.has(table):
            write_table(out / table, data.table(table))
    write_speakers(out, dict(data.utt2spk))
    log.info("%s: %d utterances, codecs %s", out, len(done), " ".join(codecs))


def make_parser():
    options = parser(__doc__)
    add = options.add_argument
    add("--codecs", default="ulaw gsm", help="to draw from; those that libsndfile lacks are left out with a warning")
    add("--low-freq", type=numbers(float, above=0, below=RATE / 2), default=(150.0, 350.0), help="LOW:HIGH in Hz")
    add("--high-freq", type=numbers(float, above=0, below=RATE / 2), default=(3200.0, 3700.0), help="LOW:HIGH in Hz")
    add("--nj", type=number(int, low=1), default=1, help="threads")
    add("--seed", type=int, default=0)
    add("data", metavar="DATA")
    add("out", metavar="OUT_DATA")
    return options


def find_codecs(names):
    """Returns the codecs of a list of names that libsndfile can write."""
    unknown = next((name for name in names.split() if name not in SUBTYPES), None)
    if unknown:
        raise InputError(f"--codecs: unknown codec {unknown!r}; known: {' '.join(SUBTYPES)}")
    found = [name for name in names.split() if SUBTYPES[name] in soundfile.available_subtypes("WAV")]
    missing = [name for name in names.split() if name not in found]
    if not found:
        raise InputError(f"--codecs: libsndfile writes none of {names or 'no codecs'}")
    if missing:
        log.warning("libsndfile cannot write %s: left out", " ".join(missing))
    return found


def band_limited(samples, rate, band):
    """Resamples to 8 kHz and filters: (n,) at `rate` Hz → (m,); `band` is (low, high) in Hz."""
    if rate != RATE:
        samples = convert_rate(samples, rate, RATE)
    filters = scipy.signal.butter(ORDER, band, "bandpass", fs=RATE, output="sos")
    return fit_16_bits(scipy.signal.sosfilt(filters, samples).astype(np.float32))


def batches(iterable, size):
    """Yields lists of up to `size` elements."""
    iterator = iter(iterable)
    while batch := list(islice(iterator, size)):
        yield batch


if __name__ == "__main__":
    run(main)

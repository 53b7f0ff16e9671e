"""Makes a data directory from DSPSpeech-20: isolated words of 34 speakers, joined to utterances.

The corpus (github.com/zhongyuchen/DSPSpeech-20, MIT licence) has 20 recordings of each of 20 words, Mandarin and
English, by each speaker, about 2 s each, mostly silence: speech_data/SPEAKER/SPEAKER-WORD-NUMBER.wav. The words with
one number become one utterance, from which the silence before and after each word is cut.
"""

import logging
from collections import defaultdict
from pathlib import Path

import numpy as np
from corpus import write_tables

from nnet.audio.reading import read_audio
from nnet.audio.wav_ark import WavArkWriter
from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.progress import progress

log = logging.getLogger(__name__)

RATE = 16000
RANGE = 35  # dB below the loudest 10 ms of a word that count as its sound
MARGIN = 10  # blocks of 10 ms kept on each side of it
CLICK = 15  # blocks at the start of a recording that are skipped: digital silence and a click of the recorder


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("corpus", metavar="CORPUS", help="folder of speech_data")
    options.add_argument("out", metavar="DATA", help="data directory to write")
    args = options.parse_args(argv)
    takes = find_takes(Path(args.corpus))
    out = Path(args.out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    wav_scp, utt2spk = {}, {}
    with WavArkWriter(str(out / "words.ark"), RATE) as ark:
        for (speaker, number), paths in progress(sorted(takes.items()), len(takes), str(out), "utt"):
            words = [sound_of(read_audio(str(path), RATE)[0]) for path in sorted(paths)]
            utterance = f"dsp{speaker}-{number}"
            wav_scp[utterance], utt2spk[utterance] = ark.write(utterance, np.concatenate(words)), f"dsp{speaker}"
    write_tables(out, wav_scp, utt2spk)
    log.info("%s: %d utterances of %d speakers", out, len(wav_scp), len(set(utt2spk.values())))


def find_takes(corpus):
    """Finds the recordings of the corpus: {(speaker, number): paths}."""
    takes = defaultdict(list)
    for path in (corpus / "speech_data").glob("*/*-*-*.wav"):
        speaker, _, number = path.stem.split("-")
        takes[speaker, number].append(path)
    if not takes:
        raise InputError(f"{corpus}: no speech_data/SPEAKER/SPEAKER-WORD-NUMBER.wav found")
    return takes


def sound_of(samples):
    """Cuts the silence before and after the sound of a recording: (n,) → (m,)."""
    block = RATE // 100
    rows = samples[: len(samples) // block * block].reshape(-1, block)[CLICK:]
    level = np.mean(rows.astype(np.float64) ** 2, axis=1)
    loud = np.flatnonzero(level > level.max(initial=0) * 10 ** (-RANGE / 10))
    if not len(loud):
        return samples[:0]
    return rows[max(loud[0] - MARGIN, 0) : loud[-1] + MARGIN].reshape(-1)


if __name__ == "__main__":
    run(main)

"""A small tree in the layout of LibriSpeech."""

import soundfile

from .speech import voice

RATE = 16000


def make_librispeech(root, speakers):
    """`root/SUBSET/SPEAKER/7/SPEAKER-7-0000.flac`; speakers: {(subset, number): (utterances, seconds of each)}."""
    for (subset, speaker), (count, seconds) in speakers.items():
        folder = root / subset / str(speaker) / "7"
        folder.mkdir(parents=True)
        for n in range(count):
            soundfile.write(folder / f"{speaker}-7-{n:04d}.flac", voice(speaker, seconds, n, RATE), RATE)
    return root

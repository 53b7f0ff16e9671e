"""Synthesizes one part of the mini corpus: OUT_DIR/SPEAKER/SPEAKER-NUMBER.wav, 16 kHz, 16 bits.

The corpus depends on the number of parts, because eSpeak NG's noise generator continues from one utterance to the next
within a part, but not on how many parts run in parallel.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from espeak import Synthesizer
from mini_voices import draw_sentence, draw_voice, record

from nnet.bin.cli import parser, run

SAMPLE_RATE = 16000


def main(argv=None):
    args = _parser().parse_args(argv)
    numbers = range(args.part - 1, args.num_speakers, args.num_parts)
    voices = {n: draw_voice(np.random.default_rng([args.seed, n]), speaker_name(n)) for n in numbers}
    with tempfile.TemporaryDirectory() as home:
        synthesizer = Synthesizer(home, {speaker_name(n): v.variant for n, v in voices.items()})
        for number, voice in voices.items():
            folder = Path(args.out_dir) / speaker_name(number)
            folder.mkdir(parents=True, exist_ok=True)
            for utterance in range(args.utterances):
                rng = np.random.default_rng([args.seed, number, utterance])
                samples = _speak(synthesizer, rng, voice, folder.name)
                _write(folder / f"{folder.name}-{utterance:03d}.wav", samples)


def _parser():
    options = parser(__doc__)
    options.add_argument("--num-speakers", type=int, required=True, help="number of speakers in all parts")
    options.add_argument("--utterances", type=int, required=True, help="utterances per speaker")
    options.add_argument("--seed", type=int, default=1, help="random seed of voices and sentences")
    options.add_argument("--part", type=int, default=1, help="part to synthesize, from 1")
    options.add_argument("--num-parts", type=int, default=1, help="number of parts")
    options.add_argument("out_dir", help="folder for the audio")
    return options


def speaker_name(number):
    return f"spk{number:03d}"


def _speak(synthesizer, rng, voice, name):
    """Synthesizes and records a sentence, with rate and pitch varied around those of the voice: (n,)."""
    said = synthesizer.say(
        draw_sentence(rng),
        f"{voice.accent}+{name}",
        rate=np.clip(voice.rate * rng.normal(1, 0.08), 110, 260),
        pitch=rng.normal(50, 6),
        pitch_range=np.clip(rng.normal(50, 12), 15, 90),
    )
    return record(rng, said, synthesizer.rate, SAMPLE_RATE)


def _write(path, samples):
    partial = path.with_suffix(".tmp")
    soundfile.write(partial, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    os.replace(partial, path)


if __name__ == "__main__":
    run(main)

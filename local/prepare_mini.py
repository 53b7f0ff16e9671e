"""Makes the data directories train, enroll and test of the mini corpus, and the trials of test, from its audio.

The last speakers are held out: some utterances of each enroll its model, the others are test utterances against all
models.
"""

from pathlib import Path

from corpus import write_data_dir

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.kaldi.trials import write_trials


def main(argv=None):
    args = _parser().parse_args(argv)
    recordings = find_recordings(args.corpus)
    speakers = sorted(recordings)
    if not 0 < args.test_speakers < len(speakers):
        raise InputError(f"{args.corpus} has {len(speakers)} speakers: --test-speakers must be between 0 and that")
    held_out = speakers[-args.test_speakers :]
    data = Path(args.data)
    write_data_dir(data / "train", {s: recordings[s] for s in speakers[: -args.test_speakers]})
    write_data_dir(data / "enroll", {s: recordings[s][: args.enroll_utterances] for s in held_out})
    write_data_dir(data / "test", {s: recordings[s][args.enroll_utterances :] for s in held_out})
    tests = [(path.stem, s) for s in held_out for path in recordings[s][args.enroll_utterances :]]
    write_trials(data / "test" / "trials", ((model, utt, model == s) for model in held_out for utt, s in tests))


def _parser():
    options = parser(__doc__)
    options.add_argument("--test-speakers", type=int, required=True, help="number of held-out speakers")
    options.add_argument("--enroll-utterances", type=int, default=3, help="enrollment utterances per speaker")
    options.add_argument("corpus", help="folder with SPEAKER/SPEAKER-NUMBER.wav")
    options.add_argument("data", help="folder for the data directories")
    return options


def find_recordings(corpus):
    """Finds the recordings: {speaker: sorted paths}."""
    recordings = {}
    for path in sorted(Path(corpus).glob("*/*.wav")):
        recordings.setdefault(path.parent.name, []).append(path)
    return recordings


if __name__ == "__main__":
    run(main)

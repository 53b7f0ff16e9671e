"""Makes data directories train, train_pieces, test and test_2s from a LibriSpeech folder, with all pairs as trials.

The subsets train-* are for training; test-*, or dev-* if there is no test-*, for testing. Layout:
SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac. If speakers have few utterances, train_pieces contains pieces of
them, for the back end.
"""

import shutil
from itertools import combinations
from pathlib import Path

import soundfile
from corpus import write_data_dir

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.kaldi.trials import write_trials


def main(argv=None):
    args = _parser().parse_args(argv)
    subsets = find_subsets(Path(args.corpus).resolve())
    train = find_recordings(subsets, "train-")
    test = find_recordings(subsets, "test-") or find_recordings(subsets, "dev-")
    for kind, recordings in (("train-*", train), ("test-* or dev-*", test)):
        if not recordings:
            raise InputError(f"{args.corpus}: no {kind}/SPEAKER/CHAPTER/*.flac found")
    data = Path(args.data)
    write_data_dir(data / "train", train)
    shutil.rmtree(data / "train_pieces", ignore_errors=True)
    if any(len(paths) < args.min_utterances for paths in train.values()):
        write_data_dir(data / "train_pieces", train, pieces(train, args.min_utterances, args.piece_seconds))
    test = {s: spread(paths, args.test_utterances) for s, paths in test.items()}
    write_data_dir(data / "test", test)
    write_data_dir(data / "test_2s", test, middles(test, args.crop_seconds))
    for name in ("test", "test_2s"):
        write_trials(data / name / "trials", all_pairs(test))


def _parser():
    options = parser(__doc__)
    options.add_argument(
        "--min-utterances", type=int, default=4, help="train_pieces cuts the utterances of speakers with fewer"
    )
    options.add_argument("--piece-seconds", type=float, default=1.5, help="minimum duration of a piece")
    options.add_argument("--test-utterances", type=int, default=10, help="maximum utterances per test speaker")
    options.add_argument("--crop-seconds", type=float, default=2.0, help="duration of the utterances in test_2s")
    options.add_argument("corpus", help="folder of the subsets")
    options.add_argument("data", help="folder for the data directories")
    return options


def find_subsets(corpus):
    """Lists the subsets in the folder, or in its subfolder LibriSpeech, as unpacked from the archives."""
    inner = corpus / "LibriSpeech"
    return sorted(p for p in (inner if inner.is_dir() else corpus).glob("*-*") if p.is_dir())


def find_recordings(subsets, prefix):
    """Finds the recordings of the subsets with a name prefix: {speaker: sorted paths}."""
    recordings = {}
    for subset in subsets:
        if subset.name.startswith(prefix):
            for path in subset.glob("*/*/*.flac"):
                recordings.setdefault(path.parent.parent.name, []).append(path)
    return {speaker: sorted(recordings[speaker]) for speaker in sorted(recordings)}


def spread(paths, most):
    """Selects at most `most` paths, evenly spread, and so over a speaker's chapters."""
    count = min(most, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def pieces(recordings, least, seconds):
    """Cuts the utterances of speakers with few of them into segments: {utterance: (recording, start, end)}.

    LDA and PLDA need several utterances per speaker, so those of a speaker with fewer than `least` are cut into equal
    pieces of at least `seconds`; the others are kept whole.
    """
    segments = {}
    for paths in recordings.values():
        for path in paths:
            duration = soundfile.info(path).duration
            count = max(1, int(duration / seconds)) if len(paths) < least else 1
            for n in range(count):
                name = path.stem if count == 1 else f"{path.stem}-{n + 1:02d}"
                segments[name] = (path.stem, duration * n / count, duration * (n + 1) / count)
    return segments


def middles(recordings, seconds):
    """Cuts the middle of each utterance as a segment with the same id, so that the same trials apply."""
    segments = {}
    for path in (p for paths in recordings.values() for p in paths):
        duration = soundfile.info(path).duration
        start = max(0.0, (duration - seconds) / 2)
        segments[path.stem] = (path.stem, start, min(start + seconds, duration))
    return segments


def all_pairs(recordings):
    """Yields every pair of utterances once: (enroll, test, same speaker)."""
    utterances = [(path.stem, speaker) for speaker, paths in recordings.items() for path in paths]
    return ((e, t, of_e == of_t) for (e, of_e), (t, of_t) in combinations(sorted(utterances), 2))


if __name__ == "__main__":
    run(main)

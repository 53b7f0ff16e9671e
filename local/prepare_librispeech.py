"""Data directories from a folder in LibriSpeech's layout: train, train_pieces, test and test_2s, all pairs as trials.

The subsets train-* are for training; test-* are the test, or dev-* where there is no test-*. Layout:
SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac. Where speakers have few utterances, train_pieces has them in
pieces, for the back end.
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
            raise InputError(f"{args.corpus}: no {kind}/SPEAKER/CHAPTER/*.flac in it")
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
        "--min-utterances", type=int, default=4, help="in train_pieces, utterances of a speaker with fewer are cut"
    )
    options.add_argument("--piece-seconds", type=float, default=1.5, help="the shortest such piece")
    options.add_argument("--test-utterances", type=int, default=10, help="at most so many of each test speaker")
    options.add_argument("--crop-seconds", type=float, default=2.0, help="what test_2s has of each utterance")
    options.add_argument("corpus", help="the folder that holds the subsets")
    options.add_argument("data", help="folder for the data directories")
    return options


def find_subsets(corpus):
    """The subsets in the folder, or in the folder LibriSpeech in it (as the archives unpack)."""
    inner = corpus / "LibriSpeech"
    return sorted(p for p in (inner if inner.is_dir() else corpus).glob("*-*") if p.is_dir())


def find_recordings(subsets, prefix):
    """{speaker: paths in order} of the subsets whose names begin so."""
    recordings = {}
    for subset in subsets:
        if subset.name.startswith(prefix):
            for path in subset.glob("*/*/*.flac"):
                recordings.setdefault(path.parent.parent.name, []).append(path)
    return {speaker: sorted(recordings[speaker]) for speaker in sorted(recordings)}


def spread(paths, most):
    """At most so many of the paths, evenly spread over them, and so over a speaker's chapters."""
    count = min(most, len(paths))
    return [paths[i * len(paths) // count] for i in range(count)]


def pieces(recordings, least, seconds):
    """Segments that give each speaker something to compare: {utterance: (recording, start, end)}.

    LDA and PLDA learn what changes within a speaker, so the utterances of a speaker with fewer than `least` are cut
    into equal pieces, none shorter than `seconds`; the other speakers keep theirs whole.
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
    """The middle of each utterance, as segments that are called as the utterances, so that trials serve both."""
    segments = {}
    for path in (p for paths in recordings.values() for p in paths):
        duration = soundfile.info(path).duration
        start = max(0.0, (duration - seconds) / 2)
        segments[path.stem] = (path.stem, start, min(start + seconds, duration))
    return segments


def all_pairs(recordings):
    """Every pair of utterances once: (enroll, test, whether of the same speaker)."""
    utterances = [(path.stem, speaker) for speaker, paths in recordings.items() for path in paths]
    return ((e, t, of_e == of_t) for (e, of_e), (t, of_t) in combinations(sorted(utterances), 2))


if __name__ == "__main__":
    run(main)

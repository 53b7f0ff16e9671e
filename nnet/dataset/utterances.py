"""Table of the utterances of a data directory, as compact arrays shared by all worker processes."""

import functools
import logging

import numpy as np

from nnet.datadir.directory import examples
from nnet.dataset.shared_arrays import SharedArrays
from nnet.errors import InputError

logger = logging.getLogger(__name__)


class UtteranceTable:
    """Utterances sorted by speaker, and by length within a speaker.

    Attributes:
        path: the data directory, for messages.
        frames: (U,) int32, length of each utterance in frames.
        labels: (U,) int32, speaker labels (outputs of the network).
        first: (S + 1,) int64: rows first[s] to first[s + 1] - 1 are of one speaker.
        columns: SharedArrays with these and the additional columns.
    """

    def __init__(self, path, utterances, speakers, spk2int, frames, columns):
        """Args:
            path: the data directory.
            utterances: ids, in any order.
            speakers: the speaker of each.
            spk2int: {speaker: label}.
            frames: length of each.
            columns: {name: array with one element per utterance}, which locate the data.
        """  # fmt: skip
        self.path = str(path)
        if not utterances:
            raise InputError(f"{path}: no utterances to train on")
        ids = np.array([u.encode() for u in utterances])
        frames = np.asarray(frames, np.int32)
        labels = np.array([_number(path, u, s, spk2int) for u, s in zip(utterances, speakers, strict=True)], np.int32)
        order = np.lexsort((ids, frames, labels))
        labels = labels[order]
        first = np.append(np.flatnonzero(np.diff(labels, prepend=-1)), len(labels))
        arrays = {"ids": ids[order], "labels": labels, "first": first, "frames": frames[order]}
        arrays["speakers"] = np.array([s.encode() for s in speakers])[order[first[:-1]]]
        self.columns = SharedArrays.copy_of(arrays | {name: column[order] for name, column in columns.items()})
        self._name_columns()

    def _name_columns(self):
        self.frames, self.labels, self.first = (self.columns[name] for name in ("frames", "labels", "first"))

    def __getstate__(self):
        return {"path": self.path, "columns": self.columns}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._name_columns()

    @property
    def num_utterances(self):
        """Number of utterances U."""
        return len(self.frames)

    @functools.cached_property
    def versions(self):
        """The rows by recorded utterance, which may be there at several speeds.

        rows (U,) and first (R + 1,): rows[first[r] : first[r + 1]] are the versions of utterance r. None if every
        utterance has one version.
        """
        if "recorded" not in self.columns.arrays:
            return None
        recorded = self.columns["recorded"]
        rows = np.argsort(recorded, kind="stable")
        first = np.append(np.flatnonzero(np.diff(recorded[rows], prepend=-1)), len(rows))
        return (rows, first) if len(first) <= len(rows) else None

    @property
    def num_speakers(self):
        """Number of speakers S with utterances in the table."""
        return len(self.first) - 1

    def utterance(self, row):
        """Returns the utterance id of a row."""
        return self.columns["ids"][row].decode()

    def speaker(self, index):
        """Returns the id of speaker `index` of the table (not the label)."""
        return self.columns["speakers"][index].decode()


def speaker_indices(utt2spk):
    """Assigns labels to speakers in sorted order, from 0: `{speaker: label}`."""
    return {speaker: i for i, speaker in enumerate(sorted(set(utt2spk.values())))}


def speakers_of(data, utterances, name):
    """Returns the speaker of each utterance of a file; warns about utterances of utt2spk that are not in the file.

    Args:
        data: a DataDir.
        utterances: ids in the file.
        name: of the file.

    Raises:
        InputError: an utterance is not in utt2spk.
    """
    unknown = [u for u in utterances if u not in data.utt2spk]
    if unknown:
        raise InputError(f"{data.file('utt2spk')}: no speaker for {unknown[0]} of {name} ({len(unknown)} missing)")
    absent = data.utt2spk.keys() - set(utterances)
    if absent:
        logger.warning(
            "%s: %d of %d utterances missing: %s", data.file(name), len(absent), len(data.utt2spk), examples(absent)
        )
    return [data.utt2spk[u] for u in utterances]


def _number(path, utterance, speaker, spk2int):
    if speaker not in spk2int:
        raise InputError(
            f"{path}: speaker {speaker} of {utterance} is not one of the {len(spk2int)} training speakers; "
            "use validation utterances of training speakers (steps/split_train_valid.sh)"
        )
    return spk2int[speaker]

"""The utterances of a data directory as arrays, small enough for hundreds of thousands and shared by all processes."""

import logging

import numpy as np

from nnet.datadir.directory import some
from nnet.dataset.shared_arrays import SharedArrays
from nnet.errors import InputError

logger = logging.getLogger(__name__)


class UtteranceTable:
    """Utterances sorted by speaker, and within a speaker by length.

    Attributes:
        path: the data directory, for messages.
        frames: (U,) int32, frames of each utterance.
        labels: (U,) int32, speaker numbers as the network's outputs count them.
        first: (S + 1,) int64: the rows first[s] to first[s + 1] - 1 are one speaker's.
        columns: the SharedArrays that hold these and whatever else was given by column.
    """

    def __init__(self, path, utterances, speakers, spk2int, frames, columns):
        """Args:
            path: the data directory.
            utterances: ids, in any order.
            speakers: the speaker of each.
            spk2int: dict speaker → number.
            frames: the length of each.
            columns: dict name → array with an element for each utterance: where to find it.
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
        """U."""
        return len(self.frames)

    @property
    def num_speakers(self):
        """Speakers that have an utterance here."""
        return len(self.first) - 1

    def utterance(self, row):
        """The id of the utterance of a row."""
        return self.columns["ids"][row].decode()

    def speaker(self, index):
        """The name of speaker `index` (of those here, not of the network's outputs)."""
        return self.columns["speakers"][index].decode()


def speaker_indices(utt2spk):
    """`{speaker: number}`, numbers from 0 in the order of the sorted names: the outputs of a network."""
    return {speaker: i for i, speaker in enumerate(sorted(set(utt2spk.values())))}


def speakers_of(data, utterances, name):
    """The speaker of each utterance that a file of a DataDir lists; the log tells which of utt2spk it does not list.

    Args:
        data: a DataDir.
        utterances: ids in the file.
        name: of the file.
    """
    unknown = [u for u in utterances if u not in data.utt2spk]
    if unknown:
        raise InputError(f"{data.file('utt2spk')}: no speaker for {unknown[0]} ({len(unknown)} such in {name})")
    absent = data.utt2spk.keys() - set(utterances)
    if absent:
        logger.warning(
            "%s: lacks %d of %d utterances: %s", data.file(name), len(absent), len(data.utt2spk), some(absent)
        )
    return [data.utt2spk[u] for u in utterances]


def _number(path, utterance, speaker, spk2int):
    if speaker not in spk2int:
        raise InputError(
            f"{path}: speaker {speaker} of {utterance} is not among the {len(spk2int)} speakers that are trained; "
            "take validation utterances from training speakers (steps/split_train_valid.sh)"
        )
    return spk2int[speaker]

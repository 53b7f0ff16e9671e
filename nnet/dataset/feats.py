"""Chunks read from feats.scp, as row ranges of matrices in archives."""

import logging

import numpy as np

from nnet.dataset.utterances import UtteranceTable, speakers_of
from nnet.errors import InputError
from nnet.kaldi.ark import Address, matrix_shape, parse_rx
from nnet.kaldi.matrices import read_object_rows
from nnet.kaldi.streams import FileReader

logger = logging.getLogger(__name__)


class ArkChunks:
    """Reads chunks of the utterances in a table, whose columns `ark`, `offset` and `skip` locate the matrices."""

    computes = False

    def __init__(self, table, arks, dim):
        """Args:
            table: an UtteranceTable.
            arks: (path, range of columns or None), indexed by the column `ark`.
            dim: required number of columns of every matrix.
        """  # fmt: skip
        self.table, self.arks, self.dim = table, arks, dim

    def read_into(self, row, start, out, rng=None):
        """Fills out (frames, dim) with the frames from `start` on, wrapping around at the end of the utterance."""
        frames = int(self.table.frames[row])
        if start + len(out) <= frames:
            out[...] = self._read(row, start, start + len(out))
        else:
            whole = self._read(row, 0, frames)
            out[...] = whole[np.arange(start, start + len(out)) % frames]

    def _read(self, row, start, stop):
        columns = self.table.columns
        skip = int(columns["skip"][row])
        path, wanted = self.arks[columns["ark"][row]]
        address = Address(path, int(columns["offset"][row]), None, wanted)
        try:
            source = FileReader(path, address.offset)
            rows = address.cut(read_object_rows(source, skip + int(start), skip + int(stop)), source)
        except InputError as error:
            raise InputError(f"{self.table.path}: {self.table.utterance(row)}: {error}") from None
        if rows.shape[1] != self.dim:
            raise InputError(
                f"{self.table.path}: {self.table.utterance(row)} has features of {rows.shape[1]} dimensions, "
                f"others have {self.dim}; compute all with the same configuration"
            )
        return rows


def ark_chunks(data, spk2int):
    """Opens a data directory with feats.scp for reading chunks.

    Args:
        data: a DataDir.
        spk2int: {speaker: label}.

    Returns:
        (UtteranceTable, ArkChunks).
    """
    dim, utterances = feature_dim(data), list(data.feats)
    speakers = speakers_of(data, utterances, "feats.scp")
    arks, columns, lengths = _locations(data)
    table = UtteranceTable(data.path, utterances, speakers, spk2int, lengths, columns)
    return table, ArkChunks(table, arks, dim)


def feature_dim(data):
    """Returns the feature dimension of a DataDir, from the first matrix of feats.scp."""
    if not data.feats:
        raise InputError(f"{data.file('feats.scp')}: is empty")
    return matrix_shape(next(iter(data.feats.values())))[1]


def _locations(data):
    """Locates the matrices of feats.scp, in the order of the file.

    Returns:
        (path, range of columns) of the archives; the columns `ark`, `offset`, `skip`; lengths in frames.
    """
    arks, places = {}, np.empty((len(data.feats), 3), np.int64)
    lengths = _lengths(data)
    for i, (utterance, where) in enumerate(data.feats.items()):
        if where.endswith("|"):
            raise InputError(
                f"{data.file('feats.scp')}: {utterance}: a command allows no random access; use an archive"
            )
        ark, offset, rows, columns = parse_rx(where)
        places[i] = arks.setdefault((ark, columns), len(arks)), offset, rows[0] if rows else 0
        if rows:
            lengths[i] = min(lengths[i], rows[1] - rows[0])
    if min(lengths) < 1:
        empty = list(data.feats)[lengths.index(min(lengths))]
        raise InputError(f"{data.path}: {empty} has no frames; utils/fix_data_dir.sh removes such utterances")
    columns = {"ark": places[:, 0].astype(np.int32), "offset": places[:, 1], "skip": places[:, 2].astype(np.int32)}
    return list(arks), columns, lengths


def _lengths(data):
    if data.has("utt2num_frames"):
        missing = [u for u in data.feats if u not in data.utt2num_frames]
        if missing:
            raise InputError(f"{data.file('utt2num_frames')}: no entry for {missing[0]} ({len(missing)} missing)")
        return [data.utt2num_frames[u] for u in data.feats]
    logger.info("%s: no utt2num_frames; reading the lengths from the archives", data.path)
    return [matrix_shape(where)[0] for where in data.feats.values()]

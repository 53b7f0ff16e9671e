import numpy as np
import pytest

from nnet.datadir.directory import write_table
from nnet.kaldi.ark import ArkWriter

DIM = 20


@pytest.fixture
def make_data(tmp_path):
    """`make_data(name, {speaker: lengths})` writes a data directory; frames hold the numbers of utterance and frame."""

    def make(name, lengths, compress=False, dim=DIM):
        path = tmp_path / name
        path.mkdir()
        utt2spk, frames = {}, {}
        with ArkWriter(path / "feats.ark", path / "feats.scp", compress=compress) as writer:
            for speaker in sorted(lengths):
                for i, length in enumerate(lengths[speaker]):
                    utterance = f"{speaker}-{i:02}"
                    matrix = np.full((length, dim), len(utt2spk), np.float32)
                    matrix[:, 1] = np.arange(length)
                    writer.write(utterance, matrix)
                    utt2spk[utterance], frames[utterance] = speaker, length
        write_table(path / "utt2spk", utt2spk)
        write_table(path / "utt2num_frames", frames)
        return path

    return make

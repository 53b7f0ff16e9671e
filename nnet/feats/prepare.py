"""Preparation of stored features for a network: mean normalization, then silence removal."""

import json

import numpy as np

from nnet.errors import InputError
from nnet.feats.cmvn import sliding_cmvn_blocks, utterance_cmvn_blocks
from nnet.kaldi.ark import open_matrix, read_vector
from nnet.rows import blocks_of, gathered

CMVN = ("none", "sliding", "utterance")

# Options that may differ between training and extraction: they select audio or add noise.
INCIDENTAL = {"dither", "channel", "min_duration", "allow_downsample", "allow_upsample"}


def prepare(feats, cmvn, voiced=None):
    """Normalizes all frames, then keeps the voiced ones, in Kaldi's order.

    Args:
        feats: rows (T, F).
        cmvn: "sliding" (mean over a window of 300 frames), "utterance" (mean of all frames) or "none".
        voiced: (T,) VAD decisions, or None to keep every frame.

    Returns:
        rows (T', F) float32.
    """
    if cmvn == "none" and voiced is None:
        return feats
    return gathered(_kept(NORMALIZED[cmvn](feats), voiced))


NORMALIZED = {"none": blocks_of, "sliding": sliding_cmvn_blocks, "utterance": utterance_cmvn_blocks}


def _kept(blocks, voiced):
    """Yields the voiced rows of blocks."""
    place = 0
    for block in blocks:
        yield block if voiced is None else block[np.asarray(voiced[place : place + len(block)], bool)]
        place += len(block)


class FeatureReader:
    """Reads features as a model expects them, applying CMVN and silence removal if not done on disk.

    Args:
        data: a DataDir with feats.scp, and vad.scp if silence must be removed.
        wanted: feats_conf of the model's training data; None: no processing.

    Raises:
        InputError: the features have a different type, options or normalization.
    """

    def __init__(self, data, wanted):
        self.data = data
        self.cmvn, self.remove_silence = "none", False
        if wanted is not None:
            self._compare(wanted)

    def _compare(self, wanted):
        conf, where = known_conf(self.data), self.data.file("feats_conf.json")
        if conf["type"] != wanted["type"]:
            raise InputError(f"{where}: features are {conf['type']}, the model was trained on {wanted['type']}")
        for name, value in wanted["options"].items():
            if name not in INCIDENTAL and conf["options"].get(name) != value:
                have, want = json.dumps(conf["options"].get(name)), json.dumps(value)
                raise InputError(f"{where}: {name} is {have}, the model was trained with {want}")
        if conf["cmvn"] != wanted["cmvn"]:
            if conf["cmvn"] != "none":
                raise InputError(f"{where}: CMVN is {conf['cmvn']}, the model was trained with {wanted['cmvn']}")
            self.cmvn = wanted["cmvn"]
        if conf["silence_removed"] and (not wanted["silence_removed"] or self.cmvn != "none"):
            raise InputError(f"{where}: silence was removed too early for this model; use the data before that step")
        self.remove_silence = wanted["silence_removed"] and not conf["silence_removed"]
        if self.remove_silence:
            _ = self.data.vad  # raises now if vad.scp is missing, not at the first utterance

    def read(self, utterance):
        """Reads the features of one utterance, rows (T, F) float32."""
        feats = open_matrix(self.data.feats[utterance])
        voiced = read_voiced(self.data, utterance, len(feats)) if self.remove_silence else None
        return prepare(feats, self.cmvn, voiced)


def known_conf(data):
    """Returns the content of feats_conf.json of a DataDir; raises InputError if it is missing."""
    if data.feats_conf is None:
        raise InputError(
            f"{data.file('feats_conf.json')}: missing; it describes the features. steps/make_mfcc.sh writes it; for "
            "features made by Kaldi use python -m nnet.bin.describe_feats"
        )
    return data.feats_conf


def read_voiced(data, utterance, frames):
    """Reads the VAD decisions (frames,) of an utterance; raises InputError unless there is one per frame."""
    if utterance not in data.vad:
        raise InputError(f'{data.file("vad.scp")}: "{utterance}" is missing; run steps/compute_vad_decision.sh')
    voiced = read_vector(data.vad[utterance])
    if len(voiced) != frames:
        raise InputError(
            f'{data.file("vad.scp")}: "{utterance}" has {len(voiced)} decisions for {frames} frames; '
            "run steps/compute_vad_decision.sh again"
        )
    return voiced

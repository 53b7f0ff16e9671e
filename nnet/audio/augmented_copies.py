"""Augmented copies of the utterances of a data directory: selection, ids and generation."""

import os
from collections import namedtuple

import numpy as np

from nnet.audio.mixing import change_speed, fit_16_bits
from nnet.audio.reading import convert_rate, iter_utterances
from nnet.audio.seeds import generator
from nnet.datadir.derive import write_speakers
from nnet.datadir.directory import ALL_FILES
from nnet.datadir.job_outputs import read_job_outputs
from nnet.errors import InputError
from nnet.files import make_directory, remove_file, write_json
from nnet.kaldi.tables import write_table

UTTERANCE_TABLES = ("text", "utt2lang")
SPEAKER_TABLES = ("spk2gender",)
JOB_TABLES = {"wav.scp": "scp", "utt2dur": "dur", "utt2uniq": "uniq", "utt2augment": "augment"}


class Copy(namedtuple("Copy", "utterance kind")):
    """Copy of an utterance; `kind` is "reverb", "noise", "music", "babble", or a speed such as "sp0.9"."""

    @property
    def speed(self):
        """Speed factor, or None."""
        return float(self.kind[2:]) if self.kind.startswith("sp") else None

    @property
    def name(self):
        """Id of the copy: a suffix for an augmentation, a prefix for a speed, which makes a new speaker."""
        return f"{self.kind}-{self.utterance}" if self.speed else f"{self.utterance}-{self.kind}"

    def speaker(self, speaker):
        """Returns the speaker of the copy, given the original's; a changed speed makes a new speaker."""
        return f"{self.kind}-{speaker}" if self.speed else speaker


def check_speeds(speeds, where):
    """Refuses the speed 1, whose copies would be other speakers with the same audio, and repeated speeds."""
    if 1 in speeds:
        raise InputError(f"{where}: 1 is the original, which is always there; leave it out")
    if len(set(speeds)) < len(speeds):
        raise InputError(f"{where}: a speed is repeated; give each once")


def select_copies(utterances, kinds, count=None, seed=0):
    """Lists the copies to make, in the order of the utterances: one per utterance and kind, or `count` random ones."""
    copies = [Copy(utterance, kind) for utterance in utterances for kind in kinds]
    if count is None:
        return copies
    if not 0 < count <= len(copies):
        raise InputError(f"{count} augmented utterances requested, must be 1 to {len(copies)}")
    chosen = generator(seed, "plan").choice(len(copies), count, replace=False)
    return [copies[i] for i in sorted(chosen)]


def make_copies(data, copies, augmenter, sample_rate, seed=0, resample=False):
    """Yields `(copy, samples, what)`: samples (n,), rounded to 16 bits, and a description of the augmentation.

    Every copy has its own random generator, seeded by (seed, utterance, kind).

    Args:
        data: a DataDir with wav.scp.
        copies: Copy objects; those of one utterance are adjacent.
        augmenter: an Augmenter; None if all copies change only the speed.
        sample_rate: of all utterances, in Hz.
        resample: convert other sampling rates instead of raising InputError; as for features, after cutting segments.
    """
    kinds = {}
    for copy in copies:
        kinds.setdefault(copy.utterance, []).append(copy)
    expected = None if resample else sample_rate
    for utterance, samples, rate in iter_utterances(data, expected, utterances=list(kinds)):
        if rate != sample_rate:
            samples = convert_rate(samples, rate, sample_rate)
        for copy in kinds[utterance]:
            if copy.speed:
                yield copy, fit_16_bits(change_speed(samples, copy.speed)), f"speed {copy.speed:g}"
            else:
                yield copy, *augmenter.apply(copy.kind, samples, generator(seed, utterance, copy.kind))


def copies_of_job(copies, job, jobs):
    """Returns the copies for job `job` of `jobs` (counted from 1): those of consecutive utterances."""
    utterances = list(dict.fromkeys(copy.utterance for copy in copies))
    own = set(np.array_split(np.array(utterances, dtype=object), jobs)[job - 1])
    return [copy for copy in copies if copy.utterance in own]


def merge_copies(source, path, out, jobs):
    """Makes a data directory from the jobs' outputs: the copies, with the tables of the originals that still apply.

    vad.scp and feats_conf.json are kept if every copy has the frames of its original (no changed speed): the VAD is
    more accurate on clean speech.

    Args:
        source: DataDir of the originals.
        path: data directory to write; utt2spk is written last.
        out: path of the jobs' outputs up to the job number.
        jobs: number of jobs.
    """
    tables = {name: read_job_outputs(out, jobs, ending) for name, ending in JOB_TABLES.items()}
    originals, utt2spk = tables["utt2uniq"], read_job_outputs(out, jobs, "utt2spk")
    speakers = {speaker: source.utt2spk[originals[utterance]] for utterance, speaker in utt2spk.items()}
    speeds = any(what.startswith("speed") for what in tables["utt2augment"].values())
    tables |= _carried(source, UTTERANCE_TABLES if speeds else (*UTTERANCE_TABLES, "vad.scp"), originals)
    tables |= _carried(source, SPEAKER_TABLES, speakers)
    make_directory(path)
    for name in ALL_FILES:
        remove_file(os.path.join(path, name))
    for name, table in tables.items():
        write_table(os.path.join(path, name), table)
    if "vad.scp" in tables and source.feats_conf:
        write_json(os.path.join(path, "feats_conf.json"), source.feats_conf)
    write_speakers(path, utt2spk)


def _carried(source, names, originals):
    """Returns the tables of the source that contain every original, keyed by the copies."""
    tables = {name: source.table(name) for name in names if source.has(name)}
    known = {name: table for name, table in tables.items() if table.keys() >= set(originals.values())}
    return {name: {copy: table[o] for copy, o in originals.items()} for name, table in known.items()}

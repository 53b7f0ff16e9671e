"""Augmented copies of a data directory: which ones there are, what they are called, and how each one is made."""

import os
from collections import namedtuple

import numpy as np

from nnet.audio.mixing import change_speed, fit_16_bits
from nnet.audio.reading import convert_rate, iter_utterances
from nnet.audio.seeds import generator
from nnet.datadir.derive import write_speakers
from nnet.datadir.job_outputs import read_job_outputs, write_json
from nnet.errors import InputError
from nnet.files import make_directory, remove_file
from nnet.kaldi.tables import write_table

UTTERANCE_TABLES = ("text", "utt2lang")
SPEAKER_TABLES = ("spk2gender",)
JOB_TABLES = {"wav.scp": "scp", "utt2dur": "dur", "utt2uniq": "uniq", "utt2augment": "augment"}


class Copy(namedtuple("Copy", "utterance kind")):
    """A copy to make: of which utterance, and "reverb", "noise", "music", "babble", or a speed such as "sp0.9"."""

    @property
    def speed(self):
        """How many times as fast, or None."""
        return float(self.kind[2:]) if self.kind.startswith("sp") else None

    @property
    def name(self):
        """The id of the copy: a suffix for what was mixed in, a prefix for another speed, as it is another voice."""
        return f"{self.kind}-{self.utterance}" if self.speed else f"{self.utterance}-{self.kind}"

    def speaker(self, speaker):
        """Whose voice the copy is."""
        return f"{self.kind}-{speaker}" if self.speed else speaker


def plan(utterances, kinds, count=None, seed=0):
    """The copies to make, in the order of the utterances: each of each kind, or `count` of those, drawn by the seed."""
    copies = [Copy(utterance, kind) for utterance in utterances for kind in kinds]
    if count is None:
        return copies
    if not 0 < count <= len(copies):
        raise InputError(f"{count} augmented utterances asked for, there can be 1 to {len(copies)}")
    chosen = generator(seed, "plan").choice(len(copies), count, replace=False)
    return [copies[i] for i in sorted(chosen)]


def make_copies(data, copies, augmenter, sample_rate, seed=0, resample=False):
    """Yields `(copy, samples, what)`: samples (n,) of 16 bits, and in words how they were made.

    Every copy has a random generator of its own, seeded by (seed, utterance, kind).

    Args:
        data: a DataDir with wav.scp.
        copies: Copy objects; those of one utterance stand together.
        augmenter: an Augmenter; may be None where all copies are of another speed.
        sample_rate: Hz, of all utterances.
        resample: convert what has another rate instead of refusing it; as features do, after the segment is cut out.
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


def share(copies, job, jobs):
    """The copies of job number `job` of `jobs` (from 1): a run of utterances."""
    utterances = list(dict.fromkeys(copy.utterance for copy in copies))
    own = set(np.array_split(np.array(utterances, dtype=object), jobs)[job - 1])
    return [copy for copy in copies if copy.utterance in own]


def merge_copies(source, path, out, jobs):
    """Makes a data directory of what the jobs wrote: the copies, with the tables of their originals that still hold.

    vad.scp, and with it feats_conf.json, is among these where every copy has the original's frames: voice is found
    better in clean speech.

    Args:
        source: the DataDir of the originals.
        path: the data directory to write; utt2spk comes last.
        out: name of the jobs' files up to the number of the job.
        jobs: how many jobs.
    """
    tables = {name: read_job_outputs(out, jobs, ending) for name, ending in JOB_TABLES.items()}
    originals, utt2spk = tables["utt2uniq"], read_job_outputs(out, jobs, "utt2spk")
    speakers = {speaker: source.utt2spk[originals[utterance]] for utterance, speaker in utt2spk.items()}
    speeds = any(what.startswith("speed") for what in tables["utt2augment"].values())
    tables |= _carried(source, UTTERANCE_TABLES if speeds else (*UTTERANCE_TABLES, "vad.scp"), originals)
    tables |= _carried(source, SPEAKER_TABLES, speakers)
    make_directory(path)
    for name in ("utt2spk", "feats.scp", "feats_conf.json", "segments", "vad.scp", *UTTERANCE_TABLES, *SPEAKER_TABLES):
        remove_file(os.path.join(path, name))
    for name, table in tables.items():
        write_table(os.path.join(path, name), table)
    if "vad.scp" in tables and source.feats_conf:
        write_json(os.path.join(path, "feats_conf.json"), source.feats_conf)
    write_speakers(path, utt2spk)


def _carried(source, names, originals):
    """Those tables of the source that know every original, under the names of the copies."""
    tables = {name: source.table(name) for name in names if source.has(name)}
    known = {name: table for name, table in tables.items() if table.keys() >= set(originals.values())}
    return {name: {copy: table[o] for copy, o in originals.items()} for name, table in known.items()}

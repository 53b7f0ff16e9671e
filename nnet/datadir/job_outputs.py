"""Outputs of parallel jobs on a data directory, and their merging."""

import logging
import os

from nnet.datadir.derive import subset
from nnet.datadir.directory import DataDir, examples
from nnet.datadir.fix import fix
from nnet.errors import InputError
from nnet.files import read_json, remove_file, write_json
from nnet.kaldi.tables import read_table, write_table

logger = logging.getLogger(__name__)

# Files that are not copied when the features of a data directory are computed again.
FEATURE_FILES = ("feats.scp", "vad.scp", "utt2num_frames", "feats_conf.json", "cmvn.scp")


def feats_conf(kind, options):
    """Returns the content of feats_conf.json for newly computed features.

    nnet.bin.compute_vad adds `vad`, the VAD options; nnet.bin.prepare_feats changes `cmvn` and `silence_removed`.
    """
    return {"type": kind, "options": options.to_dict(), "cmvn": "none", "silence_removed": False}


class JobTables:
    """Tables that a job writes next to its archive when the `with` block ends without an error.

    Args:
        out: path of the outputs without their suffixes.
        names: suffixes of the tables.
        conf: object for OUT.json, or None.
    """

    def __init__(self, out, names, conf=None):
        self.out, self.conf = out, conf
        self._tables = {name: {} for name in names}
        self._left_out = {}

    def add(self, utterance, **values):
        """Adds one value per table."""
        for name, value in values.items():
            self._tables[name][utterance] = value

    def skip(self, utterance, reason):
        """Records that an utterance has no output, and warns."""
        logger.warning("%s is skipped: %s", utterance, reason)
        self._left_out[utterance] = reason

    def __enter__(self):
        return self

    def __exit__(self, kind, *error):
        if kind is not None:
            return
        for name, table in {**self._tables, "left_out": self._left_out}.items():
            write_table(f"{self.out}.{name}", table)
        if self.conf is not None:
            write_json(f"{self.out}.json", self.conf)


def merge_job_outputs(data, out, jobs, targets, source=None):
    """Merges the outputs of parallel jobs into a data directory, in the order of the targets.

    Every utterance must have an output or be in a job's left_out table. The latter are removed from the data directory
    and listed, with the reason, in its table `left_out`.

    Args:
        data: path of the data directory.
        out: path of the jobs' outputs up to the job number.
        jobs: number of jobs.
        targets: `{file of the data directory: suffix of the jobs' files}`; .json files must be equal for all jobs.
        source: path of a data directory of which `data` becomes a copy without features; None: `data` exists.
    """
    origin = DataDir(source or data)
    left_out = read_job_outputs(out, jobs, "left_out") if os.path.exists(f"{out}.1.left_out") else {}
    tables = {name: read_job_outputs(out, jobs, ending) for name, ending in targets.items()}
    for name, ending in targets.items():
        if not name.endswith(".json"):
            _check_complete(origin, tables[name], left_out, f"{out}.*.{ending}")
    _report(origin, left_out)
    if source is not None:
        bare = origin.with_tables(dict.fromkeys(FEATURE_FILES))
        subset(bare, [u for u in origin.utt2spk if u not in left_out], data)
    for name, table in tables.items():
        (write_json if name.endswith(".json") else write_table)(os.path.join(data, name), table)
    _write_left_out(data, left_out)
    if left_out and source is None:
        fix(data)


def read_job_outputs(out, jobs, ending):
    """Reads the tables of all jobs as one; for JSON files, their common content."""
    table, previous = {}, None
    for job in range(1, jobs + 1):
        path = f"{out}.{job}.{ending}"
        if ending != "json":
            table.update(read_table(path))
            continue
        table = read_json(path)
        if previous not in (None, table):
            raise InputError(f"{path}: differs from the previous job's; run all jobs again with the same options")
        previous = table
    return table


def _check_complete(data, table, left_out, where):
    missing = data.utt2spk.keys() - table.keys() - left_out.keys()
    if missing:
        raise InputError(
            f"{where}: {len(missing)} of the {len(data.utt2spk)} utterances of {data.path} missing: {examples(missing)}"
        )


def _report(data, left_out):
    if not left_out:
        return
    count = f"{len(left_out)} of {len(data.utt2spk)} utterances"
    if len(left_out) == len(data.utt2spk):
        utterance, reason = next(iter(left_out.items()))
        raise InputError(f"{data.path}: every utterance was skipped; {utterance}: {reason}")
    named = "; ".join(f"{utterance}: {reason}" for utterance, reason in sorted(left_out.items())[:3])
    logger.warning("%s: %s skipped (listed in the file left_out): %s", data.path, count, named)


def _write_left_out(path, left_out):
    """Updates the table `left_out`: utterances that this call or an earlier one removed from the directory."""
    data = DataDir(path)
    if data.has("left_out"):
        earlier = {u: reason for u, reason in data.table("left_out").items() if u not in data.utt2spk}
        left_out = {**earlier, **left_out}
    if left_out:
        write_table(data.file("left_out"), left_out)
    else:
        remove_file(data.file("left_out"))

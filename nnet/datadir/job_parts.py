"""What parallel jobs leave behind of a data directory, and how it comes together again."""

import json
import logging
import os

from nnet.datadir.derive import subset
from nnet.datadir.directory import DataDir, some
from nnet.datadir.fix import fix
from nnet.errors import InputError
from nnet.files import atomic_write, remove_file
from nnet.kaldi.tables import read_table, write_table

logger = logging.getLogger(__name__)

# What a copy of a data directory does not take over where its features are made anew.
FEATURE_FILES = ("feats.scp", "vad.scp", "utt2num_frames", "feats_conf.json")


def feats_conf(kind, options):
    """The content of feats_conf.json for features as they are computed.

    nnet.bin.compute_vad adds `vad`, the options of the VAD; nnet.bin.prepare_feats changes `cmvn` and
    `silence_removed`.
    """
    return {"type": kind, "options": options.to_dict(), "cmvn": "none", "silence_removed": False}


class JobTables:
    """The tables that one job writes beside its archive: they appear when the `with` block ends well.

    Args:
        out: name of the results without their endings.
        names: endings of the tables.
        conf: object for OUT.json, or None.
    """

    def __init__(self, out, names, conf=None):
        self.out, self.conf = out, conf
        self._tables = {name: {} for name in names}
        self._left_out = {}

    def add(self, utterance, **values):
        """Enters one value a table."""
        for name, value in values.items():
            self._tables[name][utterance] = value

    def leave_out(self, utterance, reason):
        """Enters an utterance that has no results, and says so in the log."""
        logger.warning("%s is left out: %s", utterance, reason)
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


def write_json(path, content):
    """Writes a JSON file whole or not at all."""
    with atomic_write(path) as file:
        json.dump(content, file, indent=2)
        file.write("\n")


def merge(data, out, jobs, targets, source=None):
    """Puts the results of parallel jobs into a data directory, the last target last.

    Every utterance must have its results or be named in a job's left_out; the latter go out of the data directory,
    and into its table `left_out` with their reasons.

    Args:
        data: path of the data directory.
        out: name of the jobs' results up to the number of the job.
        jobs: how many jobs.
        targets: `{file of the data directory: ending of the jobs' files}`; files that end in .json must be the same
            for all jobs.
        source: path of a data directory; `data` begins as a copy of it without its features. None: `data` is there.
    """
    origin = DataDir(source or data)
    left_out = read_parts(out, jobs, "left_out") if os.path.exists(f"{out}.1.left_out") else {}
    tables = {name: read_parts(out, jobs, ending) for name, ending in targets.items()}
    for name, ending in targets.items():
        if not name.endswith(".json"):
            _check_complete(origin, tables[name], left_out, f"{out}.*.{ending}")
    _report(origin, left_out)
    if source is not None:
        bare = origin.with_tables(dict.fromkeys(FEATURE_FILES))
        subset(bare, [u for u in origin.utt2spk if u not in left_out], data)
    for name, table in tables.items():
        (write_json if name.endswith(".json") else write_table)(os.path.join(data, name), table)
    _note_left_out(data, left_out)
    if left_out and source is None:
        fix(data)


def read_parts(out, jobs, ending):
    """The tables of all jobs as one; of JSON files the content."""
    table, previous = {}, None
    for job in range(1, jobs + 1):
        path = f"{out}.{job}.{ending}"
        if ending != "json":
            table.update(read_table(path))
            continue
        with open(path, encoding="utf-8") as file:
            table = json.load(file)
        if previous not in (None, table):
            raise InputError(f"{path}: differs from that of the job before; run all jobs again with the same options")
        previous = table
    return table


def _check_complete(data, table, left_out, where):
    missing = data.utt2spk.keys() - table.keys() - left_out.keys()
    if missing:
        raise InputError(
            f"{where}: lack {len(missing)} of the {len(data.utt2spk)} utterances of {data.path}: {some(missing)}"
        )


def _report(data, left_out):
    if not left_out:
        return
    count = f"{len(left_out)} of {len(data.utt2spk)} utterances"
    if len(left_out) == len(data.utt2spk):
        utterance, reason = next(iter(left_out.items()))
        raise InputError(f"{data.path}: none of its utterances is left: {utterance}: {reason}")
    named = "; ".join(f"{utterance}: {reason}" for utterance, reason in sorted(left_out.items())[:3])
    logger.warning("%s: %s left out (all in the file left_out): %s", data.path, count, named)


def _note_left_out(path, left_out):
    """Keeps in the table `left_out` what is not in the data directory any more, of this call and earlier ones."""
    data = DataDir(path)
    if data.has("left_out"):
        earlier = {u: reason for u, reason in data.table("left_out").items() if u not in data.utt2spk}
        left_out = {**earlier, **left_out}
    if left_out:
        write_table(data.file("left_out"), left_out)
    else:
        remove_file(data.file("left_out"))

"""Combines data directories (utils/combine_data.sh)."""

import logging
import os

from nnet.datadir.derive import refuse_same, write_speakers
from nnet.datadir.directory import ALL_FILES, RECORDING_FILES, SPEAKER_FILES, UTTERANCE_FILES
from nnet.errors import InputError
from nnet.files import remove_file, write_json
from nnet.kaldi.tables import write_table
from nnet.locks import locked

logger = logging.getLogger(__name__)


def combine(destination, sources, extra_files=()):
    """Writes the union of data directories.

    A file is combined if all sources have it; if only some have it, it is dropped with a warning. If some sources have
    segments or utt2uniq, they are created for the others: segments from utt2dur, in utt2uniq each utterance is its own
    original.

    Args:
        destination: path of the new directory.
        sources: DataDirs.
        extra_files: names of further tables.

    Raises:
        InputError: an utterance in two sources, conflicting entries, or different feature configurations.
    """
    for source in sources:
        refuse_same(source, destination)
    features = _common_features(sources)
    with locked(destination, wait=True):
        _write_union(destination, sources, extra_files, features)


def _write_union(destination, sources, extra_files, features):
    for name in ALL_FILES:
        remove_file(os.path.join(destination, name))
    for name in (*UTTERANCE_FILES, *RECORDING_FILES, *SPEAKER_FILES, *extra_files):
        tables = _tables(sources, name)
        if tables is not None:
            unique = name in UTTERANCE_FILES
            write_table(os.path.join(destination, name), _union(sources, name, tables, unique))
    if features is not None:
        write_json(os.path.join(destination, "feats_conf.json"), features)
    write_speakers(destination, _union(sources, "utt2spk", [source.utt2spk for source in sources], True))


def _tables(sources, name):
    having = [source for source in sources if source.has(name)]
    if name == "segments" and having and not all(source.has("wav.scp") for source in sources):
        return None  # segments need every recording
    if name == "segments" and having:
        return [source.table(name) if source.has(name) else _whole_recordings(source) for source in sources]
    if name == "utt2uniq" and having:  # an utterance that is not a copy is its own original
        return [source.table(name) if source.has(name) else {u: u for u in source.utt2spk} for source in sources]
    if len(having) == len(sources):
        return [source.table(name) for source in sources]
    if having:
        lacking = next(source.path for source in sources if not source.has(name))
        logger.warning("%s is not combined: missing in %s", name, lacking)
    return None


def _whole_recordings(source):
    """Returns segments that span the whole recordings of a directory without segments."""
    if not source.has("utt2dur"):
        raise InputError(f"{source.path}: combining with segments needs utt2dur; run utils/get_utt2dur.sh")
    return {utterance: f"{utterance} 0.0 {duration}" for utterance, duration in source.utt2dur.items()}


def _union(sources, name, tables, unique):
    """Merges tables; raises InputError for a duplicate key, or, unless `unique`, only for different values of a key."""
    union = {}
    for source, table in zip(sources, tables, strict=True):
        for key, value in table.items():
            if key in union and (unique or union[key] != value):
                first = next(s.path for s, t in zip(sources, tables, strict=True) if key in t)
                problem = "is in" if unique else "differs between"
                raise InputError(f'{source.file(name)}: "{key}" {problem} {first} and {source.path}')
            union[key] = value
    return union


def _common_features(sources):
    """Returns the feats_conf.json that all sources share, or None."""
    if not all(source.has("feats.scp") for source in sources):
        return None
    if any(source.feats_conf is None for source in sources):
        if any(source.feats_conf for source in sources):
            logger.warning("feats_conf.json is not combined: not all directories have one")
        return None
    for source in sources[1:]:
        if source.feats_conf != sources[0].feats_conf:
            raise InputError(f"{source.file('feats_conf.json')}: features differ from those of {sources[0].path}")
    return sources[0].feats_conf

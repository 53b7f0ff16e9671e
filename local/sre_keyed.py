"""NIST SRE 2008, 2010 and 2012: lists of models, and keys that tell which trials are target trials.

2008 (LDC2011S05 and LDC2011S07 training, LDC2011S08 test): NIST_SRE08_short2.model.key
`MODEL,SEX,NAME:SIDE,SPEAKER`, NIST_SRE08_short2-short3.trial.key `MODEL,NAME,SIDE,target|nontarget`.
2010 (LDC2017S06): keys/coreext.modelkey.csv `MODEL,SPEAKER`, train/coreext.trn `MODEL SEX FOLDER/NAME.sph:SIDE,...`,
keys/coreext-coreext.trialkey.csv `MODEL,NAME,SIDE,target|nontarget,SCORED,C1,...,C9`, Y or N.
2012 (LDC2016E45): ..._target_speaker_2_files_map....txt `SPEAKER sp10-01/.../NAME.sph:SIDE,...`, whose files lie in the
releases of 2006 to 2012; NIST_SRE12_core_trial_key....csv `SPEAKER,FOLDER/NAME.sph,SIDE,KIND,SCORED,C1,...,C5`.

As training, a person is whom the keys say to speak: in the models' recordings, and in those of target trials. As an
evaluation: in 2008 short2-short3; in 2010 common condition 5, normal telephone speech; in 2012 common condition 2,
telephone speech without added noise.
"""

import re
from collections import namedtuple

from sre_release import stem_of
from sre_sets import SIDES, Evaluation, Utterance, channel_of, side_letter, side_utterance
from sre_tables import read_rows

from nnet.errors import InputError

# A model's recording, and a trial; `name` is a file with its folders, `conditions` a set of numbers.
Part = namedtuple("Part", "model speaker name channel sex")
Trial = namedtuple("Trial", "model name channel target conditions")
# What the tables of a release say; `condition` is the one that an evaluation takes, 0 for all trials.
Lists = namedtuple("Lists", "parts trials model_table trial_table condition")


def read_lists(release, corpus):
    """The Lists of one of sre08, sre10, sre12."""
    release.refuse_empty()
    lists = {"sre08": _lists_2008, "sre10": _lists_2010, "sre12": _lists_2012}[corpus](release)
    known = {part.model for part in lists.parts}
    strange = next((trial.model for trial in lists.trials if trial.model not in known), None)
    if strange:
        raise InputError(
            f"{lists.trial_table}: model {strange} is not in {lists.model_table}; are they of one release?"
        )
    return lists


def _lists_2008(release):
    models = release.table(r"nist_sre08_short2\.model\.key", "model-keys/NIST_SRE08_short2.model.key")
    parts = []
    for number, cells in read_rows(models, ","):
        name, _, side = cells[2].partition(":") if len(cells) > 3 else ("", "", "")
        if side.lower() in ("a", "b"):
            parts.append(Part(cells[0], cells[3], name, channel_of(side, models), cells[1]))
        elif number > 1:  # else the names of the columns
            raise InputError(f"{models}:{number}: `MODEL,SEX,NAME:SIDE,SPEAKER` was expected: {','.join(cells)!r}")
    key = release.table(
        r"nist_sre08_short2-short3\.trial\.key", "trial-keys/NIST_SRE08_short2-short3.trial.key", models
    )
    return Lists(parts, _trials(key, None), models, key, 0)


def _lists_2010(release):
    key = release.table(r"coreext-coreext\.trialkey\.csv", "keys/coreext-coreext.trialkey.csv")
    speakers_table = release.table(r"coreext\.modelkey\.csv", "keys/coreext.modelkey.csv", key)
    speakers = {cells[0]: cells[1] for _, cells in read_rows(speakers_table, ",") if len(cells) > 1}
    models = release.table(r"coreext\.trn", "train/coreext.trn", key)
    parts = []
    for number, cells in read_rows(models):
        if len(cells) != 3:
            raise InputError(f"{models}:{number}: `MODEL SEX FOLDER/NAME.sph:SIDE,...` was expected")
        for name, channel in _files(cells[2], f"{models}:{number}"):
            parts.append(Part(cells[0], speakers.get(cells[0], ""), name, channel, cells[1]))
    scored = {part.model for part in parts if part.speaker not in ("", "NOT_SCORED")}
    return Lists([p for p in parts if p.model in scored], _trials(key, 4, scored), models, key, 5)


def _lists_2012(release):
    pattern, name = r".*target_speaker_2_files_map.*\.txt", "NIST_SRE12_..._target_speaker_2_files_map....txt"
    models = release.table(pattern, name)
    parts = []
    for table in release.tables(pattern):
        for number, cells in read_rows(table):
            if len(cells) != 2:
                raise InputError(f"{table}:{number}: `SPEAKER FOLDER/NAME.sph:SIDE,...` was expected")
            parts += [Part(cells[0], cells[0], *file, "") for file in _files(cells[1], f"{table}:{number}")]
    key = release.table(r"nist_sre12_core_trial_key.*\.csv", "NIST_SRE12_core_trial_key....csv")
    return Lists(list(dict.fromkeys(parts)), _trials(key, 4), models, key, 2)


def _files(text, where):
    """[(name, channel)] of FOLDER/NAME.sph:A,FOLDER/NAME.sph:B."""
    found = []
    for word in text.split(","):
        name, _, side = word.partition(":")
        found.append((name, channel_of(side, where)))
    return found


def _trials(path, scored, models=None):
    """The trials of a key.

    Args:
        path: MODEL,NAME,SIDE,KIND,... a line; kinds end in target or nontarget.
        scored: the column that says Y where a trial counts, conditions behind it; None: there are no such columns.
        models: those that count, or None for all.
    """
    trials = []
    for number, cells in read_rows(path, ","):
        kind, side = (cells[3].lower(), cells[2].lower()) if len(cells) > 3 else ("", "")
        if not kind.endswith("target") or side not in SIDES:
            if number == 1:
                continue  # the names of the columns
            raise InputError(f"{path}:{number}: `MODEL,NAME,SIDE,target|nontarget` was expected: {','.join(cells)!r}")
        flags = [cell.upper() for cell in cells[scored:]] if scored else ["Y"]
        if flags[:1] == ["Y"] and (models is None or cells[0] in models):
            conditions = {n for n, flag in enumerate(flags) if n and flag == "Y"}
            trials.append(Trial(cells[0], cells[1], SIDES[side], not kind.endswith("nontarget"), conditions))
    return trials


class Shelf:
    """Finds the recordings that lists name: those of an earlier year in the release of that year.

    Args:
        release: the release that the lists are of.
        corpus: its name, such as sre12.
        earlier: {corpus: Release} of others.
    """

    def __init__(self, release, corpus, earlier):
        self._release, self._corpus, self._earlier = release, corpus, earlier

    def find(self, name):
        """(corpus, path or None) of a file with its folders; sp10-01/... is SRE 2010's."""
        year = re.search(r"\bsp(\d\d)-\d\d\b", name.lower())
        corpus = f"sre{year[1]}" if year else self._corpus
        release = self._release if corpus == self._corpus else self._earlier.get(corpus)
        return corpus, release.recording(name) if release else None

    def require(self, names):
        """Raises InputError where a name is of a release that is not known."""
        for name in names:
            home, path = self.find(name)
            if path is None and home != self._corpus and not self._earlier.get(home):
                raise InputError(
                    f"{self._release.roots}: models of {self._release.what} are made of {home}'s recordings, such as "
                    f"{name}; say where {home} lies, too"
                )


def name_speakers(lists, shelf, corpus, speaker_of):
    """{model: what its speaker is called}: as in the corpora that know the recordings, else by the lists' own name.

    Args:
        lists: Lists.
        shelf: a Shelf.
        corpus: of which the lists are.
        speaker_of: {(corpus, name, channel): speaker} of the other corpora.
    """
    known = {}
    for part in lists.parts:
        found = speaker_of.get((shelf.find(part.name)[0], stem_of(part.name), part.channel))
        if found:
            known[part.speaker] = found
    own = "sre12_" if corpus == "sre12" else ""  # only there they are not LDC's numbers
    return {part.model: known.get(part.speaker, own + part.speaker) for part in lists.parts}


def training_utterances(lists, shelf, corpus, speakers):
    """The Utterances of this corpus's own recordings: those of models, and those of target trials.

    Args:
        speakers: what name_speakers gives.
    """
    sexes = {part.model: part.sex for part in lists.parts}
    said = [(p.model, p.name, p.channel) for p in lists.parts]
    said += [(t.model, t.name, t.channel) for t in lists.trials if t.target]
    utterances = []
    for model, name, channel in dict.fromkeys(said):
        home, path = shelf.find(name)
        if home == corpus and path:
            session = f"{corpus}_{stem_of(name)}"
            utterances.append(side_utterance(speakers[model], session, path, channel, sexes[model]))
    return utterances


def evaluation(lists, shelf, release, corpus, max_missing):
    """The Evaluation of the condition that stands for the year; a model, a mere number, is called CORPUS_NUMBER."""
    trials = [t for t in lists.trials if not lists.condition or lists.condition in t.conditions]
    if not trials:
        raise InputError(f"{lists.trial_table}: no trial of common condition {lists.condition}")
    models = {t.model for t in trials}
    parts = [p for p in lists.parts if p.model in models]
    shelf.require(p.name for p in parts)
    paths = {name: shelf.find(name)[1] for name in dict.fromkeys([t.name for t in trials] + [p.name for p in parts])}
    release.check_missing(paths, lists.trial_table, max_missing)
    enrolled = [_utterance(f"{corpus}_{p.model}", p, paths, p.sex) for p in parts if paths[p.name]]
    tests = {(t.name, t.channel): t for t in trials if paths[t.name]}
    tested = [_utterance("", t, paths) for t in tests.values()]
    return Evaluation(enrolled + tested, {"": [(f"{corpus}_{t.model}", _name(t), t.target) for t in trials]})


def _name(item):
    """A side of a call by the name of its file, as trial lists have it: NAME_a."""
    return f"{stem_of(item.name)}_{side_letter(item.channel)}"


def _utterance(model, item, paths, sex=""):
    """The Utterance of a model's part, or, where there is no model, of a test segment."""
    name = f"{model}-{_name(item)}" if model else _name(item)
    return Utterance(name, model or name, stem_of(item.name), paths[item.name], item.channel, sex)

"""NIST SRE 2008, 2010 and 2012: lists of models, and trial keys.

2008 (LDC2011S05 and LDC2011S07 training, LDC2011S08 test): NIST_SRE08_short2.model.key
`MODEL,SEX,NAME:SIDE,SPEAKER`, NIST_SRE08_short2-short3.trial.key `MODEL,NAME,SIDE,target|nontarget`.
2010 (LDC2017S06): keys/coreext.modelkey.csv `MODEL,SPEAKER`, train/coreext.trn `MODEL SEX FOLDER/NAME.sph:SIDE,...`,
keys/coreext-coreext.trialkey.csv `MODEL,NAME,SIDE,target|nontarget,SCORED,C1,...,C9`, Y or N.
2012 (LDC2016E45): ..._target_speaker_2_files_map....txt `SPEAKER sp10-01/.../NAME.sph:SIDE,...`, whose files are in the
releases of 2006 to 2012; NIST_SRE12_core_trial_key....csv `SPEAKER,FOLDER/NAME.sph,SIDE,KIND,SCORED,C1,...,C5`.

For training, the keys give the speakers of the models' recordings and of target trials. For evaluation, the trials are
short2-short3 in 2008; common condition 5, normal telephone speech, in 2010; common condition 2, telephone speech
without added noise, in 2012.
"""

import re
from collections import namedtuple

from sre_release import stem_of
from sre_sets import SIDES, Evaluation, Utterance, channel_of, side_letter, side_utterance
from sre_tables import read_rows

from nnet.errors import InputError

# Recording of a model, and a trial; `name` is a file with its folders, `conditions` a set of numbers.
Part = namedtuple("Part", "model speaker name channel sex")
Trial = namedtuple("Trial", "model name channel target conditions")
# Content of the tables of a release; `condition` is the common condition to evaluate, 0 for all trials.
Lists = namedtuple("Lists", "parts trials model_table trial_table condition")


def read_lists(release, corpus):
    """Reads the Lists of sre08, sre10 or sre12."""
    release.refuse_empty()
    lists = {"sre08": _lists_2008, "sre10": _lists_2010, "sre12": _lists_2012}[corpus](release)
    known = {part.model for part in lists.parts}
    strange = next((trial.model for trial in lists.trials if trial.model not in known), None)
    if strange:
        raise InputError(
            f"{lists.trial_table}: model {strange} is not in {lists.model_table}; are they of the same release?"
        )
    return lists


def _lists_2008(release):
    models = release.table(r"nist_sre08_short2\.model\.key", "model-keys/NIST_SRE08_short2.model.key")
    parts = []
    for number, cells in read_rows(models, ","):
        name, _, side = cells[2].partition(":") if len(cells) > 3 else ("", "", "")
        if side.lower() in ("a", "b"):
            parts.append(Part(cells[0], cells[3], name, channel_of(side, models), cells[1]))
        elif number > 1:  # line 1 may be a header
            raise InputError(f"{models}:{number}: expected `MODEL,SEX,NAME:SIDE,SPEAKER`, found {','.join(cells)!r}")
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
            raise InputError(f"{models}:{number}: expected `MODEL SEX FOLDER/NAME.sph:SIDE,...`")
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
                raise InputError(f"{table}:{number}: expected `SPEAKER FOLDER/NAME.sph:SIDE,...`")
            parts += [Part(cells[0], cells[0], *file, "") for file in _files(cells[1], f"{table}:{number}")]
    key = release.table(r"nist_sre12_core_trial_key.*\.csv", "NIST_SRE12_core_trial_key....csv")
    return Lists(list(dict.fromkeys(parts)), _trials(key, 4), models, key, 2)


def _files(text, where):
    """Parses FOLDER/NAME.sph:A,FOLDER/NAME.sph:B as [(name, channel)]."""
    found = []
    for word in text.split(","):
        name, _, side = word.partition(":")
        found.append((name, channel_of(side, where)))
    return found


def _trials(path, scored, models=None):
    """Reads the trials of a key.

    Args:
        path: file of lines MODEL,NAME,SIDE,KIND,...; kinds end in target or nontarget.
        scored: the column that is Y for scored trials, followed by the conditions; None: no such columns.
        models: scored models, or None for all.
    """
    trials = []
    for number, cells in read_rows(path, ","):
        kind, side = (cells[3].lower(), cells[2].lower()) if len(cells) > 3 else ("", "")
        if not kind.endswith("target") or side not in SIDES:
            if number == 1:
                continue  # header
            raise InputError(f"{path}:{number}: expected `MODEL,NAME,SIDE,target|nontarget`, found {','.join(cells)!r}")
        flags = [cell.upper() for cell in cells[scored:]] if scored else ["Y"]
        if flags[:1] == ["Y"] and (models is None or cells[0] in models):
            conditions = {n for n, flag in enumerate(flags) if n and flag == "Y"}
            trials.append(Trial(cells[0], cells[1], SIDES[side], not kind.endswith("nontarget"), conditions))
    return trials


class RecordingFinder:
    """Finds the recordings in the lists of a release, including those of earlier years in their releases.

    Args:
        release: Release of the lists.
        corpus: its name, such as sre12.
        earlier: {corpus: Release} of other corpora.
    """

    def __init__(self, release, corpus, earlier):
        self._release, self._corpus, self._earlier = release, corpus, earlier

    def find(self, name):
        """Returns (corpus, path or None) of a file with its folders; sp10-01/... is of SRE 2010."""
        year = re.search(r"\bsp(\d\d)-\d\d\b", name.lower())
        corpus = f"sre{year[1]}" if year else self._corpus
        release = self._release if corpus == self._corpus else self._earlier.get(corpus)
        return corpus, release.recording(name) if release else None

    def require(self, names):
        """Raises InputError if a file is of a release whose location is unknown."""
        for name in names:
            home, path = self.find(name)
            if path is None and home != self._corpus and not self._earlier.get(home):
                raise InputError(
                    f"{self._release.roots}: models of {self._release.what} use recordings of {home}, such as "
                    f"{name}; add the location of {home}"
                )


def name_speakers(lists, finder, corpus, speaker_of):
    """Assigns speaker ids to models, {model: speaker}: the id in other corpora if known, else that of the lists.

    Args:
        lists: Lists.
        finder: a RecordingFinder.
        corpus: of the lists.
        speaker_of: {(corpus, name, channel): speaker} of the other corpora.
    """
    known = {}
    for part in lists.parts:
        found = speaker_of.get((finder.find(part.name)[0], stem_of(part.name), part.channel))
        if found:
            known[part.speaker] = found
    own = "sre12_" if corpus == "sre12" else ""  # only there they are not LDC's speaker ids
    return {part.model: known.get(part.speaker, own + part.speaker) for part in lists.parts}


def training_utterances(lists, finder, corpus, speakers):
    """Returns the Utterances of the corpus's own recordings, of models and of target trials.

    Args:
        speakers: result of name_speakers.
    """
    sexes = {part.model: part.sex for part in lists.parts}
    said = [(p.model, p.name, p.channel) for p in lists.parts]
    said += [(t.model, t.name, t.channel) for t in lists.trials if t.target]
    utterances = []
    for model, name, channel in dict.fromkeys(said):
        home, path = finder.find(name)
        if home == corpus and path:
            session = f"{corpus}_{stem_of(name)}"
            utterances.append(side_utterance(speakers[model], session, path, channel, sexes[model]))
    return utterances


def evaluation(lists, finder, release, corpus, max_missing):
    """Builds the Evaluation of the selected condition; model ids are CORPUS_NUMBER."""
    trials = [t for t in lists.trials if not lists.condition or lists.condition in t.conditions]
    if not trials:
        raise InputError(f"{lists.trial_table}: no trial of common condition {lists.condition}")
    models = {t.model for t in trials}
    parts = [p for p in lists.parts if p.model in models]
    finder.require(p.name for p in parts)
    paths = {name: finder.find(name)[1] for name in dict.fromkeys([t.name for t in trials] + [p.name for p in parts])}
    release.check_missing(paths, lists.trial_table, max_missing)
    enrolled = [_utterance(f"{corpus}_{p.model}", p, paths, p.sex) for p in parts if paths[p.name]]
    tests = {(t.name, t.channel): t for t in trials if paths[t.name]}
    tested = [_utterance("", t, paths) for t in tests.values()]
    return Evaluation(enrolled + tested, {"": [(f"{corpus}_{t.model}", _name(t), t.target) for t in trials]})


def _name(item):
    """Returns the id of a side of a call in trial lists: NAME_a."""
    return f"{stem_of(item.name)}_{side_letter(item.channel)}"


def _utterance(model, item, paths, sex=""):
    """Builds the Utterance of a model's recording or, without a model, of a test segment."""
    name = f"{model}-{_name(item)}" if model else _name(item)
    return Utterance(name, model or name, stem_of(item.name), paths[item.name], item.channel, sex)

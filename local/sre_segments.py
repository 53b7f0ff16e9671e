"""NIST SRE 2016, 2018 and 2021: tab-separated tables in docs/, recordings in data/{enrollment,test,unlabeled}.

For PART dev or eval:

    2016  LDC2019S20, or LDC2016E46 (dev) and LDC2018E30, R149_0_1 (eval)   sre16_PART_*.tsv, metadata/calls.tsv
    2018  LDC2020S04, or LDC2018E46 (dev) and LDC2018E51 (eval)             sre18_PART_*.tsv
    2021  LDC2021E09 (dev) and LDC2021E10 (eval)                            sre21_PART_*.tsv, sre21_audio_PART_*.tsv

`enrollment`: modelid, segment or segmentid. `trial_key`: modelid, segment or segmentid, targettype. `segment_key`:
segment or segmentid, with call_id (2016; calls.tsv has call_id and language_id), or partition and language.
`sre18_PART_enrollment_diarization.tsv`: segmentid, type of speaker, start, end in seconds: the segments of the enrolled
speaker in videos with several speakers.

2018 combines two evaluations, cmn2 (telephone, Tunisian Arabic) and vast (video), distinguished by `data_source`.
"""

from sre_release import stem_of
from sre_sets import Evaluation, Utterance
from sre_tables import read_named, read_rows

from nnet.errors import InputError

SEGMENT = ("segmentid", "segment")
KEY = {
    "model": ("modelid", "model"),
    "segment": SEGMENT,
    "target": ("targettype",),
    "data": ("data_source",),
    "source": ("source_type",),
}
SOURCES = {"sre18": "cmn2", "sre18_vast": "vast"}  # values of data_source
TAKEN = {"sre18": ".sph", "sre18_vast": ".flac"}  # extension of enrollment segments


class Tables:
    """Tables of one part of a release.

    Args:
        release: a Release.
        test: sre16, sre18, sre18_vast or sre21.
        part: dev or eval.
    """

    def __init__(self, release, test, part):
        self.release, self.test = release, test
        self._stem = f"{test[:5]}_{part}"
        task = f"{test[:5]}_audio_{part}" if test == "sre21" else self._stem
        self.key = release.table(rf"{task}_trial_key\.tsv", f"docs/{task}_trial_key.tsv")
        self.enrollment = release.table(rf"{task}_enrollments?\.tsv", f"docs/{task}_enrollment.tsv", self.key)
        self.segments = release.table(rf"{self._stem}_segment_key\.tsv", f"docs/{self._stem}_segment_key.tsv", self.key)

    def languages(self):
        """Reads {segment: language}, "" if unknown."""
        columns = {"segment": SEGMENT, "call": ("call_id",), "language": ("language", "language_id")}
        rows = read_named(self.segments, columns, optional=("call", "language"))
        if self.test != "sre16":
            return {row["segment"]: row["language"].lower() for row in rows}
        calls = self.release.table(r"calls\.tsv", "metadata/calls.tsv", self.key)
        of_call = {row["call"]: row["language"].lower()
                   for row in read_named(calls, {"call": ("call_id",), "language": ("language_id",)})}  # fmt: skip
        return {row["segment"]: of_call.get(row["call"], "") for row in rows}

    def enrolled(self):
        """Reads the enrollment of this evaluation, [(model, segment)]."""
        rows = read_named(self.enrollment, {"model": KEY["model"], "segment": SEGMENT})
        wanted = TAKEN.get(self.test, "")
        return [(r["model"], r["segment"]) for r in rows if r["segment"].lower().endswith(wanted)]

    def trials(self):
        """Reads the rows of the trial key of this evaluation."""
        rows = read_named(self.key, KEY, optional=("data", "source"))
        for number, row in enumerate(rows, 2):
            if row["target"] not in ("target", "nontarget"):
                raise InputError(f"{self.key}:{number}: expected target or nontarget, found {row['target']!r}")
        return [row for row in rows if row["data"] in ("", SOURCES.get(self.test, row["data"]))]

    def marked(self):
        """Reads the diarization of enrollment segments: {segment: [(start, end)]} of the enrolled speaker."""
        spans = {}
        for table in self.release.tables(rf"{self._stem}_enrollment_diarization\.tsv"):
            for number, cells in read_rows(table, "\t"):
                try:
                    spans.setdefault(cells[0], []).append((float(cells[2]), float(cells[3])))
                except (ValueError, IndexError) as error:
                    if number > 1:
                        raise InputError(
                            f"{table}:{number}: expected segment, speaker, start and end: {' '.join(cells)!r}"
                        ) from error
        return spans


def read_evaluation(release, test, part, max_missing):
    """Reads the Evaluation of one part; conditions are languages (2016, 2021) or types of telephony (2018)."""
    release.refuse_empty()
    tables = Tables(release, test, part)
    enrolled, rows, languages, marked = tables.enrolled(), tables.trials(), tables.languages(), tables.marked()
    if not rows:
        raise InputError(f"{tables.key}: no trials of {test}")
    _check_models(tables, {model for model, _ in enrolled}, rows)
    names = dict.fromkeys([segment for _, segment in enrolled] + [row["segment"] for row in rows])
    paths = {name: release.recording(name) for name in names}
    release.check_missing(paths, tables.key, max_missing)
    utterances = [u for model, segment in enrolled if paths[segment]
                  for u in _of_model(model, segment, paths[segment], languages, marked.get(segment))]  # fmt: skip
    tested = dict.fromkeys(row["segment"] for row in rows)
    utterances += [Utterance(s, s, stem_of(s), paths[s], language=languages.get(s, "")) for s in tested if paths[s]]
    return Evaluation(utterances, _conditions(test, rows, languages))


def _check_models(tables, models, rows):
    strange = sorted({row["model"] for row in rows} - models)
    if strange:
        raise InputError(
            f"{tables.key}: model {strange[0]}, one of {len(strange)}, is not in {tables.enrollment}; are they of the "
            "same release?"
        )


def _of_model(model, segment, path, languages, spans):
    """Builds the Utterances of an enrollment segment: one, or one per diarized span."""
    whole = Utterance(f"{model}-{segment}", model, stem_of(segment), path, language=languages.get(segment, ""))
    if not spans:
        return [whole]
    return [whole._replace(name=f"{whole.name}-{n:02d}", span=span) for n, span in enumerate(spans, 1)]


def _conditions(test, rows, languages):
    """Groups trials by condition: {condition: trials}, "" for all."""
    trials = {"": []}
    for row in rows:
        trial = (row["model"], row["segment"], row["target"] == "target")
        trials[""].append(trial)
        condition = row["source"].lower() if test == "sre18" else languages.get(row["segment"], "")
        if condition:
            trials.setdefault(condition, []).append(trial)
    return trials if len(trials) > 2 else {"": trials[""]}


def read_unlabeled(release, test):
    """Returns unlabeled Utterances for adaptation: those of 2016's major languages, of 2018, or none."""
    if test == "sre16":
        names = release.names("unlabeled/major")
    elif test == "sre18":
        names = release.names("unlabeled")
    else:
        names = []
    paths = {name: release.recording(name) for name in names}
    return [Utterance(name, name, name, path) for name, path in paths.items()]

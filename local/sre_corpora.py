"""The corpora of egs/sre: names, LDC catalog numbers, and locations."""

import os
import re
from collections import namedtuple
from pathlib import Path

from nnet.errors import InputError
from nnet.kaldi.tables import read_lines

# `numbers` are LDC's; `part` is the use of a corpus: "swbd" and "fisher" to train the network, "sre" to train the back
# end as well, "test" for evaluation only.
Corpus = namedtuple("Corpus", "what numbers part")
CORPORA = {
    "swb2p1": Corpus("Switchboard 2 phase 1", ("LDC98S75",), "swbd"),
    "swb2p2": Corpus("Switchboard 2 phase 2", ("LDC99S79",), "swbd"),
    "swb2p3": Corpus("Switchboard 2 phase 3", ("LDC2002S06",), "swbd"),
    "swbc1": Corpus("Switchboard Cellular part 1", ("LDC2001S13",), "swbd"),
    "swbc2": Corpus("Switchboard Cellular part 2", ("LDC2004S07",), "swbd"),
    "fisher1": Corpus("Fisher English part 1", ("LDC2004S13", "LDC2004T19"), "fisher"),
    "fisher2": Corpus("Fisher English part 2", ("LDC2005S13", "LDC2005T19"), "fisher"),
    "sre04": Corpus("NIST SRE 2004", ("LDC2006S44",), "sre"),
    "sre05": Corpus("NIST SRE 2005", ("LDC2011S01", "LDC2011S04"), "sre"),
    "sre06": Corpus("NIST SRE 2006", ("LDC2011S09", "LDC2011S10", "LDC2012S01"), "sre"),
    "sre08": Corpus("NIST SRE 2008", ("LDC2011S05", "LDC2011S07", "LDC2011S08"), "sre"),
    "sre10": Corpus("NIST SRE 2010", ("LDC2017S06",), "sre"),
    "sre12": Corpus("NIST SRE 2012", ("LDC2016E45",), "sre"),
    "mixer6": Corpus("Mixer 6", ("LDC2013S03",), "sre"),
    "sre16": Corpus("NIST SRE 2016", ("LDC2019S20", "LDC2016E46", "LDC2018E30"), "test"),
    "sre18": Corpus("NIST SRE 2018", ("LDC2020S04", "LDC2018E46", "LDC2018E51"), "test"),
    "sre21": Corpus("NIST SRE 2021", ("LDC2021E09", "LDC2021E10"), "test"),
}
# Documented sizes as (speakers, utterances, hours): Switchboard according to LDC's catalog (14,167 calls of about 5
# minutes), and Fisher (11,699 calls, 1,960 hours; as many speakers as calls are assumed); the evaluations from 2004 to
# 2010 with Mixer 6 according to Snyder et al. 2018, "X-vectors: Robust DNN embeddings for speaker recognition", section
# 4.1, and the evaluation of 2016 with its development part.
DOCUMENTED = {
    "swbd": (2649, 28334, 2361),
    "fisher": (11699, 23398, 3920),
    "sre": (4400, 63000, 5250),
    "test": (14500, 14500, 190),
}
EARLY = ("sre04", "sre05", "sre06")
KEYED = ("sre08", "sre10", "sre12")
EVALUATIONS = (*KEYED, "sre16", "sre18", "sre18_vast", "sre21")
SPEAKER_LIST = "speaker_list"  # name in the file of corpora, and file name


def what(corpus):
    """Describes a corpus, for messages."""
    return f"{CORPORA[corpus].what} ({', '.join(CORPORA[corpus].numbers)})"


def corpus_of(evaluation):
    """Returns the corpus of an evaluation."""
    return evaluation.partition("_")[0]


def find_corpora(place):
    """Finds the folders of the corpora and of `speaker_list`: {name: [folders]}.

    Args:
        place: a file with lines `NAME FOLDER`, where a name is one of CORPORA or an LDC number and may be repeated; or
            a folder whose subfolders are named by LDC numbers.
    """
    if os.path.isdir(place):
        return _by_number(Path(place))
    folders = {}
    for number, line in read_lines(place):
        name, _, folder = line.partition("#")[0].strip().replace("\t", " ").partition(" ")
        if name:
            corpus = _known(name, f"{place}:{number}")
            folders.setdefault(corpus, []).append(_existing(folder.strip(), place, number))
    if not folders:
        raise InputError(f"{place}: no lines `NAME FOLDER`, such as `sre16 /corpora/LDC2019S20`")
    return folders


def _known(name, where):
    for corpus, known in CORPORA.items():
        if name.lower() == corpus or name.upper() in known.numbers:
            return corpus
    if name == SPEAKER_LIST:
        return name
    raise InputError(f"{where}: unknown corpus {name!r}; known: {' '.join(CORPORA)} {SPEAKER_LIST}, or LDC numbers")


def _existing(folder, place, number):
    path = os.path.join(os.path.dirname(os.path.abspath(place)), os.path.expanduser(folder))
    if not folder or not os.path.exists(path):
        raise InputError(f"{place}:{number}: {path if folder else 'the folder'} is missing")
    return path


def _by_number(place):
    folders = {}
    for path in sorted(place.iterdir()):
        number = re.match(r"LDC\d+[SET]\d+", path.name, re.I)
        corpus = number and next((c for c, known in CORPORA.items() if number[0].upper() in known.numbers), None)
        if corpus:
            folders.setdefault(corpus, []).append(str(path))
        elif path.name == SPEAKER_LIST:
            folders[SPEAKER_LIST] = [str(path)]
    if not folders:
        raise InputError(
            f"{place}: no subfolder is named by a known LDC number, such as LDC2019S20; use a file with lines "
            "`NAME FOLDER` instead"
        )
    return folders


def documented(corpora):
    """Returns the documented sizes of the training set and of the test set, `SPEAKERS:UTTERANCES:HOURS` each.

    Args:
        corpora: names; any Switchboard corpus counts as all of them, and so do Fisher's parts and the evaluations.
            None: Switchboard and the evaluations.
    """
    parts = {CORPORA[name].part for name in corpora if name in CORPORA} or {"swbd", "sre"}
    sizes = [DOCUMENTED[part] for part in sorted(parts - {"test"})]
    train = [sum(numbers) for numbers in zip(*sizes, strict=True)]
    return [":".join(map(str, numbers)) for numbers in (train, DOCUMENTED["test"])]

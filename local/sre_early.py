"""NIST SRE 2004, 2005 and 2006, for training: LDC2006S44; LDC2011S01, LDC2011S04; LDC2011S09, LDC2011S10, LDC2012S01.

Their own tables list models, several per speaker. The speaker of each side comes from the list of Kaldi's recipes,
http://www.openslr.org/resources/15/speaker_list.tgz, with lines of `SPEAKER m|f sre2004 NAME A|B`.
"""

from sre_sets import channel_of, side_utterance
from sre_tables import read_rows

from nnet.errors import InputError

LIST = "http://www.openslr.org/resources/15/speaker_list.tgz"


def read_early(release, corpus, speaker_list):
    """Reads the Utterances of sre04, sre05 or sre06.

    Args:
        release: the Release, possibly incomplete: missing recordings of the list are ignored.
        corpus: its name.
        speaker_list: path of the list.
    """
    release.refuse_empty()
    utterances, listed = [], 0
    for number, cells in read_rows(speaker_list):
        if len(cells) != 5:
            raise InputError(f"{speaker_list}:{number}: expected `SPEAKER SEX sre20YY NAME SIDE`, as in {LIST}")
        speaker, sex, year, name, side = cells
        if year.lower() != f"sre20{corpus[3:]}":
            continue
        listed += 1
        path = release.recording(name)
        if path:
            channel = channel_of(side, f"{speaker_list}:{number}")
            utterances.append(side_utterance(speaker, f"{corpus}_{name.lower()}", path, channel, sex))
    if not utterances:
        raise InputError(
            f"{release.roots}: found none of the {listed} recordings of {corpus} in {speaker_list}; "
            f"expected {release.what}"
        )
    return utterances

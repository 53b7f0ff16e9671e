"""NIST SRE 2004, 2005 and 2006, for training: LDC2006S44; LDC2011S01, LDC2011S04; LDC2011S09, LDC2011S10, LDC2012S01.

Their own tables name models, of which one person has several. Who speaks on which side of which file is said by a list
that Kaldi's recipes use, http://www.openslr.org/resources/15/speaker_list.tgz: lines of
`SPEAKER m|f sre2004 NAME A|B`.
"""

from sre_sets import channel_of, side_utterance
from sre_tables import read_rows

from nnet.errors import InputError

LIST = "http://www.openslr.org/resources/15/speaker_list.tgz"


def read_early(release, corpus, speaker_list):
    """The Utterances of one of sre04, sre05, sre06.

    Args:
        release: the folders, of all parts or some: what the list names and is not there is no error.
        corpus: which one.
        speaker_list: path of the list.
    """
    release.refuse_empty()
    utterances, listed = [], 0
    for number, cells in read_rows(speaker_list):
        if len(cells) != 5:
            raise InputError(
                f"{speaker_list}:{number}: `SPEAKER SEX sre20YY NAME SIDE` was expected; the list is that of {LIST}"
            )
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
            f"{release.roots}: none of the {listed} recordings that {speaker_list} has of {corpus} is there; "
            f"{release.what} was expected"
        )
    return utterances

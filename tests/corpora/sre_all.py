"""All of egs/sre's corpora, small: what its recipe is run on."""

from .sre import make_early, make_mixer6, make_sre08, make_sre10, make_sre12, make_switchboard
from .sre_segments import make_sre16

PHASES = ("swb2p1", "swb2p2", "swb2p3", "swbc1", "swbc2")
EARLY = ("sre04", "sre05", "sre06")


def make_training(root, seconds):
    """Makes every corpus to train on below `root`; gives {utterance: speaker} and the lines that name the corpora."""
    used, lines, spoken = {}, [], []
    for n, corpus in enumerate(PHASES):
        used |= make_switchboard(root / corpus, corpus, [1100 + 10 * n + i for i in range(3)], 6, seconds)
    for n, corpus in enumerate(EARLY):
        people = [2100 + 10 * n + i for i in range(3)]
        found, listed = make_early(root / corpus, corpus, people, 3, seconds)
        used, spoken = used | found, spoken + listed
    (root / "speaker_list").write_text("\n".join(spoken) + "\n")
    used |= make_sre08(root / "LDC2011S05", root / "LDC2011S08", [2001, 2002, 2003], 2, seconds)
    used |= make_sre10(root / "sre10", [2003, 2004], 3, seconds)
    places = {person: f"sp10-01/data/phonecall/tel/t10m{n}.sph:A" for n, person in enumerate((2003, 2004))}
    used |= make_sre12(root / "sre12", places, 2, seconds)
    used |= make_mixer6(root / "mixer6", [2001, 2004, 2005], 4, 1, seconds)
    lines = [f"{name} {name}" for name in (*PHASES, *EARLY, "sre10", "sre12", "mixer6", "speaker_list")]
    return used, [*lines, "sre08 LDC2011S05", "LDC2011S08 LDC2011S08"]


def make_corpora(root, seconds=1.5, tested=8):
    """Makes everything below `root` with a file corpora.txt.

    Returns:
        ({utterance: speaker} of the training, what make_sre16 gives of the evaluation).
    """
    used, lines = make_training(root, seconds)
    made = make_sre16(root / "LDC2019S20", "eval", [300 + n for n in range(tested)], 2, seconds)
    make_sre16(root / "LDC2019S20", "dev", [350 + n for n in range(tested)], 2, seconds, unlabeled=8)
    (root / "corpora.txt").write_text("\n".join([*lines, "sre16 LDC2019S20"]) + "\n")
    return used, made

"""Fisher English parts 1 and 2: two-channel calls in SPHERE, fe_03_CALL.sph.

The speakers are in fe_03_p1_calldata.tbl or fe_03_p2_calldata.tbl, which come with the transcripts (LDC2004T19,
LDC2005T19): CALL_ID, ..., APIN, ASX.DL, ..., BPIN, BSX.DL, ... Sex and dialect are such as `f.a`. Some PINs were used
by a woman and a man, so a speaker is a PIN with a sex, in both parts.
"""

from sre_sets import side_utterance
from sre_tables import read_named


def read_fisher(release, corpus, max_missing):
    """Reads the Utterances of fisher1 or fisher2."""
    release.refuse_empty()
    name = f"fe_03_p{corpus[-1]}_calldata.tbl"
    table = release.table(name.replace(".", r"\."), f"{name}, which is in the release of its transcripts,")
    columns = {"call": ("call_id",)}
    for side in "ab":
        columns |= {f"pin_{side}": (f"{side}pin",), f"sex_{side}": (f"{side}sx.dl",)}
    rows = read_named(table, columns)
    paths = {row["call"]: release.recording(f"fe_03_{row['call']}") for row in rows}
    release.check_missing(paths, table, max_missing)
    utterances = []
    for row in rows:
        for channel, side in enumerate("ab"):
            pin, sex, path = row[f"pin_{side}"], row[f"sex_{side}"][:1].lower(), paths[row["call"]]
            if path and pin.isdigit() and sex in ("f", "m"):
                utterances.append(side_utterance(f"fsh{pin}{sex}", f"{corpus}_{row['call']}", path, channel, sex))
            elif path:
                release.skip(f"{path}:{side}", f"no PIN and sex in {table.name}")
    return utterances

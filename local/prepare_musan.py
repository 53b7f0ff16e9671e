"""Makes the data directories musan_noise, musan_music and musan_speech of MUSAN, for augmentation.

Layout (OpenSLR 17; Snyder, Chen, Povey, "MUSAN: a music, speech, and noise corpus", 2015):
KIND/SOURCE/KIND-SOURCE-0000.wav, with LICENSE, README and ANNOTATIONS. DATA/skipped_musan lists unused files with the
reason.
"""

import re
from pathlib import Path

from corpus import write_tables
from inventory import Inventory

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.files import make_directory

KINDS = ("noise", "music", "speech")
NAME = re.compile(r"(?:^|.*/)(?P<kind>noise|music|speech)/[^/]+/(?P<name>(?P=kind)-[^/]+)\.wav", re.I)


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("musan", metavar="MUSAN", help="folder with noise/, music/ and speech/")
    options.add_argument("data", metavar="DATA", help="folder for the data directories")
    args = options.parse_args(argv)
    inventory = Inventory(args.musan, "MUSAN (noise/free-sound/noise-free-sound-0000.wav, music/..., speech/...)")
    found = find_sounds(inventory)
    inventory.refuse_empty(any(found.values()))
    empty = [kind for kind in KINDS if not found[kind]]
    if empty:
        raise InputError(
            f"{args.musan}: no {empty[0]}/*/{empty[0]}-*.wav found, only other parts of MUSAN; unpack all of it"
        )
    make_directory(args.data)
    inventory.report(Path(args.data) / "skipped_musan")
    for kind, sounds in found.items():
        write_tables(Path(args.data) / f"musan_{kind}", sounds, {name: name for name in sounds})


def find_sounds(inventory):
    """Finds the sounds: {kind: {name: path}}."""
    found = {kind: {} for kind in KINDS}
    for path in inventory.files():
        match = NAME.fullmatch(path)
        if not match:
            inventory.skip_other(path, [".wav"])
        elif not (inventory.root / path).stat().st_size:
            inventory.skip(path, "empty file")
        elif match["name"] in found[match["kind"].lower()]:
            inventory.skip(path, "second copy")
        else:
            found[match["kind"].lower()][match["name"]] = str(inventory.root / path)
    return found


if __name__ == "__main__":
    run(main)

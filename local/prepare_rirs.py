"""Makes a data directory of simulated room impulse responses from RIRS_NOISES, for augmentation.

Layout (OpenSLR 28; Ko et al., "A study on data augmentation of reverberant speech", 2017):
simulated_rirs/{small,medium,large}room with a rir_list of lines
`--rir-id ID --room-id ROOM RIRS_NOISES/simulated_rirs/smallroom/Room001/Room001-00001.wav`.
"""

import logging
from pathlib import Path

from corpus import write_tables

from nnet.bin.cli import parser, run
from nnet.datadir.directory import examples
from nnet.errors import InputError
from nnet.kaldi.tables import read_lines

log = logging.getLogger(__name__)

ROOMS = ("small", "medium", "large")


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--rooms", default="small medium", help="room sizes to use")
    options.add_argument("rirs", metavar="RIRS_NOISES", help="folder with simulated_rirs/, or its parent")
    options.add_argument("data", metavar="OUT_DATA")
    args = options.parse_args(argv)
    root = find_root(Path(args.rirs).absolute())
    responses = {}
    for size in args.rooms.split():
        if size not in ROOMS:
            raise InputError(f"--rooms: {size} is not one of {', '.join(ROOMS)}")
        responses |= read_list(root / f"{size}room" / "rir_list", root)
    write_tables(args.data, responses, {name: name for name in responses})
    log.info("%s: %d impulse responses", args.data, len(responses))


def find_root(folder):
    """Finds the folder simulated_rirs: the given folder, or inside it."""
    for path in (folder / "simulated_rirs", folder / "RIRS_NOISES" / "simulated_rirs", folder):
        if any((path / f"{size}room").is_dir() for size in ROOMS):
            return path
    raise InputError(f"{folder}: no RIRS_NOISES (simulated_rirs/smallroom/rir_list) in it")


def read_list(path, root):
    """Reads a rir_list, whose paths start above the folder simulated_rirs, as {name: path}.

    Raises:
        InputError: a bad line, a duplicate id, or a missing file.
    """
    if not path.is_file():
        raise InputError(f"{path}: missing; unpack RIRS_NOISES again, or choose other --rooms")
    responses = {}
    for number, line in read_lines(path):
        words = line.split()
        options = dict(zip(words[:-1:2], words[1:-1:2], strict=False))
        if len(words) % 2 == 0 or "--rir-id" not in options:
            raise InputError(f"{path}:{number}: expected --rir-id ID --room-id ROOM PATH, not {line!r}")
        name = f"{path.parent.name}-{options['--rir-id']}"
        if name in responses:
            raise InputError(f"{path}:{number}: duplicate --rir-id {options['--rir-id']}")
        responses[name] = str(root / words[-1].rpartition("simulated_rirs/")[2])
    missing = [file for file in responses.values() if not Path(file).is_file()]
    if missing or not responses:
        raise InputError(
            f"{path}: {len(missing)} of its {len(responses)} files are missing ({examples(missing) or 'it is empty'}); "
            "unpack RIRS_NOISES again"
        )
    return responses


if __name__ == "__main__":
    run(main)

"""Downloads the trial lists of VoxCeleb1 and vox1_meta.csv to DIR, except for those next to the corpus."""

import logging
from pathlib import Path

from download_librispeech_mini import download
from voxceleb_trials import LISTS, find_list

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.files import make_directory

log = logging.getLogger(__name__)

URL = "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta"
META = "vox1_meta.csv"


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--url", default=URL, help="URL of the lists, or of a mirror")
    options.add_argument("--lists", default=" ".join(LISTS), help="lists to download")
    options.add_argument("vox1", metavar="VOX1", help="the folder of VoxCeleb1")
    options.add_argument("dir", metavar="DIR")
    args = options.parse_args(argv)
    if not (args.vox1 and Path(args.vox1).is_dir()):
        raise InputError(f"'{args.vox1}' is not the folder of VoxCeleb1; set it with --vox1 DIR")
    make_directory(args.dir)
    folders = [Path(args.dir), Path(args.vox1)]
    missing = [LISTS[name].file for name in args.lists.split() if name in LISTS and not is_there(name, folders)]
    missing += [] if any((f / META).is_file() for f in folders) else [META]
    for file in missing:
        log.info("fetching %s/%s", args.url, file)
        download(f"{args.url}/{file}", Path(args.dir) / file)


def is_there(name, folders):
    try:
        return find_list(name, folders)
    except InputError:
        return None


if __name__ == "__main__":
    run(main)

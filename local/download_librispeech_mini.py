"""Downloads the public mini LibriSpeech (OpenSLR 31, CC BY 4.0, 460 MB) into DIR/LibriSpeech.

Existing files are kept, and an interrupted download is resumed.
"""

import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.progress import progress

URL = "https://www.openslr.org/resources/31"
MD5 = {
    "train-clean-5": "5df7d4e78065366204ca6845bb08f490",
    "dev-clean-2": "6d7ab67ac6a1d2c993d050e16d61080d",
}
BLOCK = 1 << 20
TIMEOUT = 60


def main(argv=None):
    options = parser(__doc__)
    options.add_argument("--url", default=URL, help="URL of the archives; a mirror may be faster")
    options.add_argument("dir", metavar="DIR")
    args = options.parse_args(argv)
    folder = Path(args.dir)
    folder.mkdir(parents=True, exist_ok=True)
    for subset, md5 in MD5.items():
        if not (folder / "LibriSpeech" / subset).is_dir():
            archive = folder / f"{subset}.tar.gz"
            download(f"{args.url}/{archive.name}", archive, md5)
            unpack(archive, folder, Path("LibriSpeech") / subset)


def download(url, path, md5=None):
    """Downloads a file to `path`, which appears only when it is complete and its MD5, if given, is correct."""
    if path.exists():
        return
    partial = path.with_name(path.name + ".part")
    try:
        _fetch(url, partial)
    except (urllib.error.URLError, OSError) as error:
        raise InputError(
            f"{url}: {error}; the partial download is kept in {partial}, run the same command again to resume"
        ) from error
    found = md5 and _md5(partial)
    if found != md5:
        partial.unlink()
        raise InputError(f"{url}: its MD5 is {found}, expected {md5}; the file was removed, try again or another --url")
    os.replace(partial, path)


def _fetch(url, partial):
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the download is already complete
            return
        raise
    with answer, open(partial, "ab" if answer.status == 206 else "wb") as file:
        expected = int(answer.headers.get("Content-Length", 0))
        blocks = iter(lambda: answer.read(BLOCK), b"")
        arrived = 0
        for block in progress(blocks, expected // BLOCK + 1, f"{partial.name}", "MB"):
            file.write(block)
            arrived += len(block)
    if arrived < expected:
        raise OSError(f"the connection broke after {arrived} of {expected} bytes")


def _md5(path):
    digest = hashlib.md5()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def unpack(archive, folder, wanted):
    """Unpacks the subfolder `wanted` of an archive atomically, and deletes the archive."""
    temporary = folder / f"{archive.name}.unpacked"
    shutil.rmtree(temporary, ignore_errors=True)
    with tarfile.open(archive) as tar:
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        tar.extractall(temporary)
    (folder / wanted).parent.mkdir(exist_ok=True)
    os.replace(temporary / wanted, folder / wanted)
    shutil.rmtree(temporary)
    archive.unlink()


if __name__ == "__main__":
    run(main)

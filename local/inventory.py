"""Inventory of a corpus on disk: its files, and the reasons for skipping some."""

import logging
import os
from collections import Counter
from pathlib import Path

from nnet.errors import InputError
from nnet.files import atomic_write

log = logging.getLogger(__name__)

EXAMPLES = 2  # files named in the log per reason
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".rar", ".7z")


class Inventory:
    """Files under a folder, and those that are skipped.

    Args:
        root: the folder; symbolic links are followed.
        what: the expected content, for messages: "VoxCeleb2, as dev/aac/id00012/VIDEO/00001.m4a".
    """

    def __init__(self, root, what):
        self.root, self.what = Path(os.path.abspath(root)), what
        self.skipped = {}
        if not self.root.is_dir():
            raise InputError(f"{root}: no such folder; expected {what}")

    def files(self):
        """Yields sorted paths relative to the root, with "/" as separator; skips hidden files."""
        for folder, inner, names in os.walk(self.root, followlinks=True):
            inner.sort()
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if name.startswith("."):
                    self.skip(path, "hidden file")
                else:
                    yield path

    def skip(self, path, reason):
        """Records that a file is not used, and why."""
        self.skipped[path] = reason

    def skip_other(self, path, endings):
        """Records a file that is not part of the corpus: an archive, unexpected audio (`endings`), or another file."""
        ending = os.path.splitext(path)[1].lower()
        if ending in ARCHIVES or "_part" in os.path.basename(path):
            self.skip(path, "archive that was not unpacked")
        elif ending in endings:
            self.skip(path, "audio whose name does not follow the corpus")
        else:
            self.skip(path, "not audio")

    def refuse_empty(self, found):
        """Raises InputError unless something was found; the message describes the content of the folder."""
        if found:
            return
        archives = [p for p, reason in self.skipped.items() if reason.startswith("archive")]
        if archives:
            hint = f"found archives that are not unpacked, such as {archives[0]}"
        else:
            hint = f"found: {', '.join(sorted(os.listdir(self.root))[:5]) or 'nothing'}"
        raise InputError(f"{self.root}: no recordings of {self.what}; {hint}")

    def report(self, table):
        """Writes a line `path<TAB>reason` for each skipped file to `table`, and logs a line for each reason."""
        with atomic_write(table) as file:
            file.writelines(f"{path}\t{reason}\n" for path, reason in sorted(self.skipped.items()))
        for reason, count in Counter(self.skipped.values()).most_common():
            named = [p for p, r in self.skipped.items() if r == reason][:EXAMPLES]
            log.info(
                "%s: %d skipped: %s: %s%s", self.root, count, reason, ", ".join(named), " ..." * (count > EXAMPLES)
            )
        if self.skipped:
            log.info("%s: %d files skipped, all in %s", self.root, len(self.skipped), table)

"""A walk through a corpus on disk: what is used of it, and why the rest is not."""

import logging
import os
from collections import Counter
from pathlib import Path

from nnet.errors import InputError
from nnet.files import atomic_write

log = logging.getLogger(__name__)

EXAMPLES = 2  # files that are named in the log for each reason
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".rar", ".7z")


class Inventory:
    """The files under a folder, and those of them that are passed over.

    Args:
        root: the folder; links in it are followed.
        what: what should be there, for messages: "VoxCeleb2, as dev/aac/id00012/VIDEO/00001.m4a".
    """

    def __init__(self, root, what):
        self.root, self.what = Path(os.path.abspath(root)), what
        self.skipped = {}
        if not self.root.is_dir():
            raise InputError(f"{root}: no such folder; {what} was expected there")

    def files(self):
        """Paths relative to the root, with "/" between their parts, in order; what nobody reads is skipped here."""
        for folder, inner, names in os.walk(self.root, followlinks=True):
            inner.sort()
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if name.startswith("."):
                    self.skip(path, "hidden file")
                else:
                    yield path

    def skip(self, path, reason):
        """Notes that a file is not used."""
        self.skipped[path] = reason

    def skip_other(self, path, endings):
        """Notes a file that is none of the corpus: an archive, or something that is not audio with these endings."""
        ending = os.path.splitext(path)[1].lower()
        if ending in ARCHIVES or "_part" in os.path.basename(path):
            self.skip(path, "archive that was not unpacked")
        elif ending in endings:
            self.skip(path, "audio whose name does not follow the corpus")
        else:
            self.skip(path, "not audio")

    def refuse_empty(self, found):
        """Raises InputError where nothing was found, with what was there instead."""
        if found:
            return
        archives = [p for p, reason in self.skipped.items() if reason.startswith("archive")]
        if archives:
            hint = f"archives were found that are not unpacked, such as {archives[0]}"
        else:
            hint = f"found there: {', '.join(sorted(os.listdir(self.root))[:5]) or 'nothing'}"
        raise InputError(f"{self.root}: no recording of {self.what} in it; {hint}")

    def report(self, table):
        """Writes `path<TAB>reason` a line for each skipped file to `table`, and a line for each reason to the log."""
        with atomic_write(table) as file:
            file.writelines(f"{path}\t{reason}\n" for path, reason in sorted(self.skipped.items()))
        for reason, count in Counter(self.skipped.values()).most_common():
            named = [p for p, r in self.skipped.items() if r == reason][:EXAMPLES]
            log.info(
                "%s: %d skipped: %s: %s%s", self.root, count, reason, ", ".join(named), " ..." * (count > EXAMPLES)
            )
        if self.skipped:
            log.info("%s: %d files skipped, all in %s", self.root, len(self.skipped), table)

"""What LDC shipped, as it lies on somebody's disks: recordings and tables found by name, in whatever folders.

The discs of one corpus are unpacked side by side, one in the other or renamed, in upper case or lower; file names are
what stays.
"""

import os
import re
from pathlib import Path

from inventory import Inventory

from nnet.datadir.directory import some
from nnet.errors import InputError

AUDIO = (".sph", ".wav", ".flac")


class Release:
    """The folders of one corpus.

    Args:
        roots: its folders.
        what: what should be there, for messages: "Mixer 6 (LDC2013S03)".
    """

    def __init__(self, roots, what):
        self.what = what
        self._inventories = [Inventory(root, what) for root in roots]
        self.roots = ", ".join(str(inventory.root) for inventory in self._inventories)
        self._audio, self._tables, self._unused = {}, {}, {}  # by name: (inventory, path below its root)
        for inventory in self._inventories:
            for path in inventory.files():
                self._add(inventory, path)

    def _add(self, inventory, path):
        name = os.path.basename(path).lower()
        if not name.endswith(AUDIO):
            inventory.skip_other(path, AUDIO)
            self._tables.setdefault(name, []).append((inventory, path))
        elif stem_of(name) in self._audio:
            inventory.skip(path, "second copy")
        else:
            self._audio[stem_of(name)] = self._unused[stem_of(name)] = (inventory, path)

    def recording(self, name):
        """The path of a recording by its name, with or without folders and ending, or None."""
        stem = stem_of(name)
        self._unused.pop(stem, None)
        inventory, path = self._audio.get(stem, (None, None))
        return str(inventory.root / path) if inventory else None

    def names(self, folder):
        """The names, without ending, of the recordings that lie below a folder such as "unlabeled/major"."""
        return [stem for stem, (_, path) in self._audio.items() if f"/{folder}/" in f"/{path.lower()}"]

    def tables(self, pattern):
        """The paths of files whose names match a regular expression, those in the fewest folders first."""
        found = [place for name, places in self._tables.items() if re.fullmatch(pattern, name) for place in places]
        for inventory, path in found:
            inventory.skipped.pop(path, None)
        return sorted((inventory.root / path for inventory, path in found), key=lambda p: (len(p.parts), p))

    def table(self, pattern, name, near=None):
        """The path of the table whose name matches.

        Args:
            pattern: a regular expression for names in lower case.
            name: what the table is called, for the message.
            near: where several are there, the one that shares most folders with this path is taken.

        Raises:
            InputError: there is none.
        """
        found = self.tables(pattern)
        if not found:
            self.refuse_empty()
            raise InputError(
                f"{self.roots}: no {name} in it or below; {self.what} was expected there, its documentation included"
            )
        if near is None:
            return found[0]
        return max(found, key=lambda path: len(os.path.commonpath([path, near])))

    def refuse_empty(self):
        """Raises InputError where there is no recording at all."""
        for inventory in self._inventories:
            inventory.refuse_empty(self._audio)

    def skip(self, name, reason):
        """Notes what is not used: the path of a recording, or what a table names and is not there."""
        for inventory in self._inventories:
            if Path(name).is_relative_to(inventory.root):
                return inventory.skip(os.path.relpath(name, inventory.root), reason)
        return self._inventories[0].skip(str(name), reason)

    def check_missing(self, wanted, table, max_missing):
        """Refuses a release that lacks more than a share of the recordings that one of its tables names.

        Args:
            wanted: {name: path or None}.
            table: path of the table.
            max_missing: the share.
        """
        missing = [name for name, path in wanted.items() if path is None]
        for name in missing:
            self.skip(name, f"named in {Path(table).name}, but not there")
        if len(missing) > max_missing * len(wanted) or len(missing) == len(wanted):
            raise InputError(
                f"{self.roots}: of the {len(wanted)} recordings that {table} names, {len(missing)} are not there, such "
                f"as {some(missing)}; unpack all parts of {self.what} (is the table of this release?), or allow it: "
                "--max-missing"
            )

    def report(self, table):
        """Writes what was not used, and why, to `table` and in short to the log; see Inventory.report."""
        for inventory, path in self._unused.values():
            inventory.skip(path, "not named in the tables")
        for number, inventory in enumerate(self._inventories):
            inventory.report(f"{table}_{number + 1}" if number else table)


def stem_of(name):
    """The name of a recording, in lower case, without folders and ending."""
    name = os.path.basename(str(name)).lower()
    return name.rsplit(".", 1)[0] if name.endswith(AUDIO) else name

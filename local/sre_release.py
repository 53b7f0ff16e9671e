"""LDC releases on disk: recordings and tables, found by file name in any folder.

Discs of a corpus may be unpacked next to or inside each other, renamed, in upper or lower case; only file names are
reliable.
"""

import os
import re
from pathlib import Path

from inventory import Inventory

from nnet.datadir.directory import examples
from nnet.errors import InputError

AUDIO = (".sph", ".wav", ".flac")


class Release:
    """Recordings and tables of one corpus.

    Args:
        roots: its folders.
        what: the expected content, for messages: "Mixer 6 (LDC2013S03)".
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
        """Returns the path of a recording, given its name with or without folders and extension; None if missing."""
        stem = stem_of(name)
        self._unused.pop(stem, None)
        inventory, path = self._audio.get(stem, (None, None))
        return str(inventory.root / path) if inventory else None

    def names(self, folder):
        """Lists the names, without extension, of the recordings below a folder such as "unlabeled/major"."""
        return [stem for stem, (_, path) in self._audio.items() if f"/{folder}/" in f"/{path.lower()}"]

    def tables(self, pattern):
        """Returns the paths of files whose names match a regular expression, the shallowest first."""
        found = [place for name, places in self._tables.items() if re.fullmatch(pattern, name) for place in places]
        for inventory, path in found:
            inventory.skipped.pop(path, None)
        return sorted((inventory.root / path for inventory, path in found), key=lambda p: (len(p.parts), p))

    def table(self, pattern, name, near=None):
        """Returns the path of the table whose name matches.

        Args:
            pattern: regular expression for names in lower case.
            name: of the table, for the message.
            near: of several tables, the one that shares most folders with this path is used.

        Raises:
            InputError: no such table.
        """
        found = self.tables(pattern)
        if not found:
            self.refuse_empty()
            raise InputError(f"{self.roots}: no {name} found; expected {self.what} including its documentation")
        if near is None:
            return found[0]
        return max(found, key=lambda path: len(os.path.commonpath([path, near])))

    def refuse_empty(self):
        """Raises InputError if there are no recordings."""
        for inventory in self._inventories:
            inventory.refuse_empty(self._audio)

    def skip(self, name, reason):
        """Records that a recording, or a missing entry of a table, is not used, and why."""
        for inventory in self._inventories:
            if Path(name).is_relative_to(inventory.root):
                return inventory.skip(os.path.relpath(name, inventory.root), reason)
        return self._inventories[0].skip(str(name), reason)

    def check_missing(self, wanted, table, max_missing):
        """Raises InputError if more than a share of the recordings in a table are missing.

        Args:
            wanted: {name: path or None}.
            table: path of the table.
            max_missing: maximum share.
        """
        missing = [name for name, path in wanted.items() if path is None]
        for name in missing:
            self.skip(name, f"listed in {Path(table).name}, but missing")
        if len(missing) > max_missing * len(wanted) or len(missing) == len(wanted):
            raise InputError(
                f"{self.roots}: {len(missing)} of the {len(wanted)} recordings in {table} are missing, such as "
                f"{examples(missing)}; unpack all parts of {self.what} (is the table of this release?), or allow it: "
                "--max-missing"
            )

    def report(self, table):
        """Writes unused files and reasons to `table`, and a summary to the log; see Inventory.report."""
        for inventory, path in self._unused.values():
            inventory.skip(path, "not listed in the tables")
        for number, inventory in enumerate(self._inventories):
            inventory.report(f"{table}_{number + 1}" if number else table)


def stem_of(name):
    """Returns the name of a recording in lower case, without folders and extension."""
    name = os.path.basename(str(name)).lower()
    return name.rsplit(".", 1)[0] if name.endswith(AUDIO) else name

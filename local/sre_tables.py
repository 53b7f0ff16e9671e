"""Tables in the documentation of corpora, separated by commas, tabs or whitespace, with or without a header."""

from nnet.errors import InputError


def read_rows(path, separator=None):
    """Yields `(line number, cells)` of a table, skipping empty lines.

    Args:
        path: the file.
        separator: of the cells; None: whitespace.
    """
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, [cell.strip() for cell in line.rstrip("\r\n").split(separator)]


def read_named(path, columns, optional=()):
    """Reads a table with a header, whose columns may be in any order and case.

    Args:
        path: the file; the separator is a tab or comma if the header has one, else whitespace.
        columns: {key: possible names of the column}.
        optional: keys of columns that may be missing; their value is "".

    Returns:
        list of {key: cell}.

    Raises:
        InputError: a missing column, or a line with too few cells.
    """
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    separator = next((mark for mark in "\t," if mark in first), None)
    rows = read_rows(path, separator)
    header = [cell.lower() for cell in next(rows, (0, []))[1]]
    places = {key: next((header.index(n) for n in names if n in header), None) for key, names in columns.items()}
    for key, place in places.items():
        if place is None and key not in optional:
            raise InputError(f"{path}:1: no column {columns[key][0]}; its columns are: {', '.join(header) or 'none'}")
    needed = max(place for key, place in places.items() if place is not None and key not in optional)
    table = []
    for number, cells in rows:
        if len(cells) <= needed:
            raise InputError(f"{path}:{number}: {len(cells)} columns, expected {len(header)}")
        table.append({k: cells[p] if p is not None and p < len(cells) else "" for k, p in places.items()})
    return table

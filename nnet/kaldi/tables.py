"""Kaldi's text tables: lines of `key value`, sorted by key in C order."""

import logging
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from nnet.errors import InputError
from nnet.files import AnyPath, atomic_write

log = logging.getLogger(__name__)

# Python takes them as blanks, Kaldi as parts of a word.
OTHER_BLANK = re.compile("[\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


def read_lines(path: AnyPath) -> Iterator[tuple[int, str]]:
    """Yields `(line number, line)` of a text file, stripped of whitespace; line numbers start at 1.

    Warns if the last line has no end, as in a file that was cut.

    Raises:
        InputError: the file is missing, unreadable or not UTF-8, or a line contains NUL.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            line = "\n"
            for number, line in enumerate(file, 1):
                if "\0" in line:
                    raise InputError(f"{path}:{number}: damaged: NUL in a text file")
                yield number, line.strip()
            if not line.endswith("\n"):
                log.warning("%s: the last line has no end; is the file whole?", path)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a UTF-8 text file ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def read_table(path: AnyPath, check_sorted: bool = True) -> dict[str, str]:
    """Reads a table as `{key: rest of the line}`, in the order of the file.

    >>> utt2spk = nnet.read_table("data/train/utt2spk")

    Args:
        path: the file; each line is a key, whitespace, and a value, which may contain whitespace.
        check_sorted: reject keys that are not in C order (the order of Python's `sorted`).

    Raises:
        InputError: an empty line, a key without a value, a duplicate key, or wrong order; names file and line.
    """
    table = {}
    previous = ""
    for number, line in read_lines(path):
        parts = line.split(None, 1)
        if len(parts) < 2:
            what = f'"{line}" has no value' if line else "empty line"
            raise InputError(f"{path}:{number}: {what}")
        key, value = parts
        check_after_id(f"{path}:{number}", line, key)
        if key in table:
            raise InputError(f'{path}:{number}: duplicate key "{key}"')
        if check_sorted and key < previous:
            raise InputError(
                f'{path}:{number}: "{key}" comes after "{previous}": not sorted in C order; '
                "utils/fix_data_dir.sh sorts a data directory"
            )
        table[key] = value
        previous = key
    return table


def check_after_id(where: str, line: str, key: str) -> None:
    """Raises InputError if a line begins with an id that a blank outside ASCII follows."""
    if OTHER_BLANK.match(line, len(key)):
        refuse_blank(where, line[len(key)])


def refuse_blank(where: str, blank: str) -> NoReturn:
    """Raises the InputError for a blank of OTHER_BLANK that touches an id."""
    raise InputError(f"{where}: an id holds a blank that is not ASCII (U+{ord(blank):04X}); rename it")


def write_table(path: AnyPath, table: Mapping[str, object], durable: bool = False) -> None:
    """Writes `{key: value}` sorted by key, atomically; `durable`: returns only when it would survive a power loss.

    >>> nnet.write_table("utt2spk", {"alice-1": "alice", "bob-1": "bob"})
    """
    with atomic_write(path, durable=durable) as file:
        file.writelines(f"{key} {table[key]}\n" for key in sorted(table))


def read_numbers(path: AnyPath, kind: Callable[[str], Any] = float) -> dict[str, Any]:
    """Reads a table of numbers as `{key: number}`, such as utt2dur (float, seconds) or utt2num_frames (int)."""
    return parse_numbers(read_table(path), path, kind)


def parse_numbers(table: dict[str, str], path: AnyPath, kind: Callable[[str], Any] = float) -> dict[str, Any]:
    """Converts a table read from `path` to `{key: number}`; raises InputError for a value that is not a number.

    Infinity, NaN and what does not fit into 32 bits count as no numbers.
    """
    numbers = {}
    for key, text in table.items():
        try:
            numbers[key] = kind(text)
        except ValueError:
            numbers[key] = math.nan
        if not abs(numbers[key]) < 1 << 31:
            raise InputError(f'{path}: "{key}": expected a number, found {text!r}')
    return numbers


def read_list(path: AnyPath) -> list[str]:
    """Reads the first word of each line, in the order of the file."""
    words = []
    for number, line in read_lines(path):
        if line:
            words.append(line.split(None, 1)[0])
            check_after_id(f"{path}:{number}", line, words[-1])
    return words


def invert_utt2spk(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """Converts `{utterance: speaker}` to `{speaker: [utterances in order]}`."""
    spk2utt: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utterance], []).append(utterance)
    return spk2utt


def invert_spk2utt(spk2utt: Mapping[str, list[str]], path: AnyPath = "spk2utt") -> dict[str, str]:
    """Converts `{speaker: [utterances]}` to `{utterance: speaker}`.

    Raises:
        InputError: an utterance has two speakers.
    """
    utt2spk: dict[str, str] = {}
    for speaker, utterances in spk2utt.items():
        for utterance in utterances:
            if utterance in utt2spk:
                raise InputError(f'{path}: "{utterance}" has two speakers, "{utt2spk[utterance]}" and "{speaker}"')
            utt2spk[utterance] = speaker
    return utt2spk


def read_utt2spk(path: AnyPath) -> dict[str, str]:
    """Reads `{utterance: speaker}`; raises InputError for a line with more than two words."""
    return check_utt2spk(read_table(path), path)


def check_utt2spk(utt2spk: dict[str, str], path: AnyPath) -> dict[str, str]:
    """Returns the table, read from `path`; raises InputError if an utterance has more than one speaker."""
    for utterance, speaker in utt2spk.items():
        if len(speaker.split()) != 1:
            raise InputError(f'{path}: "{utterance}" must have one speaker, not "{speaker}"')
    return utt2spk


def read_spk2utt(path: AnyPath) -> dict[str, list[str]]:
    """Reads `{speaker: [utterances]}`."""
    table = read_table(path)
    for speaker, utterances in table.items():
        if not utterances.isascii() and (blank := OTHER_BLANK.search(utterances)):
            refuse_blank(f'{path}: "{speaker}"', blank[0])
    return {speaker: utterances.split() for speaker, utterances in table.items()}

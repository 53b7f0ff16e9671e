"""Kaldi's text tables, one `key rest of the line` a line, sorted by key in C order."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nnet.errors import InputError
from nnet.files import AnyPath, atomic_write


def read_lines(path: AnyPath) -> Iterator[tuple[int, str]]:
    """Yields `(line number, line)` of a text file, without blank ends; line numbers start at 1.

    Raises:
        InputError: the file is missing, unreadable or not UTF-8.
    """
    try:
        with open(path, encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, 1):
                yield number, line.strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a UTF-8 text file ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error


def read_table(path: AnyPath, check_sorted: bool = True) -> dict[str, str]:
    """Reads a table: `{key: rest of the line}` in the order of the file.

    >>> utt2spk = nnet.read_table("data/train/utt2spk")

    Args:
        path: the file; each line is a key, blanks, and a value that may itself hold blanks.
        check_sorted: refuse keys that are not in C order (what Python's `sorted` gives).

    Raises:
        InputError: naming file and line, for an empty line, a key without a value, a key given twice, wrong order.
    """
    table = {}
    previous = ""
    for number, line in read_lines(path):
        parts = line.split(None, 1)
        if len(parts) < 2:
            what = f'"{line}" has no value' if line else "empty line"
            raise InputError(f"{path}:{number}: {what}")
        key, value = parts
        if key in table:
            raise InputError(f'{path}:{number}: "{key}" is there twice')
        if check_sorted and key < previous:
            raise InputError(
                f'{path}:{number}: "{key}" comes after "{previous}": not sorted in C order; '
                "utils/fix_data_dir.sh sorts a data directory"
            )
        table[key] = value
        previous = key
    return table


def write_table(path: AnyPath, table: Mapping[str, object]) -> None:
    """Writes `{key: value}` sorted by key; the file appears whole or not at all.

    >>> nnet.write_table("utt2spk", {"alice-1": "alice", "bob-1": "bob"})
    """
    with atomic_write(path) as file:
        file.writelines(f"{key} {table[key]}\n" for key in sorted(table))


def read_numbers(path: AnyPath, kind: Callable[[str], Any] = float) -> dict[str, Any]:
    """Reads a table of numbers, such as utt2dur (float, seconds) or utt2num_frames (int): `{key: number}`."""
    return parse_numbers(read_table(path), path, kind)


def parse_numbers(table: dict[str, str], path: AnyPath, kind: Callable[[str], Any] = float) -> dict[str, Any]:
    """`{key: number}` of a table that was read from `path`; text that is no number is an InputError."""
    numbers = {}
    for key, text in table.items():
        try:
            numbers[key] = kind(text)
        except ValueError as error:
            raise InputError(f'{path}: "{key}" has {text!r} where a number should be') from error
    return numbers


def read_list(path: AnyPath) -> list[str]:
    """Reads the first word of each line, in the order of the file."""
    return [line.split(None, 1)[0] for _, line in read_lines(path) if line]


def invert_utt2spk(utt2spk: Mapping[str, str]) -> dict[str, list[str]]:
    """`{speaker: [utterances in order]}` from `{utterance: speaker}`."""
    spk2utt: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        spk2utt.setdefault(utt2spk[utterance], []).append(utterance)
    return spk2utt


def invert_spk2utt(spk2utt: Mapping[str, list[str]], path: AnyPath = "spk2utt") -> dict[str, str]:
    """`{utterance: speaker}` from `{speaker: [utterances]}`; an utterance of two speakers is an InputError."""
    utt2spk: dict[str, str] = {}
    for speaker, utterances in spk2utt.items():
        for utterance in utterances:
            if utterance in utt2spk:
                raise InputError(f'{path}: "{utterance}" stands under "{utt2spk[utterance]}" and under "{speaker}"')
            utt2spk[utterance] = speaker
    return utt2spk


def read_utt2spk(path: AnyPath) -> dict[str, str]:
    """Reads `{utterance: speaker}`; a line with more than two words is an InputError."""
    return check_utt2spk(read_table(path), path)


def check_utt2spk(utt2spk: dict[str, str], path: AnyPath) -> dict[str, str]:
    """The table itself, read from `path`; an utterance with more than one speaker is an InputError."""
    for utterance, speaker in utt2spk.items():
        if len(speaker.split()) != 1:
            raise InputError(f'{path}: "{utterance}" must have one speaker, not "{speaker}"')
    return utt2spk


def read_spk2utt(path: AnyPath) -> dict[str, list[str]]:
    """Reads `{speaker: [utterances]}`."""
    return {speaker: utterances.split() for speaker, utterances in read_table(path).items()}

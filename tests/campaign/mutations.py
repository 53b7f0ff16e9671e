"""Mutations of a file: cut, flipped, overwritten, shuffled, and words that programs stumble over."""

import re

WORDS = [b"nan", b"-inf", b"1e308", b"-1", b"0", b"9" * 5000, b"x" * 200_000, b"\0", b"\xff\xfe", b"[" * 100_000, b"{}"]
WORDS += [
    b"null",
    b"[]",
    b'""',
    b"true",
    b"3000000000",
    b"-9223372036854775809",
    b"1e-400",
    b" ",
    b"\n",
    b"../..",
    b"|",
]


def mutate(data, rng):
    """Returns (name of the mutation, bytes) for the bytes of a file that is not empty."""
    change = MUTATIONS[rng.integers(len(MUTATIONS))]
    return change.__name__, change(bytearray(data), rng)


def cut(data, rng):
    return data[: rng.integers(len(data))]


def flip(data, rng):
    for place in rng.integers(len(data), size=rng.integers(1, 9)):
        data[place] ^= 1 << rng.integers(8)
    return data


def flip_in_header(data, rng):
    place = rng.integers(min(64, len(data)))
    data[place] = rng.integers(256)
    return data


def overwrite(data, rng):
    first, stop = _range(data, rng)
    filler = [bytes(stop - first), b"\xff" * (stop - first), rng.bytes(stop - first)]
    data[first:stop] = filler[rng.integers(3)]
    return data


def remove(data, rng):
    first, stop = _range(data, rng)
    del data[first:stop]
    return data


def repeat(data, rng):
    first, stop = _range(data, rng)
    return data[:stop] + data[first:]


def replace_word(data, rng):
    words = list(re.finditer(rb"[^\s,:\[\]{}=\"]+", bytes(data[: 1 << 20])))
    if not words:
        return flip(data, rng)
    word = words[rng.integers(len(words))]
    data[word.start() : word.end()] = WORDS[rng.integers(len(WORDS))]
    return data


def insert_word(data, rng):
    place = rng.integers(len(data) + 1)
    data[place:place] = WORDS[rng.integers(len(WORDS))]
    return data


def replace_all(data, rng):
    return bytearray(WORDS[rng.integers(len(WORDS))])


MUTATIONS = [
    cut,
    cut,
    flip,
    flip_in_header,
    overwrite,
    remove,
    repeat,
    replace_word,
    replace_word,
    insert_word,
    replace_all,
]


def _range(data, rng):
    first = rng.integers(len(data))
    return first, min(len(data), first + 1 + int(rng.exponential(20)))

"""Checks the pages of an Ogg file (RFC 3533); libogg skips what is damaged or missing without a word."""

import struct
import zlib

from nnet.errors import InputError

# Capture pattern, version, flags, granule position, serial number of the stream, page number, checksum, segments.
HEADER = struct.Struct("<4sBBqIIIB")
FIRST, LAST = 2, 4  # flags of the first and of the last page of a stream

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_pages(file, size, where):
    """Raises InputError for a damaged, missing or truncated page, and for a stream without its last page.

    RFC 7845, section 3, calls a stream without a page that is marked as its end a truncated one. What was recorded
    from a live source may have none either; the two cannot be told apart.

    Args:
        file: seekable binary file.
        size: of the file, in bytes.
        where: name of the recording in messages.
    """
    file.seek(0)
    numbers, unfinished, position = {}, set(), 0  # of each stream: the number of its latest page
    while position < size:
        page = _read_page(file, position, where)
        _, _, flags, _, stream, number, checksum, _ = HEADER.unpack(page[: HEADER.size])
        if checksum != _checksum(page):
            raise InputError(f"{where}: damaged: checksum of the Ogg page at byte {position}")
        expected = number if flags & FIRST else numbers.get(stream, -2) + 1
        if number != expected:
            raise InputError(f"{where}: damaged: Ogg pages are missing before byte {position}")
        numbers[stream] = number
        (unfinished.discard if flags & LAST else unfinished.add)(stream)
        position += len(page)
    if unfinished:
        raise InputError(
            f"{where}: truncated: the last Ogg page is missing; if the recording is whole all the same, a command that "
            "decodes it, such as `ffmpeg -i FILE -f wav - |`, reads it"
        )


def _read_page(file, position, where):
    header = file.read(HEADER.size)
    if header[:4] != b"OggS"[: len(header)]:
        raise InputError(f"{where}: damaged: no Ogg page at byte {position}")
    segments = file.read(header[-1]) if len(header) == HEADER.size else b""
    body = file.read(sum(segments))
    if len(header) < HEADER.size or len(segments) < header[-1] or len(body) < sum(segments):
        raise InputError(f"{where}: truncated: within the Ogg page at byte {position}")
    return header + segments + body


def _checksum(page):
    """Computes the checksum of a page: a CRC-32 like zlib's, but from the high to the low bit, and from zero on."""
    zeroed = page[:22] + bytes(4) + page[26:]
    register = zlib.crc32(zeroed.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{register:032b}"[::-1], 2)

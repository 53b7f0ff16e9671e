"""Detects truncated audio files from their container's header; libsndfile reads them without an error."""

import dataclasses
import re
import struct

from nnet.audio.ogg import check_pages
from nnet.errors import InputError

STREAMED = 0x7FFFF000  # programs that write WAV to a pipe do not know the length and declare this or more
SPHERE_HEADER = 1024  # minimum size of the header, in bytes
MP3_SLACK = 2 * 1152  # samples of an MP3 that a decoder may drop


@dataclasses.dataclass(frozen=True)
class Chunks:
    """Layout of a container of chunks.

    Attributes:
        first: byte offset of the first chunk.
        header: name and length of a chunk.
        data: names of the chunk with the samples.
        pad: chunks start at multiples of this many bytes.
        streamed: lengths from here on are what programs declare that write to a pipe.
        inclusive: the length counts the header.
    """

    first: int
    header: struct.Struct
    data: tuple = (b"data",)
    pad: int = 2
    streamed: int = STREAMED
    inclusive: bool = False


UNLIMITED = 1 << 62
CHUNKED = {
    b"RIFF": Chunks(12, struct.Struct("<4sI")),
    b"RIFX": Chunks(12, struct.Struct(">4sI")),
    b"RF64": Chunks(12, struct.Struct("<4sI"), streamed=UNLIMITED),  # EBU Tech 3306: lengths are in the chunk ds64
    b"FORM": Chunks(12, struct.Struct(">4sI"), data=(b"SSND", b"BODY"), streamed=0x7EFF0000),  # AIFF, 8SVX
    b"riff": Chunks(40, struct.Struct("<16sQ"), pad=8, streamed=UNLIMITED, inclusive=True),  # Sony Wave64
    b"caff": Chunks(8, struct.Struct(">4sq"), pad=1, streamed=UNLIMITED),
}


def check_complete(file, size, where):
    """Raises InputError for a file that is shorter than its header declares, and for damaged pages of Ogg.

    Args:
        file: seekable binary file; rewound to its start.
        size: of the file, in bytes.
        where: name of the recording in the error.
    """
    head = file.read(20)
    missing = 0
    if head[:4] in CHUNKED:
        missing = _missing_of_chunks(file, size, CHUNKED[head[:4]])
    elif head[:4] in (b".snd", b"dns."):
        missing = _missing_of_au(head, size)
    elif head[:19] == b"Creative Voice File" and size < 1 << 24:  # its lengths have 24 bits
        missing = _missing_of_voc(file, size)
    elif head[:8] == b"NIST_1A\n":
        missing = _missing_of_sphere(file, size, where)
    elif head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0"):
        missing = _missing_of_mp3(file, size)
    elif head[:4] == b"OggS":
        check_pages(file, size, where)
    file.seek(0)
    if missing > 0:
        raise InputError(f"{where}: truncated: {missing} bytes fewer than its header declares")


def check_header(kind, where):
    """Raises InputError for a file whose format libsndfile guesses from its name, such as NAME.gsm or NAME.au.

    Args:
        kind: the format, as soundfile names it.
        where: name of the recording in the error.
    """
    if kind == "RAW":
        raise InputError(
            f"{where}: has no header, or a damaged one; if it is meant to have none, use a command in wav.scp, such as "
            "sox -t gsm -r 8000 FILE -t wav - |"
        )


def declared_samples(file, frames, kind):
    """Returns the minimum number of samples of a complete file, from libsndfile's `frames` and format `kind`."""
    if kind != "MP3":
        return frames if frames < STREAMED else 0
    # Without a Xing header, the length of an MP3 is only estimated from its first bit rate.
    return frames - MP3_SLACK if has_xing_header(file) else 0


def has_xing_header(file):
    """Returns whether an MP3 begins with a Xing or Info frame, which counts its frames."""
    return _xing_tag(file) is not None


def _xing_tag(file):
    """Returns the beginning of an MP3 from the word Xing or Info in its first frame on; None without."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(256)
    places = [frame.find(word) for word in (b"Xing", b"Info") if word in frame]
    return frame[min(places) :] if places else None


def _missing_of_mp3(file, size):
    """Compares with the number of bytes in a Xing header; some programs count the tags before it, some do not."""
    tag = _xing_tag(file)
    if tag is None or len(tag) < 16:
        return 0
    flags, first, second = struct.unpack(">III", tag[4:16])
    if not flags & 2:
        return 0
    return (second if flags & 1 else first) - size  # the number of frames comes first


def _missing_of_chunks(file, size, chunks):
    position, long_length = chunks.first, None
    while position + chunks.header.size <= size:
        file.seek(position)
        name, length = chunks.header.unpack(file.read(chunks.header.size))
        position += chunks.header.size
        length -= chunks.inclusive * chunks.header.size
        if name == b"ds64" and length >= 16:
            long_length = int.from_bytes(file.read(16)[8:], "little")
        if name[:4] in chunks.data:
            if length == 0xFFFFFFFF and long_length is not None:
                length = long_length
            return position + length - size if 0 <= length < chunks.streamed else 0
        if length < 0:
            return 0  # libsndfile reports the error
        position += length + -length % chunks.pad
    return 0


def _missing_of_au(head, size):
    offset, length = struct.unpack(">II" if head[:4] == b".snd" else "<II", head[4:12])
    return offset + length - size if length < 0xFFFFFFFF else 0


def _missing_of_voc(file, size):
    file.seek(20)
    position = int.from_bytes(file.read(2), "little")
    while position + 4 <= size:
        file.seek(position)
        kind, *length = file.read(4)
        if kind == 0:  # the end
            return 0
        position += 4 + int.from_bytes(bytes(length), "little")
    return position - size


def sphere_fields(file):
    """Reads the header of a NIST SPHERE file as `{name: text}`, its size as "header_bytes"; None for other files.

    Args:
        file: seekable binary file.
    """
    file.seek(0)
    head = file.read(SPHERE_HEADER)
    lines = head.decode("latin-1").split("\n")
    length = re.fullmatch(r" *([0-9]+) *", lines[1]) if len(lines) > 1 and lines[0] == "NIST_1A" else None
    if not length:
        return None
    size = int(length[1])
    lines = (head + file.read(max(0, size - len(head)))).decode("latin-1").split("\n")
    words = [line.split(None, 2) for line in lines[2:]]
    return {"header_bytes": str(size)} | {line[0]: line[2].strip() for line in words if len(line) == 3}


def _missing_of_sphere(file, size, where):
    fields = sphere_fields(file) or {}
    if "shorten" in fields.get("sample_coding", ""):
        raise InputError(f"{where}: SPHERE compressed with shorten; use `sph2pipe -f wav FILE |` in wav.scp")
    try:
        counts = [int(fields[name]) for name in ("sample_count", "channel_count", "sample_n_bytes", "header_bytes")]
    except (KeyError, ValueError):
        return 0  # libsndfile reports the error
    return counts[3] + counts[0] * counts[1] * counts[2] - size

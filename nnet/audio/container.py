"""Detects truncated audio files from their container's header; libsndfile reads them without an error."""

import struct

from nnet.errors import InputError

STREAMED = 0x7FFFF000  # programs that write WAV to a pipe do not know the length and declare this or more
OGG_PAGE = 65307  # maximum size of an Ogg page
SPHERE_HEADER = 1024  # minimum size of the header, in bytes
MP3_SLACK = 2 * 1152  # samples of an MP3 that a decoder may drop


def check_complete(file, size, where):
    """Raises InputError for a WAV, Ogg or SPHERE file that is shorter than its header declares.

    Args:
        file: seekable binary file; rewound to its start.
        size: of the file, in bytes.
        where: name of the recording in the error.
    """
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        missing = _missing_of_wav(file, size)
    elif head[:4] == b"OggS":
        missing = _missing_of_ogg(file, size)
    elif head[:8] == b"NIST_1A\n":
        missing = _missing_of_sphere(file, size, where)
    else:
        missing = 0
    file.seek(0)
    if missing > 0:
        raise InputError(f"{where}: truncated: {missing} bytes fewer than its header declares")


def declared_samples(file, frames, kind):
    """Returns the minimum number of samples of a complete file, from libsndfile's `frames` and format `kind`."""
    if kind != "MP3":
        return frames if frames < STREAMED else 0
    # Without a Xing header, the length of an MP3 is only estimated from its first bit rate.
    return frames - MP3_SLACK if has_xing_header(file) else 0


def has_xing_header(file):
    """Returns whether an MP3 begins with a Xing or Info frame, which counts its frames."""
    file.seek(0)
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    frame = file.read(256)
    return b"Xing" in frame or b"Info" in frame


def _missing_of_wav(file, size):
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            return position + 8 + length - size if length < STREAMED else 0
        position += 8 + length + length % 2
    return 0


def _missing_of_ogg(file, size):
    tail_start = max(0, size - OGG_PAGE)
    file.seek(tail_start)
    tail = file.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return 1
    return 27 + page[26] + sum(page[27 : 27 + page[26]]) - len(page)


def sphere_fields(file):
    """Reads the header of a NIST SPHERE file as `{name: text}`, its size as "header_bytes"; None for other files.

    Args:
        file: seekable binary file.
    """
    file.seek(0)
    head = file.read(SPHERE_HEADER)
    lines = head.decode("latin-1").split("\n")
    if lines[0] != "NIST_1A" or len(lines) < 2 or not lines[1].strip().isdigit():
        return None
    size = int(lines[1])
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

"""What the container of a recording promises: libsndfile takes what it finds and does not tell of what is missing."""

import struct

from nnet.errors import InputError

STREAMED = 0x7FFFF000  # programs that write WAV to a pipe put this length or more, since they do not know it
OGG_PAGE = 65307  # the longest page that Ogg allows
SPHERE_HEADER = 1024  # bytes that a header has at least
MP3_SLACK = 2 * 1152  # frames of an MP3 that a decoder may keep to itself


def check_complete(file, size, where):
    """Refuses a WAV, Ogg or SPHERE file that ends before its container says so.

    Args:
        file: a seekable binary file; it is left at its start.
        size: its length in bytes.
        where: names the recording in the error.
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
        raise InputError(f"{where}: truncated: {missing} bytes fewer than its header promises")


def promised_samples(file, frames, kind):
    """The least number of samples that a whole file of libsndfile's `frames` must give; `kind` is its format there."""
    if kind != "MP3":
        return frames if frames < STREAMED else 0
    # without the header that counts its frames, the length of an MP3 is a guess from its first bit rate
    return frames - MP3_SLACK if has_xing_header(file) else 0


def has_xing_header(file):
    """Whether an MP3 begins with the frame that counts the others."""
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
    """The header of a NIST SPHERE file as `{name: text}` with its length under "header_bytes"; None for other files.

    Args:
        file: a seekable binary file.
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
        raise InputError(f"{where}: SPHERE compressed by shorten; put `sph2pipe -f wav FILE |` into wav.scp instead")
    try:
        counts = [int(fields[name]) for name in ("sample_count", "channel_count", "sample_n_bytes", "header_bytes")]
    except (KeyError, ValueError):
        return 0  # libsndfile will say what is wrong
    return counts[3] + counts[0] * counts[1] * counts[2] - size

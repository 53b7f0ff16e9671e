"""NIST SPHERE files as LDC ships telephone speech: mu-law, one or two interleaved channels, 8 kHz."""

import sys
from pathlib import Path

import numpy as np

HEADER = 1024


def mulaw_bytes(samples):
    """(...) float in [-1, 1] as G.711 mu-law bytes (...) uint8."""
    magnitude = np.minimum(np.abs(np.round(np.asarray(samples) * 32768)).astype(int), 32635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(int) - 7
    mantissa = (magnitude >> (exponent + 3)) & 15
    return (~((np.asarray(samples) < 0) * 128 | exponent << 4 | mantissa) & 255).astype(np.uint8)


def mulaw_samples(coded):
    """What mu-law bytes stand for: (...) uint8 to (...) float32 in [-1, 1)."""
    inverted = ~coded.astype(int) & 255
    magnitude = (((inverted & 15) << 3) + 132 << (inverted >> 4 & 7)) - 132
    return (np.where(inverted & 128, -magnitude, magnitude) / 32768).astype(np.float32)


def write_sphere(path, *channels, coding="ulaw", fields=(), truncate=0):
    """Writes channels (n,) of equal length; makes the folders.

    Args:
        coding: of the header; "ulaw,embedded-shorten-v2.00" makes a file that says it is compressed and is not.
        fields: further lines of the header.
        truncate: bytes that are missing at the end.
    """
    coded = mulaw_bytes(np.stack(channels, axis=1))
    lines = [
        "NIST_1A",
        f"{HEADER:7d}",
        *fields,
        f"sample_count -i {len(coded)}",
        "sample_n_bytes -i 1",
        f"channel_count -i {coded.shape[1]}",
        "sample_byte_format -s1 1",
        "sample_rate -i 8000",
        f"sample_coding -s{len(coding)} {coding}",
        "channels_interleaved -s4 TRUE",
        "end_head",
    ]
    head = ("\n".join(lines) + "\n").encode().ljust(HEADER)
    data = head + coded.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[: len(data) - truncate])
    return path


def fake_sph2pipe(folder):
    """A program `sph2pipe` for what write_sphere makes, compressed or not; returns the folder to put into PATH.

    As the real one: `sph2pipe -f wav [-p] [-c 1|2] FILE`.
    """
    path = Path(folder) / "sph2pipe"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\n{PROGRAM}")
    path.chmod(0o755)
    return path.parent


PROGRAM = f"""
import io, sys
import numpy as np, soundfile
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent)!r})
from corpora.sphere import HEADER, mulaw_samples
data = open(sys.argv[-1], "rb").read()
count = int(data[:HEADER].split(b"channel_count -i ")[1].split()[0])
samples = mulaw_samples(np.frombuffer(data[HEADER:], np.uint8).reshape(-1, count))
if "-c" in sys.argv:
    samples = samples[:, int(sys.argv[sys.argv.index("-c") + 1]) - 1]
out = io.BytesIO()
soundfile.write(out, samples, 8000, format="WAV", subtype="PCM_16")
sys.stdout.buffer.write(out.getvalue())
"""

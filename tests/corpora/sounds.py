"""Small trees in the layouts of MUSAN and RIRS_NOISES."""

import numpy as np

from .speech import voice, write_wav

MUSAN = {"noise": ("free-sound", "sound-bible"), "music": ("fma", "jamendo"), "speech": ("librivox", "us-gov")}


def make_musan(root, count=2, seconds=1.0):
    """`root/KIND/SOURCE/KIND-SOURCE-0000.wav` with the files that lie beside them."""
    rng = np.random.default_rng(0)
    for kind, sources in MUSAN.items():
        for source in sources:
            folder = root / kind / source
            for number in range(count):
                noise = rng.normal(0, 0.1, int(seconds * 16000))
                samples = noise if kind == "noise" else voice(900 + number, seconds, number)
                write_wav(folder / f"{kind}-{source}-{number:04d}.wav", samples)
            for name in ("LICENSE", "README", "ANNOTATIONS"):
                (folder / name).write_text(f"{kind}-{source}-0000 Y rock someone\n")
    (root / "README").write_text("MUSAN\n")


def make_rirs(root, rooms=("small", "medium", "large"), count=3):
    """`root/simulated_rirs/smallroom/Room001/Room001-00001.wav` and rir_list."""
    rng = np.random.default_rng(0)
    for size in rooms:
        lines = []
        for number in range(1, count + 1):
            place = f"simulated_rirs/{size}room/Room001/Room001-{number:05d}.wav"
            response = rng.normal(size=1600) * np.exp(-np.arange(1600) / 300) * 0.1
            response[20] = 0.9
            write_wav(root / place, np.clip(response, -1, 1))
            lines.append(f"--rir-id {size}-room001-{number:05d} --room-id {size}-Room001 RIRS_NOISES/{place}")
        (root / f"simulated_rirs/{size}room/rir_list").write_text("\n".join(lines) + "\n")

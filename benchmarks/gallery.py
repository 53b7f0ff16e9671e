"""Measures a gallery of very many voices on one core: opening its file, one identification, one enrollment.

The voices are random vectors of one recording each, and so is what they are compared with; the calibration is made up,
for it does not change the work. An identification is the whole of `Gallery.identify_vector`: a look at the file, the
cosines, log-likelihood ratios, probabilities and the rate of false acceptance. An enrollment is checked, appended and
synchronized to disk.
"""

import os
import tempfile

from benchmarks.process import usage_of
from benchmarks.report import Table

VOICES = 100_000
DIMS = (192, 256, 512)

RUN = """
import statistics, sys, time
from benchmarks.gallery import fill, model_of, random_vectors
from benchmarks.timing import seconds
from nnet.gallery import Gallery

path, dim, voices, rounds = sys.argv[1], *map(int, sys.argv[2:])
fill(path, dim, voices)
galleries = []
opening = seconds(lambda: galleries.append(Gallery(path, model_of(dim))))
gallery, queries = galleries[0], random_vectors(rounds + 1, dim, 1)
gallery.identify_vector(queries[0], 5.0)
found, used = [
    [seconds(lambda q=q: gallery.identify_vector(q, 5.0), clock) for q in queries[1:]]
    for clock in (time.perf_counter, time.process_time)
]
recording = [(queries[0], 20.0)]
enrolled = [seconds(lambda i=i: gallery._enroll(f"new{i}", ["a"], recording, True)) for i in range(rounds)]
print(opening, statistics.median(found), statistics.median(used), statistics.median(enrolled))
"""


def tables(rounds, voices=VOICES):
    """Yields the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for dim in DIMS:
            usage, lines = usage_of("-c", RUN, f"{folder}/{dim}", str(dim), str(voices), str(rounds))
            opening, found, used, enrolled = map(float, lines[-1].split())
            size = os.path.getsize(f"{folder}/{dim}") / 2**20
            rows.append([dim, size, opening, 1000 * found, 1000 * used, 1000 * enrolled, usage.mebibytes])
    header = ["dimensions", "file, MiB", "opening, s", "search, ms", "processor, ms", "enrollment, ms", "memory, MiB"]
    yield Table(f"Gallery of {voices:,} voices, medians of {rounds}", header, rows)


def random_vectors(count, dim, seed):
    """float32 (count, dim)."""
    import numpy as np

    return np.random.default_rng(seed).standard_normal((count, dim), np.float32)


def model_of(dim):
    """What a gallery needs of a model with a calibration."""
    import types

    import numpy as np

    from nnet.backend.calibration import Calibration
    from nnet.backend.duration_calibration import DurationCalibration
    from nnet.backend.impostors import Impostors

    tail = np.array([-3.0, 0.0, 3.0]), np.log([1.0, 0.5, 1e-3])
    impostors = Impostors(np.zeros(2), np.array([-5.0, 0.1]), 0.05, *tail, -3.0)
    calibration = DurationCalibration(Calibration(-10.0, np.array([29.0, 5.0, -3.0]), 0.01), (0.5, 15.0), impostors)
    return types.SimpleNamespace(calibration=calibration, name="made up", checksum="0", dim=dim)


def fill(path, dim, voices):
    """Writes a gallery of random voices."""
    import numpy as np

    from nnet.backend.embeddings import unit_length
    from nnet.gallery import Gallery
    from nnet.records import append, writing
    from nnet.voices import Voice, packed_voice

    gallery, vectors = Gallery(path, model_of(dim)), random_vectors(voices, dim, 0)
    gallery._enroll("voice0", ["a"], [(vectors[0], 10.0)], True)
    seconds = np.random.default_rng(0).uniform(3, 60, voices)
    payloads = [
        packed_voice(Voice(f"voice{i}", unit_length(vectors[i])[None], seconds[i : i + 1])) for i in range(1, voices)
    ]
    with writing(path) as file:
        append(path, file, os.path.getsize(path), *payloads)

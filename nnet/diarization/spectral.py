"""Spectral clustering, with the number of clusters from the gap between eigenvalues.

Park, Han, Kumar, Narayanan 2020, "Auto-tuning spectral clustering for speaker diarization using normalized maximum
eigengap" (NME-SC): each point is joined to its p nearest ones, for the p whose eigenvalues show the clearest gap.
"""

import numpy as np
import scipy

from nnet.diarization.similarity import Points

TUNED = 600  # points, evenly taken, on which p is chosen
SHARES = np.geomspace(0.01, 0.25, 12)  # p as a share of the points
LEAST_NEIGHBORS = 4


def spectral_labels(points: Points, least: int, most: int) -> np.ndarray:
    """Clusters points into `least` to `most` clusters: int (N,), from 0 on."""
    most = min(most, len(points) - 1)
    least = min(least, most)
    if most <= 1:
        return np.zeros(len(points), int)
    from sklearn.cluster import KMeans  # loads slowly

    laplacian = _laplacian(points.similarities(), _tuned_share(points, most))
    values, vectors = scipy.linalg.eigh(laplacian, subset_by_index=(0, most))
    count = least + int(np.argmax(np.diff(values)[least - 1 :]))
    return KMeans(count, n_init=10, random_state=0).fit_predict(vectors[:, :count])


def _tuned_share(points, most):
    """Returns the share p of nearest points with the least p / gap; the gap is relative to the last eigenvalue (10)."""
    some = points.select(np.unique(np.linspace(0, len(points) - 1, TUNED).astype(int)))
    similarities = some.similarities()
    best = {}
    for share in SHARES:
        values = scipy.linalg.eigvalsh(_laplacian(similarities, share))
        gap = np.diff(values[: most + 1]).max() / max(values[-1], 1e-10)
        best[share] = share / max(gap, 1e-10)
    return min(best, key=best.get)


def _laplacian(similarities, share):
    """The Laplacian D - A of the graph that joins each point to `share` of the points, its nearest (eqs. 4-6)."""
    count = len(similarities)
    nearest = min(max(round(share * count), LEAST_NEIGHBORS), count)
    chosen = np.argpartition(-similarities, nearest - 1, axis=1)[:, :nearest]
    joined = np.zeros((count, count))
    np.put_along_axis(joined, chosen, 1.0, axis=1)
    joined = (joined + joined.T) / 2
    np.fill_diagonal(joined, 0.0)
    return np.diag(joined.sum(axis=1)) - joined

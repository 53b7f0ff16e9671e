"""Agglomerative clustering with average linkage, of points that may stand for groups already."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nnet.diarization.similarity import Points
from nnet.errors import InputError

MOST = 3000  # points in one matrix of similarities: 72 MB
BLOCK = 1500  # points of a first level that are merged with each other
LIMIT = 20_000  # groups that a first level may leave, for corpora of thousands of speakers: 3.2 GB


class Dendrogram:
    """The merges of average linkage: the two groups with the highest mean similarity become one, again and again.

    They are found along chains of nearest neighbors (Murtagh 1983, "A survey of recent advances in hierarchical
    clustering algorithms"), in O(N²) time and memory. SciPy's `linkage` has no weights.

    Args:
        points: Points; the weight of each is the number of embeddings it stands for.

    Attributes:
        pairs: int (N - 1, 2), one point of each merged group.
        heights: float64 (N - 1,), their mean similarities, in descending order.
    """

    def __init__(self, points: Points) -> None:
        self.num_points = len(points)
        pairs, heights = _merges(points.similarities(), points.weights.copy())
        order = np.argsort(-heights, kind="stable")
        self.pairs, self.heights = pairs[order], heights[order]

    def count_at(self, threshold: float) -> int:
        """Returns the number of groups if those with a mean similarity of at least `threshold` are merged."""
        return self.num_points - int(np.count_nonzero(self.heights >= threshold))

    def labels(self, count: int) -> np.ndarray:
        """Returns the group of each point, int (N,), from 0 to count - 1, if `count` groups are left."""
        used = self.pairs[: self.num_points - count]
        shape = (self.num_points, self.num_points)
        graph = coo_matrix((np.ones(len(used), bool), (used[:, 0], used[:, 1])), shape)
        return connected_components(graph, directed=False)[1]


def _merges(similarities, weights):
    """Finds all merges: pairs (N - 1, 2) of points, and heights (N - 1,). Changes its arguments."""
    np.fill_diagonal(similarities, -np.inf)
    pairs, heights, chain = [], [], []
    remaining = np.ones(len(weights), bool)
    for _ in range(len(weights) - 1):
        if not chain:
            chain = [int(remaining.argmax())]
        while True:
            row = similarities[chain[-1]]
            nearest = int(row.argmax())
            if len(chain) > 1 and row[chain[-2]] >= row[nearest]:
                break
            chain.append(nearest)
        gone, kept = chain.pop(), chain.pop()
        pairs.append((gone, kept))
        heights.append(similarities[gone, kept])
        share = weights[gone] / (weights[gone] + weights[kept])
        merged = share * similarities[gone] + (1 - share) * similarities[kept]
        merged[kept] = -np.inf
        weights[kept] += weights[gone]
        similarities[kept] = similarities[:, kept] = merged
        similarities[gone] = similarities[:, gone] = -np.inf
        remaining[gone] = False
    return np.array(pairs, int).reshape(-1, 2), np.array(heights, float)


def first_level(points: Points, threshold: float, speakers: int) -> np.ndarray:
    """Puts very similar points together until all of them fit into one matrix; up to MOST points stay as they are.

    Blocks of consecutive points are clustered by average linkage, each down to its share of MOST groups, or where this
    would be too few, to those that a merge above `threshold` or `speakers` allow; then the groups' means again, while
    that helps.

    Args:
        points: Points.
        threshold: mean similarity of groups that may be one speaker; infinity: not known.
        speakers: maximum number of speakers.

    Returns:
        the group of each point, int (N,).

    Raises:
        InputError: more than LIMIT groups remain.
    """
    labels = np.arange(len(points))
    while len(points) > MOST:
        merged = _merged_in_blocks(points, threshold, 2 * speakers)
        labels, points = merged[labels], points.means(merged)
        if len(points) > 0.9 * len(merged):
            break
    if len(points) > LIMIT:
        raise InputError(
            f"{len(labels)} embeddings form {len(points)} groups that are too different to be merged, more than "
            f"{LIMIT}; lower --threshold, or cluster parts of them"
        )
    return labels


def _merged_in_blocks(points, threshold, most):
    num_blocks = -(-len(points) // BLOCK)
    labels, first = np.empty(len(points), int), 0
    for block in np.array_split(np.arange(len(points)), num_blocks):
        tree = Dendrogram(points.select(block))
        count = min(max(MOST // num_blocks, min(tree.count_at(threshold), most)), len(block))
        labels[block] = first + tree.labels(count)
        first += count
    return labels

"""Clustering of embeddings: against SciPy, with groups against their members, and the number of speakers."""

import numpy as np
import pytest
import scipy.cluster.hierarchy

from nnet.backend.directory import Backend
from nnet.backend.plda import Plda
from nnet.backend.scoring import plda_scorer
from nnet.backend.transforms import Chain
from nnet.diarization import linkage
from nnet.diarization.clustering import ClusteringOptions, cluster
from nnet.diarization.linkage import Dendrogram, first_level
from nnet.diarization.similarity import cosine_points, plda_points, points_of
from nnet.errors import InputError

DIM = 24


def same_partition(a, b):
    pairs = set(zip(np.asarray(a).tolist(), np.asarray(b).tolist(), strict=True))
    return len(pairs) == len(set(a)) == len(set(b))


def speakers(counts, seed=0, noise=0.7):
    """Embeddings of len(counts) speakers in random order, and their labels."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(len(counts), DIM))
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return centers[labels] + noise * rng.normal(size=(len(labels), DIM)), labels


def plda_model(seed=0):
    rng = np.random.default_rng(seed)
    return Plda(rng.normal(size=DIM), rng.normal(size=(DIM, DIM)), np.sort(rng.gamma(1, 3, DIM))[::-1])


def test_average_linkage_equals_scipys():
    vectors, _ = speakers([30, 20, 10])
    points = cosine_points(vectors)
    distances = 1 - points.similarities()[np.triu_indices(len(points), 1)]
    expected = scipy.cluster.hierarchy.linkage(distances, "average")
    tree = Dendrogram(points)
    assert np.allclose(np.sort(1 - tree.heights), expected[:, 2])
    for count in (1, 2, 3, 10, 59):
        assert same_partition(tree.labels(count), scipy.cluster.hierarchy.fcluster(expected, count, "maxclust"))
    assert tree.count_at(1 - expected[-3, 2]) == 3
    assert Dendrogram(points.select(slice(1))).labels(1).tolist() == [0]


@pytest.mark.parametrize("kind", ["cosine", "plda"])
def test_groups_have_the_mean_similarity_of_their_members(kind):
    vectors, _ = speakers([12, 9, 6])
    points = cosine_points(vectors) if kind == "cosine" else plda_points(plda_model(), vectors)
    groups = np.arange(len(vectors)) % 5
    means, all_pairs = points.means(groups), points.similarities()
    for i in range(5):
        for j in range(5):
            assert np.isclose(means.similarities()[i, j], all_pairs[np.ix_(groups == i, groups == j)].mean())
    assert means.weights.tolist() == np.bincount(groups).tolist()
    assert np.allclose(means.means(np.array([0, 0, 1, 1, 1])).vectors[1], points.vectors[groups > 1].mean(axis=0))


def test_plda_similarities_are_the_log_likelihood_ratios_of_scoring():
    vectors, _ = speakers([5, 5])
    plda = plda_model()
    expected = plda_scorer(plda, vectors, np.ones(10, int), vectors).dense()
    assert np.allclose(plda_points(plda, vectors).similarities(), expected)


def test_average_linkage_goes_on_from_groups_as_if_from_their_members():
    points = cosine_points(speakers([15, 15, 15, 15])[0])
    tree = Dendrogram(points)
    groups = tree.labels(20)
    assert same_partition(Dendrogram(points.means(groups)).labels(4)[groups], tree.labels(4))


def test_two_levels_find_the_same_speakers(monkeypatch):
    vectors, labels = speakers([150, 100, 50, 20], noise=0.4)
    single = cluster(vectors, ClusteringOptions(threshold=0.5)).labels
    monkeypatch.setattr(linkage, "MOST", 60)
    monkeypatch.setattr(linkage, "BLOCK", 40)
    assert len(set(first_level(cosine_points(vectors), 0.3, 20))) <= 60 < len(vectors)
    for method in ("ahc", "spectral"):
        options = ClusteringOptions(cluster=method, threshold=0.5)
        assert same_partition(cluster(vectors, options).labels, labels), method
    assert same_partition(single, labels)


def test_a_first_level_merges_no_speakers_where_there_are_many(monkeypatch):
    vectors, labels = speakers([2] * 60, noise=0.2)
    monkeypatch.setattr(linkage, "MOST", 30)
    monkeypatch.setattr(linkage, "BLOCK", 40)
    options = ClusteringOptions(max_speakers=200, min_cluster=1, threshold=0.8)
    assert same_partition(cluster(vectors, options).labels, labels)
    monkeypatch.setattr(linkage, "LIMIT", 50)
    with pytest.raises(InputError, match="120 embeddings form .* groups that are too different .*more than 50"):
        cluster(vectors, options)


@pytest.mark.parametrize("method", ["ahc", "spectral"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_number_of_speakers_is_found(method, count):
    vectors, labels = speakers([20 + 15 * i for i in range(count)])
    found = cluster(vectors, ClusteringOptions(cluster=method))
    assert same_partition(found.labels, labels)
    assert found.scores.shape == (len(vectors), count)
    assert (found.scores.argmax(axis=1) == found.labels).all()
    first = [np.flatnonzero(found.labels == k)[0] for k in range(count)]
    assert first == sorted(first)


@pytest.mark.parametrize("method", ["ahc", "spectral"])
def test_a_given_number_and_bounds_are_kept(method):
    vectors, _ = speakers([30, 30, 30])
    for options, expected in (
        ({"num_speakers": 5}, {5}),
        ({"num_speakers": 1}, {1}),
        ({"max_speakers": 2}, {2}),
        ({"min_speakers": 4, "max_speakers": 6}, {4, 5, 6}),
    ):
        found = cluster(vectors, ClusteringOptions(cluster=method, min_cluster=1, **options))
        assert len(set(found.labels)) in expected, options
    with pytest.raises(InputError, match="min-speakers"):
        ClusteringOptions(min_speakers=3, max_speakers=2)


@pytest.mark.parametrize("method", ["ahc", "spectral"])
@pytest.mark.parametrize("windows", [1, 2, 3, 5])
def test_a_few_windows_are_enough(method, windows):
    vectors, _ = speakers([windows])
    for options in ({}, {"num_speakers": 4}, {"min_speakers": 2}):
        found = cluster(vectors, ClusteringOptions(cluster=method, **options))
        assert len(found.labels) == windows and found.labels[0] == 0


def test_outliers_are_no_speakers():
    vectors, labels = speakers([40, 40])
    vectors = np.concatenate([vectors, 5 * np.random.default_rng(9).normal(size=(3, DIM))])
    for options in (ClusteringOptions(), ClusteringOptions(num_speakers=2)):
        assert same_partition(cluster(vectors, options).labels[:-3], labels)
    assert len(set(cluster(vectors, ClusteringOptions(min_cluster=1)).labels)) > 2


def test_a_back_end_transforms_and_scores():
    vectors, labels = speakers([40, 30])
    chain = Chain(np.full(DIM, 3.0))
    backend = Backend(chain, Plda(np.zeros(DIM), np.eye(DIM), np.full(DIM, 4.0)), {})
    shifted = vectors + 3.0
    assert same_partition(cluster(shifted, ClusteringOptions(), backend).labels, labels)
    plda = ClusteringOptions(scores="plda", threshold=0.0)
    assert same_partition(cluster(shifted, plda, backend).labels, labels)
    assert np.allclose(points_of(shifted, backend, "cosine").vectors, cosine_points(vectors).vectors)
    for wrong in (ClusteringOptions(scores="plda"), ClusteringOptions(cluster="vbx")):
        for without in (None, Backend(chain, None, {})):
            with pytest.raises(InputError, match="needs --backend DIR"):
                cluster(shifted, wrong, without)

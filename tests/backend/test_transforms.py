import numpy as np
import pytest

from nnet.backend.directory import Backend, read_backend, write_backend
from nnet.backend.statistics import class_statistics, shrunk
from nnet.backend.training import TrainingOptions, train_backend
from nnet.backend.transforms import Chain, lda, normalized, wccn, whitening
from nnet.errors import InputError


@pytest.fixture
def data(speakers):
    rng = np.random.default_rng(1)
    mix = rng.normal(size=(6, 6))
    return speakers(80, 5, mix @ mix.T, np.diag([1.0, 2.0, 0.5, 1.0, 3.0, 1.0]))


def test_statistics_in_blocks_equal_a_loop(data, monkeypatch):
    monkeypatch.setattr("nnet.backend.statistics.BLOCK_ROWS", 37)
    vectors, labels = data[0] + 100.0, data[1]
    stats = class_statistics(vectors, labels)
    means = np.array([vectors[labels == s].mean(axis=0) for s in range(80)])
    offsets = vectors - means[labels]
    np.testing.assert_allclose(stats.means, means)
    np.testing.assert_allclose(stats.scatter, offsets.T @ offsets, atol=1e-8)
    np.testing.assert_allclose(stats.mean, vectors.mean(axis=0))
    np.testing.assert_allclose(stats.within() + stats.between(), np.cov(vectors, rowvar=False, bias=True), atol=1e-8)


def test_whitening_and_wccn(data):
    stats = class_statistics(*data)
    white = class_statistics(data[0] @ whitening(stats).T, data[1])
    np.testing.assert_allclose(white.within() + white.between(), np.eye(6), atol=1e-9)
    normal = class_statistics(data[0] @ wccn(stats).T, data[1])
    np.testing.assert_allclose(normal.within(), np.eye(6), atol=1e-9)


def test_wccn_needs_a_speaker_with_two_utterances(data):
    with pytest.raises(InputError, match="WCCN needs at least one speaker with two"):
        wccn(class_statistics(data[0][:6], np.arange(6)))


def test_wccn_of_a_dimension_that_does_not_vary(data, caplog):
    vectors = data[0].copy()
    vectors[:, 2] = 1.0
    matrix = wccn(class_statistics(vectors, data[1]))
    assert np.isfinite(matrix).all() and "1 of 6 eigenvalues" in caplog.text
    normal = class_statistics(vectors @ matrix.T, data[1]).within()
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(normal)), [0, 1, 1, 1, 1, 1], atol=1e-6)


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_lda_makes_the_mixed_covariance_the_unit_matrix(data, factor):
    projected = class_statistics(data[0] @ lda(class_statistics(*data), 4, factor).T, data[1])
    mixed = projected.within() + factor * projected.between()
    np.testing.assert_allclose(mixed, np.eye(4), atol=1e-9)
    between = np.diag(projected.between())
    np.testing.assert_allclose(projected.between(), np.diag(between), atol=1e-9)
    assert (np.diff(between) < 0).all()


def test_lda_is_reduced_to_what_the_speakers_allow(speakers, caplog):
    vectors, labels = speakers(5, 20, np.eye(10), np.eye(10))
    assert lda(class_statistics(vectors, labels), 200).shape == (4, 10)
    assert "LDA to 4 dimensions instead of 200" in caplog.text


def test_lda_with_fewer_utterances_than_dimensions_generalises(speakers, caplog):
    between, within = np.diag([4.0] * 5 + [0.0] * 95), np.eye(100)
    vectors, labels = speakers(20, 3, between, within)
    matrix = lda(class_statistics(vectors, labels), 5)
    assert "shrunk" in caplog.text
    new = class_statistics(speakers(200, 5, between, within, seed=9)[0] @ matrix.T, np.repeat(np.arange(200), 5))
    assert np.trace(new.between()) > 2 * np.trace(new.within())


def test_shrinkage_gives_full_rank_and_keeps_the_trace():
    x = np.random.default_rng(0).normal(size=(10, 30))
    covariance = x.T @ x / 10
    better = shrunk(covariance, 10)
    assert np.linalg.eigvalsh(better)[0] > 0.05
    assert np.trace(better) == pytest.approx(np.trace(covariance))


def test_length():
    x = normalized(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(x, [[np.sqrt(2) * 0.6, np.sqrt(2) * 0.8], [0, 0]])


def test_chain_with_an_affine_matrix():
    chain = Chain(np.array([1.0, 1.0]), np.array([[1.0, 0.0, 5.0]]), normalize_length=False)
    np.testing.assert_allclose(chain.apply(np.array([[2.0, 3.0]])), [[6.0]])
    with pytest.raises(InputError, match="3 dimensions but the back end was trained on 2"):
        chain.apply(np.ones((1, 3)))


@pytest.mark.parametrize("binary", [True, False])
def test_directory_round_trip(data, tmp_path, binary):
    options = TrainingOptions(lda_dim=4, whiten=True, wccn=True, normalize_length=False)
    backend = train_backend(*data, options)
    write_backend(tmp_path / "b", backend, binary)
    again = read_backend(tmp_path / "b")
    np.testing.assert_allclose(again.chain.apply(data[0]), backend.chain.apply(data[0]), rtol=1e-5)
    np.testing.assert_allclose(again.plda.psi, backend.plda.psi, rtol=1e-6)
    assert not again.chain.normalize_length
    assert again.description["num_speakers"] == 80


def test_directory_without_transform_and_plda(tmp_path):
    write_backend(tmp_path, Backend(Chain(np.array([1.0, 2.0])), None, {}))
    backend = read_backend(tmp_path)
    assert backend.plda is None
    np.testing.assert_allclose(backend.chain.apply(np.array([[4.0, 6.0]])), [[0.6 * 2**0.5, 0.8 * 2**0.5]])
    with pytest.raises(InputError, match="mean.vec"):
        read_backend(tmp_path / "nowhere")

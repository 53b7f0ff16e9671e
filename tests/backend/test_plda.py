import numpy as np
import pytest

from nnet import metrics
from nnet.backend.adaptation import AdaptationOptions, adapt, interpolate
from nnet.backend.plda import Plda, train_plda
from nnet.backend.scoring import plda_scorer
from nnet.backend.statistics import class_statistics
from nnet.errors import InputError

BETWEEN = np.array([[4.0, 1.0, 0.0], [1.0, 2.0, 0.3], [0.0, 0.3, 1.0]])
WITHIN = np.array([[1.0, -0.2, 0.1], [-0.2, 0.5, 0.0], [0.1, 0.0, 2.0]])


def trained(vectors, labels, **options):
    return train_plda(class_statistics(vectors, labels), **options)


def test_training_recovers_the_covariances(speakers):
    plda = trained(*speakers(20000, 4, BETWEEN, WITHIN))
    np.testing.assert_allclose(plda.between, BETWEEN, atol=0.1)
    np.testing.assert_allclose(plda.within, WITHIN, atol=0.02)


def test_llrs_are_calibrated_on_data_of_the_model(speakers):
    vectors, labels = speakers(2000, 3, BETWEEN, WITHIN, seed=1)
    plda = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN)
    pairs = vectors.reshape(-1, 3, 3)
    scorer = plda_scorer(plda, pairs[:, :2].mean(axis=1), np.full(2000, 2), pairs[:, 2], normalize_length=False)
    llr, target = scorer.dense().ravel(), np.eye(2000, dtype=bool).ravel()
    rates = metrics.error_rates(llr, target)
    assert metrics.cllr(rates) - metrics.min_cllr(metrics.convex_hull(rates)) < 0.01
    for name in ("DCF(0.01)", "DCF18-VAST"):
        cost = metrics.SETTINGS[name]
        assert metrics.act_dcf(rates, cost) == pytest.approx(metrics.min_dcf(rates, cost), abs=0.02)


def gaussian(x, covariance):
    """Logarithm of the density of a centred Gaussian."""
    return -0.5 * (x @ np.linalg.solve(covariance, x) + np.linalg.slogdet(2 * np.pi * covariance)[1])


@pytest.mark.parametrize("count", [1, 3])
def test_llr_is_the_ratio_of_two_densities(count):
    plda = Plda.from_covariances(np.array([1.0, 2.0, 3.0]), WITHIN, BETWEEN)
    rng = np.random.default_rng(0)
    enroll, test = rng.normal(size=3), rng.normal(size=3)
    total, mean_total = BETWEEN + WITHIN, BETWEEN + WITHIN / count
    joint = np.block([[mean_total, BETWEEN], [BETWEEN, total]])
    x, y = enroll - plda.mean, test - plda.mean
    expected = gaussian(np.concatenate([x, y]), joint) - gaussian(x, mean_total) - gaussian(y, total)
    scorer = plda_scorer(plda, enroll[None], [count], test[None], normalize_length=False)
    assert scorer.dense()[0, 0] == pytest.approx(expected, abs=1e-9)


def test_length_normalisation_gives_the_expected_length():
    plda = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN)
    x = np.random.default_rng(0).normal(size=(5, 3))
    counts = np.array([1, 2, 3, 4, 5])
    y = plda.project(x, counts)
    np.testing.assert_allclose(np.sum(y**2 / (plda.psi + 1 / counts[:, None]), axis=1), 3)
    np.testing.assert_allclose(np.sum(plda.project(x, simple_length_normalization=True) ** 2, axis=1), 3)


def test_transformed_model():
    plda = Plda.from_covariances(np.ones(3), WITHIN, BETWEEN)
    matrix = np.random.default_rng(0).normal(size=(2, 3))
    smaller = plda.transformed(matrix)
    np.testing.assert_allclose(smaller.between, matrix @ BETWEEN @ matrix.T, atol=1e-12)
    np.testing.assert_allclose(smaller.within, matrix @ WITHIN @ matrix.T)
    np.testing.assert_allclose(smaller.mean, matrix @ np.ones(3))


def test_smoothing_adds_to_the_within_class_covariance():
    plda = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN).smoothed(0.1)
    np.testing.assert_allclose(plda.within, WITHIN + 0.1 * BETWEEN, atol=1e-12)
    np.testing.assert_allclose(plda.between, BETWEEN, atol=1e-12)


def test_fewer_speakers_than_dimensions_is_said_and_stays_stable(speakers, caplog):
    dim = 60
    vectors, labels = speakers(12, 4, np.eye(dim), 0.5 * np.eye(dim))
    plda = trained(vectors, labels)
    assert "12 speakers" in caplog.text and "shrunk" in caplog.text
    assert np.count_nonzero(plda.psi) <= 11
    new, _ = speakers(50, 2, np.eye(dim), 0.5 * np.eye(dim), seed=5)
    scores = plda_scorer(plda, new[::2], np.ones(50, int), new[1::2]).dense()
    assert np.isfinite(scores).all() and np.abs(scores).max() < 100
    assert np.diag(scores).mean() > scores.mean()


def test_one_utterance_a_speaker_is_refused():
    with pytest.raises(InputError, match="two or more utterances"):
        trained(np.random.default_rng(0).normal(size=(5, 3)), np.arange(5))


def test_dimension_mismatch_is_named():
    with pytest.raises(InputError, match="4 dimensions but the PLDA model has 3"):
        Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN).project(np.ones((2, 4)))


NEW_WITHIN, NEW_BETWEEN = WITHIN + np.diag([2.0, 0.0, 0.0]), BETWEEN + np.diag([0.0, 1.0, 0.0])


@pytest.mark.parametrize("method", ["kaldi", "coral", "coral+"])
def test_adaptation_moves_the_total_covariance_towards_the_new_domain(speakers, method):
    plda = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN)
    vectors = speakers(5000, 4, NEW_BETWEEN, NEW_WITHIN, seed=2)[0] + 5.0
    adapted = adapt(plda, vectors, AdaptationOptions(method))
    np.testing.assert_allclose(adapted.mean, 5.0, atol=0.15)
    before = np.abs(WITHIN + BETWEEN - NEW_WITHIN - NEW_BETWEEN).max()
    after = np.abs(adapted.within + adapted.between - np.cov(vectors, rowvar=False, bias=True)).max()
    assert after < before if method != "kaldi" else adapted.within[0, 0] > WITHIN[0, 0] + 1  # kaldi adds the shift
    if method == "coral":
        np.testing.assert_allclose(after, 0, atol=1e-9)


@pytest.mark.parametrize("method", ["coral", "coral+", "kaldi"])
def test_adaptation_to_the_same_domain_changes_nothing(method):
    plda = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN)
    rng = np.random.default_rng(0)
    white = rng.normal(size=(1000, 3))
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white, rowvar=False, bias=True))).T
    vectors = white @ np.linalg.cholesky(WITHIN + BETWEEN).T
    adapted = adapt(plda, vectors, AdaptationOptions(method))
    np.testing.assert_allclose(adapted.within, WITHIN, atol=1e-9)
    np.testing.assert_allclose(adapted.between, BETWEEN, atol=1e-9)


@pytest.mark.parametrize(("method", "variance"), [("coral", 6), ("coral+", 4.5), ("kaldi", 6)])
def test_adaptation_of_one_dimension(method, variance):
    plda = Plda.from_covariances(np.zeros(1), np.eye(1), 2 * np.eye(1))
    vectors = np.array([[-3.0], [0.0], [3.0]])
    total = adapt(plda, vectors, AdaptationOptions(method, within_covar_scale=0.5, between_covar_scale=0.5))
    assert (total.within + total.between).item() == pytest.approx(variance)


def test_embeddings_without_variation_in_a_direction_are_explained():
    with pytest.raises(InputError, match="do not vary in some direction .* LDA"):
        Plda.from_covariances(np.zeros(2), np.diag([1.0, 0.0]), np.eye(2))


def test_coral_survives_few_embeddings(caplog):
    rng = np.random.default_rng(0)
    plda = Plda.from_covariances(np.zeros(40), np.eye(40), 2 * np.eye(40))
    with caplog.at_level("INFO"):
        adapted = adapt(plda, rng.normal(0, np.sqrt(3), (30, 40)), AdaptationOptions("coral"))
    assert "30 embeddings in 40 dimensions is shrunk" in caplog.text
    values = np.linalg.eigvalsh(adapted.within + adapted.between)
    assert values.min() > 1 and values.max() < 6


def test_coral_plus_by_a_generalised_eigenvalue_problem():
    """The paper's own form: B^T Phi B = I, B^T S B = E; Phi + gamma B^-T max(0, E - I) B^-1."""
    import scipy.linalg

    from nnet.backend import adaptation

    covariance = np.cov(np.random.default_rng(3).normal(size=(50, 3)) * [1, 3, 2], rowvar=False)
    plda = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN)
    aligned = adaptation._coral(plda, np.zeros(3), covariance)
    values, basis = scipy.linalg.eigh(aligned.within, WITHIN)
    back = np.linalg.inv(basis)
    expected = WITHIN + 0.6 * back.T @ np.diag(np.maximum(0, values - 1)) @ back
    options = AdaptationOptions("coral+", within_covar_scale=0.6)
    adapted = adaptation._coral_plus(plda, np.zeros(3), covariance, options)
    np.testing.assert_allclose(adapted.within, expected)


def test_interpolation():
    out = Plda.from_covariances(np.zeros(3), WITHIN, BETWEEN)
    inside = Plda.from_covariances(np.ones(3), NEW_WITHIN, NEW_BETWEEN)
    plda = interpolate(out, inside, 0.25)
    np.testing.assert_allclose(plda.within, 0.75 * WITHIN + 0.25 * NEW_WITHIN, atol=1e-12)
    np.testing.assert_allclose(plda.between, 0.75 * BETWEEN + 0.25 * NEW_BETWEEN, atol=1e-12)
    np.testing.assert_allclose(plda.mean, 1.0)


@pytest.mark.parametrize("method", ["kaldi", "coral", "coral+"])
def test_equal_embeddings_are_no_domain(method):
    plda = Plda.from_covariances(np.zeros(2), np.eye(2), np.eye(2))
    with pytest.raises(InputError, match="all 3 embeddings are equal"):
        adapt(plda, np.ones((3, 2)), AdaptationOptions(method))

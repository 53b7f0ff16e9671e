import numpy as np
import pytest

from nnet.backend import scoring
from nnet.backend.embeddings import Embeddings, Enrollment
from nnet.backend.plda import Plda
from nnet.backend.score_norm import cohort_against_tests, enrolled_against_cohort, normalized_scores
from nnet.backend.system import System, score_list
from nnet.errors import InputError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=["cosine", "plda"])
def scorer(request, rng):
    enroll, test = rng.normal(size=(30, 4)), rng.normal(size=(50, 4))
    if request.param == "cosine":
        return scoring.cosine_scorer(enroll, test)
    plda = Plda.from_covariances(np.zeros(4), np.eye(4), np.diag([4.0, 3.0, 2.0, 1.0]))
    return scoring.plda_scorer(plda, enroll, rng.integers(1, 4, 30), test)


def test_cosine_of_rows():
    scorer = scoring.cosine_scorer(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0], [-3.0, -4.0]]))
    np.testing.assert_allclose(scorer.dense(), [[0.6, -1.0]])


def test_blocks_of_all_kinds_agree(scorer, rng, monkeypatch):
    dense = scorer.dense()
    monkeypatch.setattr(scoring, "MOST_CELLS", 170)
    np.testing.assert_allclose(np.concatenate([rows for _, rows in scorer.rows()]), dense)
    np.testing.assert_allclose(np.concatenate([columns for _, columns in scorer.columns()]).T, dense)
    enroll, test = rng.integers(0, 30, 500), rng.integers(0, 50, 500)
    np.testing.assert_allclose(scorer.pairs(enroll, test), dense[enroll, test])
    monkeypatch.setattr(scoring, "DENSE_WORTH", 0)
    np.testing.assert_allclose(scorer.pairs(enroll, test), dense[enroll, test])


def test_search(scorer, monkeypatch):
    monkeypatch.setattr(scoring, "MOST_CELLS", 170)
    blocks = list(scoring.search(scorer, 3))
    positions = np.concatenate([block[1] for block in blocks])
    scores = np.concatenate([block[2] for block in blocks])
    expected = np.argsort(-scorer.dense(), axis=0)[:3].T
    np.testing.assert_array_equal(positions, expected)
    np.testing.assert_allclose(scores, np.take_along_axis(scorer.dense().T, expected, axis=1))
    assert next(scoring.search(scorer, 1000))[1].shape[1] == 30


def test_list_of_any_length_in_blocks(rng, tmp_path, monkeypatch):
    monkeypatch.setattr("nnet.kaldi.text_columns.BLOCK_BYTES", 100)
    enroll = Embeddings("e", [f"s{i}" for i in range(5)], rng.normal(size=(5, 3)))
    test = Embeddings("t", [f"u{i}" for i in range(7)], rng.normal(size=(7, 3)))
    pairs = [(f"s{i}", f"u{j}") for i in range(5) for j in range(7)]
    rng.shuffle(pairs)
    (tmp_path / "trials").write_text("".join(f"{e} {t}\n" for e, t in pairs))
    count = score_list(System(), tmp_path / "trials", Enrollment(enroll, np.ones(5, int)), test, tmp_path / "scores")
    lines = [line.split() for line in (tmp_path / "scores").read_text().splitlines()]
    assert count == 35 and [(e, t) for e, t, _ in lines] == [tuple(pair) for pair in pairs]
    dense = scoring.cosine_scorer(enroll.vectors, test.vectors).dense()
    for e, t, score in lines:
        assert float(score) == pytest.approx(dense[int(e[1:]), int(t[1:])], abs=1e-6)


def loop_as_norm(score, enroll_cohort, test_cohort, top_n):
    """AS-norm1 of one trial, as the paper has it."""
    enroll_top = sorted(enroll_cohort, reverse=True)[:top_n]
    test_top = sorted(test_cohort, reverse=True)[:top_n]
    parts = []
    for top in (enroll_top, test_top):
        mean = sum(top) / len(top)
        deviation = (sum((s - mean) ** 2 for s in top) / len(top)) ** 0.5
        parts.append((score - mean) / deviation)
    return 0.5 * sum(parts)


def test_score_normalisation(rng):
    enroll, test, cohort = rng.normal(size=(6, 4)), rng.normal(size=(8, 4)), rng.normal(size=(40, 4))
    plda = Plda.from_covariances(np.zeros(4), np.eye(4), np.diag([4.0, 3.0, 2.0, 1.0]))
    counts, cohort_counts = rng.integers(1, 4, 6), rng.integers(1, 4, 40)
    scores = scoring.plda_scorer(plda, enroll, counts, test).dense()
    of_enroll = scoring.plda_scorer(plda, enroll, counts, cohort)
    of_test = scoring.plda_scorer(plda, cohort, cohort_counts, test)
    e, t = rng.integers(0, 6, 20), rng.integers(0, 8, 20)

    def norm(kind, top_n=None):
        sides = enrolled_against_cohort(of_enroll, top_n), cohort_against_tests(of_test, top_n)
        return normalized_scores(kind, scores[e, t], e, t, *sides)

    a, b = of_enroll.dense(), of_test.dense().T
    z = (scores[e, t] - a[e].mean(axis=1)) / a[e].std(axis=1)
    t_norm = (scores[e, t] - b[t].mean(axis=1)) / b[t].std(axis=1)
    np.testing.assert_allclose(norm("z"), z)
    np.testing.assert_allclose(norm("t"), t_norm)
    np.testing.assert_allclose(norm("s"), (z + t_norm) / 2)
    expected = [loop_as_norm(scores[i, j], a[i], b[j], 10) for i, j in zip(e, t, strict=True)]
    np.testing.assert_allclose(norm("as", 10), expected)


@pytest.mark.parametrize("members", [[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]])
def test_a_cohort_of_one_voice_is_refused(members):
    cohort = np.tile(members, (30, 1))
    with pytest.raises(InputError, match="all cohort scores are equal"):
        enrolled_against_cohort(scoring.cosine_scorer(np.array([[0.7, 0.1, 0.3]]), cohort))


def test_no_pairs_have_no_scores(scorer):
    assert scorer.pairs(np.zeros(0, int), np.zeros(0, int)).shape == (0,)

"""VBx: a Bayesian hidden Markov model over a sequence of embeddings, whose states are speakers.

Landini, Profant, Diez, Burget 2022, "Bayesian HMM clustering of x-vector sequences (VBx) in speaker diarization:
theory, implementation and analysis on standard tasks", Computer Speech & Language 71; numbers of equations are its own.

The embeddings must follow a PLDA model: in its diagonalizing space, an embedding is a speaker's mean, drawn from
N(0, diag(phi)), and noise from N(0, I). steps/train_backend.sh trains one on embeddings of labeled speakers.
"""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from nnet.options import option

log = logging.getLogger(__name__)

UNUSED = 1e-3  # prior of a speaker who has no part in the recording


@dataclass(frozen=True)
class VbxOptions:
    """Options of VBx."""

    Fa: float = option(0.4, "Scale of the statistics: consecutive embeddings are not independent.", above=0)
    Fb: float = option(17.0, "Regularization of the speakers: the larger, the fewer.", above=0)
    loop_prob: float = option(0.4, "Probability that the next window has the same speaker.", low=0, below=1)
    vbx_dim: int = option(128, "Dimensions of PLDA that are used, the most discriminative ones.", low=1)
    init_smoothing: float = option(5.0, "Confidence in the initial clusters: the logit of a window's own one.", low=0)
    max_iters: int = option(40, "Iterations at most.", low=1)
    epsilon: float = option(1e-6, "Iterations end when the lower bound rises by less.", low=0)


@dataclass(frozen=True)
class Posteriors:
    """What VBx finds.

    Attributes:
        gamma: float64 (T, S), probability of each speaker at each time.
        pi: float64 (S,), prior of each speaker; that of a redundant one tends to zero.
        bounds: lower bound of the log-likelihood (ELBO) of each iteration.
    """

    gamma: np.ndarray
    pi: np.ndarray
    bounds: list


def vbx(x: np.ndarray, phi: np.ndarray, gamma: np.ndarray, options: VbxOptions = VbxOptions()) -> Posteriors:
    """Runs VBx from an initial assignment.

    Args:
        x: float64 (T, D), embeddings in the order of time, in PLDA's space.
        phi: float64 (D,), the between-class covariance there.
        gamma: float64 (T, S), the initial probabilities of the speakers.
        options: VbxOptions.
    """
    pi = np.full(gamma.shape[1], 1 / gamma.shape[1])
    constant = -0.5 * (np.sum(x**2, axis=1, keepdims=True) + x.shape[1] * np.log(2 * np.pi))
    rho = x * np.sqrt(phi)  # (18)
    ratio, bounds = options.Fa / options.Fb, []
    for _ in range(options.max_iters):
        variance = 1 / (1 + ratio * gamma.sum(axis=0)[:, None] * phi)  # (17): (S, D)
        alpha = ratio * variance * (gamma.T @ rho)  # (16): (S, D)
        scores = options.Fa * (rho @ alpha.T - 0.5 * (variance + alpha**2) @ phi + constant)  # (23): (T, S)
        gamma, entered, likelihood = forward_backward(scores, pi, options.loop_prob)
        bounds.append(likelihood + 0.5 * options.Fb * np.sum(np.log(variance) - variance - alpha**2 + 1))  # (25)
        pi = gamma[0] + entered  # (24)
        pi /= pi.sum()
        if len(bounds) > 1 and bounds[-1] - bounds[-2] < options.epsilon:
            break
    return Posteriors(gamma, pi, bounds)


def forward_backward(scores: np.ndarray, pi: np.ndarray, loop_prob: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Computes the posteriors of an HMM that stays with `loop_prob`, and otherwise draws its next state from pi (1).

    Since all states are entered alike, a step takes O(S) instead of O(S²) operations.

    Args:
        scores: (T, S), log-likelihoods of the states.
        pi: (S,), the prior of the states, also of the first one.
        loop_prob: probability of no draw.

    Returns:
        (gamma (T, S), expected number of times that each state was drawn after the first time (S,), log-likelihood).
    """
    with np.errstate(divide="ignore"):
        stay, draw = np.log(loop_prob), np.log1p(-loop_prob) + np.log(pi)
        forward, backward = np.empty_like(scores), np.zeros_like(scores)
        forward[0] = scores[0] + np.log(pi)
    for t in range(1, len(scores)):  # (20)
        total = np.logaddexp.reduce(forward[t - 1])
        forward[t] = scores[t] + np.logaddexp(stay + forward[t - 1], draw + total)
    for t in range(len(scores) - 2, -1, -1):  # (21)
        coming = scores[t + 1] + backward[t + 1]
        backward[t] = np.logaddexp(stay + coming, np.logaddexp.reduce(draw + coming))
    likelihood = float(np.logaddexp.reduce(forward[-1]))  # (22)
    gamma = np.exp(forward + backward - likelihood)  # (19)
    before = logsumexp(forward[:-1], axis=1, keepdims=True)
    entered = np.exp(before + draw + scores[1:] + backward[1:] - likelihood).sum(axis=0)
    return gamma, entered, likelihood


def refine(x: np.ndarray, phi: np.ndarray, labels: np.ndarray, options: VbxOptions = VbxOptions()) -> np.ndarray:
    """Refines clusters, which are better too many than too few: VBx drops the redundant ones.

    Args:
        x, phi: as for `vbx`.
        labels: int (T,), the cluster of each embedding, from 0 on.

    Returns:
        gamma (T, S'), for the speakers that are left.
    """
    hard = np.eye(labels.max() + 1)[labels]
    found = vbx(x, phi, softmax(options.init_smoothing * hard, axis=1), options)
    used = found.pi > UNUSED
    used[np.unique(found.gamma.argmax(axis=1))] = True
    log.debug("VBx: %d of %d speakers after %d iterations", used.sum(), len(used), len(found.bounds))
    return found.gamma[:, used]

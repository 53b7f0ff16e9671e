"""Scoring systems: cosine or PLDA, with or without a trained back end."""

import dataclasses

import numpy as np

from nnet.backend.scoring import cosine_scorer, plda_scorer
from nnet.errors import InputError
from nnet.kaldi.text_columns import count_blocks, read_blocks
from nnet.kaldi.trials import ScoreWriter
from nnet.options import option
from nnet.progress import progress


@dataclasses.dataclass(frozen=True)
class ScoringOptions:
    """Options of scoring."""

    method: str = option("cosine", "Scoring method.", choices=("cosine", "plda"))
    transform: bool = option(True, "Apply transform.mat; false: center only (cosine only).")
    smoothing: float = option(0.0, "As in ivector-copy-plda; PLDA only.", low=0, high=1)
    normalize_length: bool = option(True, "As in ivector-plda-scoring; PLDA only.")
    simple_length_normalization: bool = option(False, "As in ivector-plda-scoring; PLDA only.")


class System:
    """Scoring system: builds the Scorer of enrollment and test embeddings.

    Args:
        options: ScoringOptions.
        backend: a Backend, or None for the cosine of untransformed embeddings.
    """

    def __init__(self, options=ScoringOptions(), backend=None):
        self.options, self.backend = options, backend
        if options.method == "plda" and (backend is None or backend.plda is None):
            raise InputError(
                "--method plda needs --backend DIR with a plda file; train one with steps/train_backend.sh"
            )
        if options.method == "plda" and not options.transform:
            raise InputError("--transform false requires --method cosine: PLDA was trained on transformed embeddings")

    def scorer(self, enrollment, test):
        """Returns the Scorer of an Enrollment against test Embeddings."""
        enroll, test = (self._transformed(e) for e in (enrollment.embeddings, test))
        if self.options.method == "cosine":
            return cosine_scorer(enroll, test)
        return plda_scorer(
            self.backend.plda.smoothed(self.options.smoothing),
            enroll,
            enrollment.num_utts,
            test,
            normalize_length=self.options.normalize_length,
            simple_length_normalization=self.options.simple_length_normalization,
        )

    def _transformed(self, embeddings):
        if self.backend is None:
            return embeddings.vectors.astype(np.float64)
        chain = self.backend.chain
        if not self.options.transform:
            chain = dataclasses.replace(chain, matrix=None)
        try:
            return chain.apply(embeddings.vectors)
        except InputError as error:
            raise InputError(f"{embeddings.path}: {error}") from None


def score_list(system, trials_path, enrollment, test, out_path):
    """Scores a trial list of any length in blocks.

    Args:
        system: a System.
        trials_path: file of lines `enroll test`, with or without a label.
        enrollment: an Enrollment.
        test: Embeddings.
        out_path: score file, written atomically.

    Returns:
        number of trials.
    """
    _same_dim(enrollment.embeddings, test)
    scorer = system.scorer(enrollment, test)
    enroll_rows, test_rows = enrollment.embeddings.positions(), test.positions()
    unknown = "{} must be one of the {} embeddings of {}"
    enroll_unknown = unknown.format("the enrolled id", len(enroll_rows), enrollment.embeddings.path)
    test_unknown = unknown.format("the test id", len(test_rows), test.path)
    count = 0
    with ScoreWriter(out_path) as writer:
        for block in progress(read_blocks(trials_path, (2, 3)), count_blocks(trials_path), "scoring", "blocks"):
            enroll = block.convert(0, enroll_rows.__getitem__, np.int64, enroll_unknown)
            tests = block.convert(1, test_rows.__getitem__, np.int64, test_unknown)
            writer.write(block.columns[0], block.columns[1], scorer.pairs(enroll, tests))
            count += len(enroll)
    return count


def _same_dim(enroll, test):
    if enroll.dim != test.dim:
        raise InputError(f"{test.path}: has {test.dim} dimensions but {enroll.path} has {enroll.dim}")

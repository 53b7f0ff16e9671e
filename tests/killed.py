"""A training that dies where it would write a checkpoint, and the comparison with one that was left alone."""

import contextlib

import numpy as np
import pytest

from nnet.training import trainer


class Killed(Exception):
    """Raised in the place of a checkpoint."""


@contextlib.contextmanager
def killed_at_checkpoint(number):
    """Context in which the training must die as it would write its checkpoint `number`, counted from 1."""
    calls = []

    def dying(*args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            raise Killed
        return save(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        save = trainer.save_checkpoint
        patch.setattr(trainer, "save_checkpoint", dying)
        with pytest.raises(Killed):
            yield


def assert_same_weights(first, second):
    """Two dicts from name to array hold the same bits."""
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(np.array(first[name]), np.array(second[name]), err_msg=name)

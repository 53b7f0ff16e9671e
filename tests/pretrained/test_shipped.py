"""The models of the package: small, described, and as they were exported."""

import os

import pytest

import nnet
from nnet.config import load_config
from nnet.model.cost import count_parameters
from nnet.model.hub import DEFAULT_MODEL, find_model, shipped_models

MOST_BYTES = 5_000_000


@pytest.mark.parametrize("name", shipped_models())
def test_a_model_is_small_and_described(name):
    folder = find_model(name)
    assert sum(entry.stat().st_size for entry in os.scandir(folder)) < MOST_BYTES
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        card = file.read()
    config = load_config(os.path.join(folder, "config.json"), ["training.average_checkpoints=1"])
    assert config.loss.type != "none" and not config.training.freeze, "ready to be fine-tuned"
    assert card.startswith("---\nlicense: ") and "## Limits" in card and "not stated" not in card


def test_the_default_model_loads_by_its_name_and_is_calibrated():
    model = nnet.load_model(DEFAULT_MODEL)  # embeds the recording of its self-test, and compares
    assert count_parameters(model.net) < 2_000_000
    same, other = (model.probability(cosine, seconds=(8.0, 8.0)) for cosine in (0.8, 0.0))
    assert 0 < other < 0.1 and 0.9 < same < 1

"""Names of ReDimNet's tensors: those of its authors today, of their first release, and of WeSpeaker.

WeSpeaker's ReDimNet and the first release keep the weights of all aggregations in one list beside the stages, so that
the layers of a stage have other numbers. WeSpeaker's has its own names of the embedding layers. ReDimNet2 has one set
of names.
"""

import re

import numpy as np

from nnet.pretrained.names import their_name

# Constants of the front end that is part of their modules: windows and filter banks.
FRONT_END = ("spec.", "frontend.")


def tensors_and_names(state):
    """Returns the tensors that are weights here, and the function (our name, network type) → name of the tensor.

    The aggregation of a single output is left out, whose one weight is 1, and so are constants of a front end.
    """
    in_file = names_in(state)
    single = in_file("backbone.stage0.0.w")
    tensors = {
        name: array
        for name, array in state.items()
        if not name.startswith(FRONT_END) and not (name == single and array.shape[:2] == (1, 1))
    }

    def name_of(ours, network_type):
        theirs = their_name(ours, network_type)
        return theirs and in_file(theirs)

    return tensors, name_of


def names_in(state):
    """Returns the function from a tensor's name, as the authors have it today, to its name in a state dict."""
    numbers = [int(m[1]) for name in state if (m := re.fullmatch(r"backbone\.inputs_weights\.(\d+)", name))]
    segments = "seg_1.weight" in state

    def in_file(name):
        name = _with_list(name, max(numbers)) if numbers else name
        return _with_segments(name) if segments else name

    return in_file


def to_wespeaker(state):
    """Returns the state dict of a ReDimNet in WeSpeaker's names, with the weight of the first aggregation."""
    stages = 1 + max(int(m[1]) for name in state if (m := re.match(r"backbone\.stage(\d+)\.", name)))
    first = {"backbone.inputs_weights.0": np.ones((1, 1, 1, 1), np.float32)}
    return first | {_with_segments(_with_list(name, stages)): array for name, array in state.items()}


def with_first_aggregation(state, network_type):
    """Returns a state dict in the authors' names with the weight of the first aggregation, which is not used."""
    width = state["backbone.fin_wght1d.w"].shape[2] if network_type == "redimnet2" else 1
    return {"backbone.stage0.0.w": np.zeros((1, 1, width, 1), np.float32)} | state


def _with_list(name, stages):
    if name == "backbone.fin_wght1d.w":
        return f"backbone.inputs_weights.{stages}"
    match = re.fullmatch(r"backbone\.stage(\d+)\.(\d+)\.(.+)", name)
    if not match:
        return name
    stage, layer, rest = match.groups()
    # Aggregation and reshaping are no layers of the stage there.
    return f"backbone.inputs_weights.{stage}" if rest == "w" else f"backbone.stage{stage}.{int(layer) - 2}.{rest}"


def _with_segments(name):
    return re.sub(r"^bn2\.", "seg_bn_1.", re.sub(r"^linear\.", "seg_1.", name))

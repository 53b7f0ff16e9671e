"""WeSpeaker's models: `avg_model.pt` (the averaged weights) beside `config.yaml`."""

import os

from nnet.errors import InputError
from nnet.pretrained.front_ends import wespeaker_front_end
from nnet.pretrained.reading import Reading
from nnet.pretrained.shapes import describe
from nnet.pretrained.source import section


def recognise(source):
    """Whether the settings or the file's name are WeSpeaker's."""
    return "model_args" in source.settings or os.path.basename(source.path) == "avg_model.pt"


def read(source):
    """The Reading of such a source."""
    arguments = section(source.settings, "model_args", source.path)
    sections, input_dim = describe(source.state, source.path, arguments.get("pooling_func"))
    told = arguments.get("feat_dim", input_dim)
    if told != input_dim:
        raise InputError(f"{source.path}: weights for {input_dim} features a frame, config.yaml says feat_dim {told}")
    return Reading(sections, input_dim, wespeaker_front_end(source.path, input_dim, source.settings), source.state)

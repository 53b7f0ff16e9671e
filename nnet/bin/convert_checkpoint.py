"""Makes a model directory of another toolkit's checkpoint: WeSpeaker, 3D-Speaker, pyannote, or an MLX port of those.

SOURCE is a checkpoint (.pt, .bin, .ckpt, .npz, .safetensors) or the folder with one and the toolkit's settings. PyTorch
is not needed, and nothing in the file is executed. The network, its sizes and its features are found from the weights
and the settings; a tensor that finds no place is an error.
"""

import logging
import os

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.networks.tally import count_parameters
from nnet.pretrained.convert import TOOLKITS, convert, write_model_dir

log = logging.getLogger(__name__)


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--type", choices=sorted(TOOLKITS), help="toolkit that the checkpoint is of; default: found out")
    p.add_argument("source", metavar="SOURCE")
    p.add_argument("directory", metavar="MODELDIR")
    args = p.parse_args(argv)
    if os.path.exists(os.path.join(args.directory, "config.json")):
        raise InputError(f"{args.directory}: holds a model already; choose another MODELDIR or remove it")
    converted = convert(args.source, args.type)
    write_model_dir(converted, args.directory)
    parameters, made = count_parameters(converted.model), converted.feats_conf["options"]
    log.info(
        "%s: %s of %s, %s parameters",
        args.directory,
        converted.config.network.type,
        converted.toolkit,
        f"{parameters:,}",
    )
    log.info(
        "features: %d mel bins, %s window, %g Hz", made["num_mel_bins"], made["window_type"], made["sample_frequency"]
    )


if __name__ == "__main__":
    run(main)

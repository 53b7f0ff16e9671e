"""Converts a checkpoint of another toolkit into a model directory.

The toolkits are WeSpeaker, 3D-Speaker, pyannote (its segmentation models, too), those of the authors of NeXt-TDNN,
ReDimNet and ReDimNet2, tf-kaldi-speaker, and mlx-community's ports of ResNets. SOURCE is a checkpoint (.pt, .bin,
.ckpt, .npz, .safetensors, .index), or the folder that holds it and the toolkit's settings. Neither PyTorch nor
TensorFlow is needed, and nothing in the file is executed. The network, its sizes and its features are inferred from
the weights and the settings; a tensor that does not match the network is an error.
"""

import logging
import os

from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.feats.front_end import FrontEnd, describe
from nnet.files import read_json
from nnet.model.cost import count_parameters
from nnet.model.segmentation import save_segmentation
from nnet.pretrained import segmentation
from nnet.pretrained.checkpoint import read_checkpoint
from nnet.pretrained.convert import TOOLKITS, convert, write_model_dir

log = logging.getLogger(__name__)


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--type", choices=sorted(TOOLKITS), help="toolkit that wrote the checkpoint; default: detected")
    p.add_argument(
        "--feats-conf",
        metavar="FILE",
        help="feats_conf.json of data prepared like the training data, if the checkpoint does not define its features",
    )
    p.add_argument("source", metavar="SOURCE")
    p.add_argument("directory", metavar="MODELDIR")
    args = p.parse_args(argv)
    if os.path.exists(os.path.join(args.directory, "config.json")):
        raise InputError(f"{args.directory}: holds a model already; choose another MODELDIR or remove it")
    checkpoint = read_checkpoint(args.source)
    if args.type in (None, "pyannote") and segmentation.recognize(checkpoint):
        return convert_segmentation(checkpoint, args)
    converted = convert(checkpoint, args.type, read_feats_conf(args.feats_conf) if args.feats_conf else None)
    write_model_dir(converted, args.directory)
    network, parameters = converted.config.network.type, f"{count_parameters(converted.model):,}"
    log.info("%s: %s of %s, %s parameters", args.directory, network, converted.toolkit, parameters)
    if converted.feats_conf:
        log.info("features: %s", describe(converted.feats_conf))


def convert_segmentation(checkpoint, args):
    """Converts a checkpoint that is no speaker model but a segmentation model."""
    if args.feats_conf:
        raise InputError(f"{args.source}: a segmentation model takes samples; omit --feats-conf")
    net = segmentation.convert_segmentation(checkpoint)
    save_segmentation(args.directory, net, f"Converted from pyannote's {os.path.basename(checkpoint.path)}.")
    sizes = f"{net.options.speakers} speakers, {net.options.at_once} at once, in windows of {net.options.seconds:g} s"
    log.info("%s: segmentation into %s, %s parameters", args.directory, sizes, f"{count_parameters(net):,}")


def read_feats_conf(path):
    """Reads a feats_conf.json."""
    conf = read_json(path)
    try:
        FrontEnd(conf)
    except InputError as error:
        raise InputError(f"{path}: not a valid feats_conf.json: {error}") from None
    return conf


if __name__ == "__main__":
    run(main)

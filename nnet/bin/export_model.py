"""Exports a model for publication: weights, configuration, model card, self-test, PyTorch checkpoint, ONNX graph.

OUT receives model.safetensors (without the classifier of the training speakers), config.json, README.md (the model
card), self_test.safetensors (a recording and its embedding, which nnet.load_model repeats), the options of the features
and, where there is one, cosine_calibration.json. The card says what MODELDIR knows and what is said here; figures come
from metrics.json files alone: those named, or else all in MODELDIR and in its report folders.
"""

import glob
import logging
import os

from nnet.backend.calibration import read_calibration
from nnet.backend.duration_calibration import is_by_duration, read_duration_calibration
from nnet.bin.cli import boolean, parser, run
from nnet.config import build_config
from nnet.errors import InputError
from nnet.export.card import model_card, read_report
from nnet.export.onnx import write_onnx
from nnet.export.pytorch import write_torch
from nnet.feats.conf import write_conf
from nnet.feats.options import FEATURE_OPTIONS
from nnet.files import atomic_write, read_json, write_json
from nnet.locks import locked
from nnet.model.directory import load_speaker_net, save_config
from nnet.model.embedder import CALIBRATION, Embedder
from nnet.model.self_check import write_self_test
from nnet.model.weights import load_weights, save_weights, weights_of
from nnet.ops import mx

log = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    if (args.features or args.quantize) and not args.onnx:
        raise InputError("--features and --quantize are about the ONNX graph: add --onnx true")
    with locked(args.out):  # its file is removed at the end: nothing of it is published
        export(args)


def export(args):
    """Writes OUT, which must hold no model yet."""
    if os.path.exists(os.path.join(args.out, "config.json")):
        raise InputError(f"{args.out}: holds a model already; choose another OUT or remove it")
    made = sorted(glob.glob(f"{glob.escape(args.model_dir)}/**/metrics.json", recursive=True))
    found = args.metrics or [path for path in made if "systems" in read_json(path)]  # not those of a diarization
    reports = [read_report(path) for path in found]
    model, config, about = load_speaker_net(args.model_dir, args.checkpoint)
    if args.half:
        load_weights(model, halved(weights_of(model)), args.model_dir)  # what is exported is what the file can hold
    if args.onnx:
        write_onnx(args.out, model, about, args.features, args.quantize == "int8")
    checkpoint = None
    if args.pytorch:
        path = write_torch(os.path.join(args.out, "pytorch"), model, config, about, args.model_dir)
        checkpoint = os.path.relpath(path, args.out)
    described = {"name": args.name or os.path.basename(os.path.abspath(args.out)), "licence": args.license}
    card = model_card(model, config, about, described | {"data": args.data}, reports, checkpoint)
    with atomic_write(os.path.join(args.out, "README.md")) as file:
        file.write(card)
    write_model(args, model, config, about)
    log.info("%s: exported; figures of the model card: %s", args.out, ", ".join(found) or "none")


def write_model(args, model, config, about):
    """Writes weights, then config.json, which makes the folder a model, then what is made with both."""
    if about["feats_conf"]:
        kind = about["feats_conf"]["type"]
        options = FEATURE_OPTIONS[kind].from_dict(about["feats_conf"]["options"])
        write_conf(os.path.join(args.out, f"{kind}.conf"), options, "The features of this model.")
    weights = weights_of(model)
    save_weights(os.path.join(args.out, "model.safetensors"), halved(weights) if args.half else weights)
    save_config(args.out, published(config), about["input_dim"], about["num_speakers"], about["feats_conf"])
    if about["feats_conf"]:
        write_self_test(args.out, Embedder(args.out))
    if args.checkpoint == "best" and os.path.isfile(os.path.join(args.model_dir, CALIBRATION)):
        copy_calibration(args)


def published(config):
    """Returns the configuration without what belongs to this training alone.

    These are the sections that name files of this machine, frozen weights, and the moving average of weights. A model
    that was only taught gets a loss for those who fine-tune it.
    """
    values = config.to_dict() | {"augmentation": None, "distillation": None}
    values["training"] |= {"freeze": [], "ema": 0.0}
    if config.loss.type == "none":
        values["loss"] = {"type": "additive_angular_margin"}
    return build_config(values, "config.json")


def copy_calibration(args):
    """Copies the calibration; one by duration names the model that it is for, whose weights --half has rounded."""
    _, values = read_calibration(os.path.join(args.model_dir, CALIBRATION))
    if args.half and is_by_duration(values):
        read_duration_calibration(os.path.join(args.model_dir, CALIBRATION), Embedder(args.model_dir).checksum)
        values["model"] = Embedder(args.out).checksum
    write_json(os.path.join(args.out, CALIBRATION), values)


def halved(weights):
    """Rounds arrays of float32 to float16: {name: array}; InputError for a value beyond its range."""
    rounded = {name: w.astype(mx.float16) if w.dtype == mx.float32 else w for name, w in weights.items()}
    for name, weight in rounded.items():
        if not mx.isfinite(weight).all():
            raise InputError(f"--half: {name} holds values beyond the range of float16, 65504; export without it")
    return rounded


def make_parser():
    p = parser(__doc__)
    p.add_argument("--checkpoint", default="best", help="best, last, or a number of epochs whose checkpoint is kept")
    p.add_argument("--name", help="of the model, such as user/name on the hub; default: the folder's")
    p.add_argument("--license", help="such as cc-by-4.0; the card says so where none is stated")
    p.add_argument("--data", metavar="TEXT", help="what the model was trained on, for the card")
    p.add_argument("--metrics", action="extend", type=str.split, default=[], metavar='"FILE ..."',
                   help="metrics.json of reports, for the card; default: all that are in MODELDIR")  # fmt: skip
    p.add_argument("--half", type=boolean, default=False,
                   help="weights in float16: half the size; embeddings differ in the fourth digit")  # fmt: skip
    p.add_argument("--pytorch", type=boolean, default=False, help="also OUT/pytorch: a PyTorch checkpoint")
    p.add_argument("--onnx", type=boolean, default=False, help="also OUT/model.onnx: feats (B, T, F) to embs (B, D)")
    p.add_argument("--features", type=boolean, default=False,
                   help="the ONNX graph computes the features itself: samples (B, N) to embs")  # fmt: skip
    p.add_argument("--quantize", choices=("int8",), help="the weights in the ONNX graph have 8 bits")
    p.add_argument("model_dir", metavar="MODELDIR")
    p.add_argument("out", metavar="OUT")
    return p


if __name__ == "__main__":
    run(main)

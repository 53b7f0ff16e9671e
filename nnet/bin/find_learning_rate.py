"""Learning-rate range test: trains with growing learning rates, to see where the loss falls and where it diverges.

Takes the configuration and data of the training. Writes OUTDIR/learning_rate_tuning (lines "rate loss") and
OUTDIR/learning_rate_tuning.png; prints the rate at which the loss falls fastest.
"""

import logging
import os

from nnet.bin.cli import number, parser, run
from nnet.config import load_config
from nnet.datadir.directory import DataDir
from nnet.dataset import speaker_indices
from nnet.dataset.audio import with_speeds
from nnet.errors import InputError
from nnet.files import atomic_write
from nnet.training.data import check_features, training_loader
from nnet.training.distributed import Group
from nnet.training.rate_finder import find_rate, suggest_rate
from nnet.training.train import new_model
from nnet.training.trainer import Diverged, Trainer

log = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    config = load_config(args.config, args.set)
    data = DataDir(args.train_data)
    on_the_fly = config.data.source == "audio"
    measured = DataDir(args.valid) if on_the_fly and args.valid else data
    if on_the_fly and not measured.feats_conf:
        raise InputError(
            f"{measured.path}: has no feats_conf.json, which says how features are computed from audio: give the "
            "validation data of the training with --valid"
        )
    dim = check_features(config, measured, [])
    spk2int = speaker_indices(with_speeds(data.utt2spk, config.data.speeds))
    os.makedirs(args.out, exist_ok=True)
    group = Group()
    with training_loader(config, data, spk2int, group, measured.feats_conf) as loader:
        model = new_model(config, dim, len(spk2int), args.config, loader.target_dims)
        trainer = Trainer(model, config, args.out, loader, None, [], group)
        points = sweep(trainer, args)
    write(points, args.out)
    print(
        f"the loss falls fastest at a learning rate of {suggest_rate(points):.3g}; "
        f"see {args.out}/learning_rate_tuning.png"
    )


def make_parser():
    p = parser(__doc__)
    p.add_argument(
        "--valid", metavar="DATA", help="validation data, whose features are those computed with data.source audio"
    )
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override the configuration")
    p.add_argument("--first", type=number(float, above=0), default=1e-5, help="first learning rate")
    p.add_argument("--factor", type=number(float, above=1), default=1.15, help="ratio of successive rates")
    p.add_argument("--tune-period", type=number(int, low=1), default=100, help="updates at each rate")
    p.add_argument("--count", type=number(int, low=1), default=100, help="maximum number of rates")
    p.add_argument("config", metavar="CONFIG.json")
    p.add_argument("train_data", metavar="TRAIN_DATA")
    p.add_argument("out", metavar="OUTDIR")
    return p


def sweep(trainer, args):
    """Runs the range test and returns its points; a loss that is not finite ends it, as divergence does."""
    points = []
    try:
        for point in find_rate(trainer, args.first, args.factor, args.tune_period, args.count):
            log.info("rate %.3g: loss %.4f (%d of at most %d)", point.rate, point.loss, len(points) + 1, args.count)
            points.append(point)
    except Diverged as error:
        log.info("stopped: %s", error)
    if not points:
        raise InputError(f"{args.config}: the loss is not finite even at --first {args.first:g}; start lower")
    return points


def write(points, directory):
    from matplotlib.figure import Figure

    path = os.path.join(directory, "learning_rate_tuning")
    with atomic_write(path) as file:
        file.writelines(f"{p.rate:.6g} {p.loss:.6g}\n" for p in points)
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.semilogx([p.rate for p in points], [p.loss for p in points], color="black")
    axes.axvline(suggest_rate(points), linestyle="--", color="gray", label=f"falls fastest: {suggest_rate(points):.3g}")
    axes.set(xlabel="learning rate", ylabel="training loss")
    axes.legend()
    with atomic_write(path + ".png", binary=True) as file:
        figure.savefig(file, format="png", dpi=150)


if __name__ == "__main__":
    run(main)

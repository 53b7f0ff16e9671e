"""Checks a configuration: builds the network, takes one training step on noise, and prints every layer.

Exits with code 0, or prints one line that says what is wrong.
"""

import json

from nnet.bin.cli import number, parser, run
from nnet.config import load_config
from nnet.config.reference import explain, reference_page
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.model.cost import cost_table
from nnet.model.speaker_net import attach_loss, build_model
from nnet.ops import mx, nn, tree_flatten


def main(argv=None):
    args = make_parser().parse_args(argv)
    if args.explain:
        print(explain(args.explain, load_config(args.config, args.set) if args.config else None))
    elif args.reference:
        print(reference_page(), end="")
    elif args.config and args.show:
        print(show(load_config(args.config, args.set), args.show))
    elif args.config and args.has:
        print("true" if has(load_config(args.config, args.set), args.has) else "false")
    elif args.config:
        check(args)
    else:
        raise InputError("give a configuration, or a key: --explain loss.margin")


def make_parser():
    p = parser(__doc__)
    p.add_argument("--resolved", action="store_true", help="check, and print the configuration with all its defaults")
    p.add_argument(
        "--explain",
        metavar="SECTION.KEY",
        help="print the documentation of a key or section, including the classes that CONFIG.json names",
    )
    p.add_argument("--reference", action="store_true", help="print the documentation of every key as Markdown")
    p.add_argument("--show", metavar="SECTION.KEY", help="print the value of a key in CONFIG.json, for scripts")
    p.add_argument("--has", metavar="SECTION.KEY", help="print true or false: whether the key is valid in CONFIG.json")
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override the configuration")
    p.add_argument("--dim", type=number(int, low=1), help="feature dimension; default: features.dim, or 80")
    p.add_argument(
        "--feats-config",
        metavar="FILE",
        help="options of the features, such as conf/fbank.conf, which set the feature dimension",
    )
    p.add_argument("--feats-type", choices=sorted(FEATURE_OPTIONS), help="type of the features of --feats-config")
    p.add_argument("--num-speakers", type=number(int, low=2), default=100, help="number of classifier outputs")
    p.add_argument("config", metavar="CONFIG.json", nargs="?")
    return p


def show(config, name):
    """Formats the resolved value of a key for a shell: a word, a number, nothing for null, otherwise JSON."""
    section, _, key = name.partition(".")
    values = config.to_dict().get(section)
    if not isinstance(values, dict) or key not in values:
        raise InputError(f"--show {name}: the configuration has no such key; --explain {section} lists them")
    value = values[key]
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def has(config, name):
    """Returns whether the class of a section has an option, such as loss.initial_margin."""
    section, _, key = name.partition(".")
    values = config.to_dict().get(section)
    return isinstance(values, dict) and key in values


def check(args):
    config = load_config(args.config, args.set)
    dim = args.dim or _dim_of(args, config) or config.features.dim or 80
    mx.random.seed(config.training.seed)
    model = build_model(config, dim)
    attach_loss(model, config, args.num_speakers)
    loss = one_step(model, config, dim, args.num_speakers)
    if args.resolved:
        print(json.dumps(config.to_dict()))
        return
    print_costs(model, dim, max(config.data.min_frames, model.network.min_frames))
    print(f"one step on noise: loss {loss:.3f}, every gradient finite")


def _dim_of(args, config):
    """Returns the dimension of the features that --feats-config configures; None: not given."""
    if not args.feats_config:
        return None
    if not args.feats_type:
        raise InputError("--feats-config needs --feats-type")
    if config.features.type not in (None, args.feats_type):
        raise InputError(
            f"features.type is {config.features.type}, but the features are {args.feats_type}; change it in "
            f"{args.config}, since recipes do not take it from --set"
        )
    dim = FEATURE_OPTIONS[args.feats_type].from_conf(args.feats_config).dim
    if config.features.dim not in (None, dim):
        raise InputError(
            f"{args.feats_config}: features of {dim} dimensions, but features.dim of the configuration is "
            f"{config.features.dim}; change one of them"
        )
    return dim


def print_costs(model, dim, frames):
    """Prints a line for each layer: output shape, trainable parameters, multiply-adds."""
    model.eval()
    try:
        costs = cost_table(model, dim, frames)
    except InputError as error:
        print(f"layers cannot be listed: {error}")
        return
    rows = [r for r in costs if not r.name.startswith(("loss", "auxiliary"))]
    loss = [r for r in costs if r.name.startswith(("loss", "auxiliary"))]
    line = "{:<28} {:>18} {:>14} {:>16}".format
    print(line("layer", "output", "parameters", "multiply-adds"))
    for row in rows:
        print(line(row.name, "x".join(map(str, row.shape)), f"{row.parameters:,}", f"{row.macs:,}"))
    parameters, macs = sum(r.parameters for r in rows), sum(r.macs for r in rows)
    print(line("total", f"{frames} frames of {dim}", f"{parameters:,}", f"{macs:,}"))
    for row in loss:
        print(line(row.name, "", f"{row.parameters:,}", ""))


def one_step(model, config, dim, num_speakers):
    """The loss of one batch of noise; a gradient that is missing or not finite is an InputError."""
    segments = max(config.data.segments_per_speaker, model.loss.min_segments_per_speaker)
    labels = mx.array([s % num_speakers for s in range(4) for _ in range(segments)])
    frames = max(config.data.min_frames, model.network.min_frames)
    features = mx.random.normal((len(labels), frames, dim))

    def objective(features, labels):
        embeddings, penalty = model.train_forward(features)
        extra = sum(a(embeddings, labels, model.loss) for a in model.auxiliary)
        return model.loss(embeddings, labels).loss + penalty + extra

    model.train()
    model.loss.set_progress(0, 0.0)
    loss, grads = nn.value_and_grad(model, objective)(features, labels)
    bad = [name for name, g in tree_flatten(grads) if not mx.all(mx.isfinite(g)).item()]
    if bad or not mx.isfinite(loss).item():
        raise InputError(f"one step on noise: loss {loss.item()}, gradient not finite: {', '.join(bad[:5])}")
    return loss.item()


if __name__ == "__main__":
    run(main)

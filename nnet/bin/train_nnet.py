"""Trains a network.

CONFIG.json is a configuration such as those in nnet_conf/; TRAIN_DATA and VALID_DATA are data directories made by
steps/prepare_feats.sh and steps/split_train_valid.sh. Writes MODELDIR with config.json, model.safetensors (the best
weights), checkpoints/, spk2int and log.jsonl.
"""

from nnet.bin.cli import boolean, parser, run
from nnet.config import load_config
from nnet.training.train import train


def main(argv=None):
    args = make_parser().parse_args(argv)
    train(
        load_config(args.config, args.set),
        args.train_data,
        args.valid_data,
        args.model_dir,
        dev_data=args.dev,
        init=args.init,
        resume=args.resume,
    )


def make_parser():
    p = parser(__doc__)
    p.add_argument("--init", metavar="MODELDIR", help="start from the weights of this model")
    p.add_argument(
        "--resume", type=boolean, default=False, help="continue from the last checkpoint of MODELDIR if there is one"
    )
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="override the configuration")
    p.add_argument("--dev", metavar="DATA", help="held-out speakers for the EER of each epoch; default: VALID_DATA")
    p.add_argument("config", metavar="CONFIG.json")
    p.add_argument("train_data", metavar="TRAIN_DATA")
    p.add_argument("valid_data", metavar="VALID_DATA")
    p.add_argument("model_dir", metavar="MODELDIR")
    return p


if __name__ == "__main__":
    run(main)

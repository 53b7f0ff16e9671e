"""Says how features were made that another program made, such as Kaldi.

Writes DATA/feats_conf.json. The scripts for features write it themselves; by it a model refuses features that are not
made as those that it was trained on. Only their width can be checked here.
"""

import itertools

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.job_outputs import feats_conf, write_json
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.feats.prepare import CMVN
from nnet.kaldi.ark import matrix_shape


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--type", default="mfcc", choices=sorted(FEATURE_OPTIONS), help="kind of features")
    p.add_argument("--config", help="file of Kaldi's options that they were made with; without it all defaults hold")
    p.add_argument("--cmvn", default="none", choices=CMVN, help="how they are normalized already")
    p.add_argument("--silence-removed", type=boolean, default=False, help="whether only voiced frames are left")
    p.add_argument("data", metavar="DATA", help="data directory with feats.scp")
    args = p.parse_args(argv)
    data, options = DataDir(args.data), FEATURE_OPTIONS[args.type].from_conf(args.config)
    if data.has("feats_conf.json"):
        raise InputError(f"{data.file('feats_conf.json')}: is there already; remove it if it does not tell the truth")
    check_width(data, options.dim)
    conf = {**feats_conf(args.type, options), "cmvn": args.cmvn, "silence_removed": args.silence_removed}
    write_json(data.file("feats_conf.json"), conf)


def check_width(data, dim):
    """Whether the first of the features has the width that the options say."""
    for utterance, rx in itertools.islice(data.feats.items(), 1):
        width, where = matrix_shape(rx)[1], data.file("feats.scp")
        if width != dim:
            raise InputError(f'{where}: "{utterance}" has {width} values a frame, by the options it should have {dim}')


if __name__ == "__main__":
    run(main)

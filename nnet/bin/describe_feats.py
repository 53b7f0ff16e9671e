"""Records how the features of a data directory were computed, if another program such as Kaldi computed them.

Writes DATA/feats_conf.json, which this toolkit's own feature scripts write themselves. Models use it to refuse features
that differ from those of their training. Only the feature dimension can be verified here.
"""

import itertools

from nnet.bin.cli import boolean, parser, run
from nnet.datadir.directory import DataDir
from nnet.datadir.job_outputs import feats_conf
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.feats.prepare import CMVN
from nnet.files import write_json
from nnet.kaldi.ark import matrix_shape


def main(argv=None):
    p = parser(__doc__)
    p.add_argument("--type", default="mfcc", choices=sorted(FEATURE_OPTIONS), help="kind of features")
    p.add_argument("--config", help="Kaldi config file by which they were computed; default: all defaults")
    p.add_argument("--cmvn", default="none", choices=CMVN, help="mean normalization already applied")
    p.add_argument("--silence-removed", type=boolean, default=False, help="whether unvoiced frames have been removed")
    p.add_argument("data", metavar="DATA", help="data directory with feats.scp")
    args = p.parse_args(argv)
    data, options = DataDir(args.data), FEATURE_OPTIONS[args.type].from_conf(args.config)
    if data.has("feats_conf.json"):
        raise InputError(f"{data.file('feats_conf.json')}: already exists; remove it if it is wrong")
    check_width(data, options.dim)
    conf = {**feats_conf(args.type, options), "cmvn": args.cmvn, "silence_removed": args.silence_removed}
    write_json(data.file("feats_conf.json"), conf)


def check_width(data, dim):
    """Raises InputError if the first utterance's feature dimension differs from that of the options."""
    for utterance, rx in itertools.islice(data.feats.items(), 1):
        width, where = matrix_shape(rx)[1], data.file("feats.scp")
        if width != dim:
            raise InputError(f'{where}: "{utterance}" has {width} values per frame, but the options give {dim}')


if __name__ == "__main__":
    run(main)

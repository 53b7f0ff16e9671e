"""Extracts one embedding per utterance.

DATA needs feats.scp; mean normalization and removal of silence (vad.scp) are applied on the fly if the model was
trained with them and the features do not have them yet. OUT is the path of ark and scp without extension, such as
exp/xvector/embeddings_test/xvector.
"""

import logging

from nnet.bin.cli import boolean, number, parser, run
from nnet.datadir.directory import DataDir
from nnet.feats.prepare import FeatureReader
from nnet.kaldi.ark import ArkWriter
from nnet.model.directory import load_speaker_net
from nnet.model.engine import ENGINES, engine_of
from nnet.model.extraction import embed_utterances
from nnet.ops.runtime import warn_of_precision
from nnet.progress import progress

log = logging.getLogger(__name__)


def main(argv=None):
    args = make_parser().parse_args(argv)
    model, _, about = load_speaker_net(args.model_dir, args.checkpoint)
    node = model.utterance_node(args.node)
    data = DataDir(args.data)
    reader = FeatureReader(data, about["feats_conf"])
    short = []
    warn_of_precision(args.precision)
    with ArkWriter(args.out + ".ark", args.out + ".scp") as writer, model.computing_in(args.precision):
        engine = engine_of(model, node, args.engine)
        stream = ((u, reader.read(u)) for u in progress(sorted(data.feats), label="embeddings"))
        sizes = args.chunk_size, args.min_chunk_size
        vectors = embed_utterances(model, stream, *sizes, node, engine, args.chunk_overlap, args.normalize)
        for utterance, vector in vectors:
            if vector is None:
                short.append(utterance)
            else:
                writer.write(utterance, vector)
    if short:
        count = f"{len(short)} of {len(data.feats)} utterances are too short for an embedding"
        log.warning("%s: %s: %s", data.path, count, " ".join(short))


def make_parser():
    p = parser(__doc__)
    p.add_argument(
        "--checkpoint", default="best", help="best, last, or the number of an epoch whose checkpoint was kept"
    )
    p.add_argument("--node", help="endpoint to extract; default: the configuration's embedding.node")
    p.add_argument(
        "--engine",
        choices=ENGINES,
        help="inference engine; default: onnx on a CPU with ONNX Runtime installed, otherwise mlx",
    )
    p.add_argument(
        "--precision",
        choices=("float32", "bfloat16"),
        default="float32",
        help="precision of the network's activations and weights; bfloat16 is for GPUs",
    )
    p.add_argument(
        "--chunk-size", type=int, default=10000, help="frames per chunk of a long utterance; -1: whole utterances"
    )
    p.add_argument(
        "--min-chunk-size", type=int, default=25, help="minimum frames of a chunk; shorter utterances have no embedding"
    )
    p.add_argument(
        "--chunk-overlap",
        type=number(float, low=0, below=1),
        default=0.0,
        help="share of a chunk that the next one covers again (0.5 in tf-kaldi-speaker)",
    )
    p.add_argument(
        "--normalize",
        type=boolean,
        default=False,
        help="scale the embedding of each chunk, their mean, and the speaker's mean to length 1",
    )
    p.add_argument("model_dir", metavar="MODELDIR")
    p.add_argument("data", metavar="DATA")
    p.add_argument("out", metavar="OUT")
    return p


if __name__ == "__main__":
    run(main)

"""Compares audio files: prints the cosine score of each pair.

A line has both files, their cosine and, if the model has cosine_calibration.json, the probability that they are of the
same speaker. `mlx-speaker calibrate` makes that file, and so does steps/train_calibration.sh from cosine scores of this
model without a back end.
"""

from nnet.bin.audio_options import add_audio_options, model_and_audio, print_comparisons
from nnet.bin.cli import parser, run
from nnet.errors import InputError
from nnet.model.embedder import Embedder


def main(argv=None):
    p = parser(__doc__)
    add_audio_options(p)
    args = p.parse_args(argv)
    directory, audio = model_and_audio(args.words)
    if len(audio) < 2:
        raise InputError(f"{audio[0]}: only one file; give a second one to compare it with")
    model = Embedder(directory, args.checkpoint, node=args.node)
    print_comparisons(model, audio, model.embed_files(audio), args.p_target)


if __name__ == "__main__":
    run(main)

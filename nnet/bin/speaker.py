"""Speaker verification and identification from the command line, without a recipe.

`mlx-speaker VERB --help` shows the arguments and options of a verb.
"""

import argparse
import importlib
import sys

from nnet import __version__
from nnet.bin.cli import parser, run

# verb: (module of nnet.bin whose main(argv) implements it, its line in the help)
VERBS = {
    "embed": ("embed", "embed audio files with a trained model"),
    "compare": ("compare", "compare audio files: are they of the same speaker?"),
    "enroll": ("enroll", "enroll a speaker in a gallery of voices"),
    "identify": ("identify", "find out which enrolled speaker it is, or nobody known"),
    "verify": ("verify", "decide whether it is a certain enrolled speaker"),
    "forget": ("forget", "remove speakers from a gallery"),
    "list": ("list_voices", "list the speakers of a gallery"),
    "calibrate": ("calibrate", "give the scores of a model a meaning, by seconds of speech"),
    "diarize": ("diarize_files", "find who spoke when in audio files"),
    "convert": ("convert_checkpoint", "convert another toolkit's checkpoint into a model directory"),
    "export": ("export_model", "export a model for publication"),
    "check-config": ("check_config", "check a network configuration and show every layer"),
    "score": ("score", "score a trial list by cosine or PLDA"),
    "metrics": ("compute_metrics", "compute EER, minDCF and a report from scores"),
    "score-diarization": ("score_diarization", "compute diarization error rates and a report from RTTM files"),
}


def start():
    """Runs the console command `mlx-speaker`."""
    run(main)


def main(argv=None):
    args = make_parser().parse_args(argv)
    module, _ = VERBS[args.verb]
    sys.argv[0] = f"mlx-speaker {args.verb}"  # program name in the verb's help and errors
    return importlib.import_module(f"nnet.bin.{module}").main(args.arguments)


def make_parser():
    p = parser(__doc__)
    p.prog = "mlx-speaker"
    lines = "".join(f"\n  {verb:<19}{line}" for verb, (_, line) in VERBS.items())
    p.epilog = f"verbs:{lines}"
    p.add_argument("--version", action="version", version=f"mlx-speaker {__version__}")
    p.add_argument("verb", metavar="VERB", choices=VERBS, help="command, see below")
    p.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help="the verb's own arguments and options")
    return p


if __name__ == "__main__":
    start()

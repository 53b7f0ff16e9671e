"""Options shared by the programs that use a gallery of voices, and how they describe its answers."""

from nnet.bin.cli import number


def add_gallery_options(parser, model=True):
    """Adds the arguments for the model directory, unless `model` is false, and the gallery to a parser."""
    if model:
        parser.add_argument("model_dir", metavar="MODELDIR", help="a model directory with a calibration by duration")
    parser.add_argument("gallery", metavar="GALLERY", help="the file of enrolled voices")


def add_decision_options(parser, prior, meaning):
    """Adds the rate of false acceptance, and a prior probability under the name `prior`."""
    probability = number(float, above=0, below=1)
    parser.add_argument(
        "--false-accept",
        type=probability,
        default=0.01,
        help="how often an unknown speaker may be accepted; the threshold follows from it",
    )
    parser.add_argument(prior, type=probability, default=0.5, help=f"prior probability that {meaning}")


def add_identification_options(parser):
    """Adds what decides who of everybody enrolled somebody is, or nobody known."""
    add_decision_options(parser, "--p-known", "the speaker is enrolled; changes the probability, not the answer")


def describe(match, false_accept):
    """The numbers of a match in words."""
    return f"probability {match.probability:.4f}, false acceptance {false_accept:.2g}, cosine {match.cosine:.4f}"

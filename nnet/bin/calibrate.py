"""Calibrates a model by the seconds of speech on both sides: writes MODELDIR/cosine_calibration.json.

Cuts pieces of 1 to 16 s from the recordings of DATA, a data directory with wav.scp and utt2spk of 40 speakers or more
that the model was not trained on, and trains on the cosines of their embeddings. From then on compare, identify and
verify give probabilities. First trains on one half of the speakers and tests on the other, and prints the result.
"""

import logging
import os

from nnet.backend.calibration import CalibrationOptions
from nnet.backend.duration_calibration import write_duration_calibration
from nnet.bin.cli import number, parser, run
from nnet.datadir.directory import DataDir
from nnet.errors import InputError
from nnet.model.calibrating import calibrate, check_speakers, measure
from nnet.model.embedder import CALIBRATION, Embedder
from nnet.model.pieces import embed_pieces

log = logging.getLogger(__name__)


def main(argv=None):
    args = _arguments(argv)
    if not os.path.isdir(args.model_dir):
        raise InputError(
            f"{args.model_dir}: no such folder; the calibration is written beside the weights: calibrate a copy of a "
            "model of the package or of the Hub"
        )
    model, data = Embedder(args.model_dir), DataDir(args.data)
    check_speakers(len(set(data.utt2spk.values())), data.path)
    pieces = embed_pieces(model, data)
    check_speakers(len(set(pieces.speaker.tolist())), data.path, " have enough speech")
    figures = measure(pieces, args.p_target)
    calibration, across = calibrate(pieces, args.p_target)
    if not across:
        log.warning(
            "%s: most speakers have one recording: pieces of the same recording stand for different ones, and the "
            "probabilities will be too sure of the same speaker",
            data.path,
        )
    about = {"data": data.path, "speakers": len(set(pieces.speaker.tolist())), "pieces": len(pieces), "across": across}
    path = os.path.join(args.model_dir, CALIBRATION)
    write_duration_calibration(path, calibration, model.checksum, about)
    _print(figures)
    print(f"{path}: {about['speakers']} speakers, {len(pieces)} pieces, %.1f to %.1f s of speech" % calibration.seconds)


def _print(figures):
    print("on speakers that it was not trained on:")
    print("  speech, shorter side   targets   EER %   Cllr    min Cllr")
    for low, high, count, eer, cllr, least in figures.rows:
        print(f"  {f'{low:g} to {high:g} s':<21}{count:9d}{100 * eer:8.2f}{cllr:8.4f}{least:10.4f}")
    for requested, found in figures.false_accepts:
        print(
            f"  false acceptance of unknown speakers, {figures.voices} enrolled: {100 * found:.2f} % of "
            f"{figures.recordings} pieces at a requested {100 * requested:g} %"
        )


def _arguments(argv):
    options = parser(__doc__)
    options.add_argument("model_dir", metavar="MODELDIR")
    options.add_argument("data", metavar="DATA")
    options.add_argument(
        "--p-target",
        type=number(float, above=0, below=1),
        default=CalibrationOptions.p_target,
        help="prior probability of the same speaker that weights the loss of the training",
    )
    return options.parse_args(argv)


if __name__ == "__main__":
    run(main)

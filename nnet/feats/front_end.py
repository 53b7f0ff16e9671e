"""Front end of a trained model: features of a recording as described by the model's feats_conf."""

import dataclasses

from nnet.audio.reading import check_audio, convert_rate
from nnet.datadir.directory import check_feats_conf
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.feats.prepare import CMVN, prepare
from nnet.feats.spectrum import compute_rows
from nnet.feats.vad import VadOptions, voiced_rows
from nnet.options import build_section


class FrontEnd:
    """Computes features, VAD, CMVN and silence removal in one call, without dither.

    Args:
        conf: feats_conf of a model: type, options, cmvn, silence_removed, and vad (the VAD options).
    """

    def __init__(self, conf):
        if conf is None:
            raise InputError("the model has no feature configuration (feats_conf); embed precomputed features instead")
        check_feats_conf(conf, "feats_conf")
        self.type, self.cmvn, self.remove_silence = conf["type"], conf["cmvn"], conf["silence_removed"]
        self.options = dataclasses.replace(feature_options(conf), dither=0.0)
        self.vad = build_section(VadOptions, conf.get("vad", {}), "feats_conf: vad")
        if self.cmvn not in CMVN:
            raise InputError(f"feats_conf: cmvn must be one of {', '.join(CMVN)}, not {self.cmvn!r}")

    @property
    def sample_rate(self):
        """Sampling rate of the model's training audio in Hz."""
        return int(self.options.sample_frequency)

    def __call__(self, samples, sample_rate, where="samples"):
        """Computes the features of one recording.

        Args:
            samples: rows (n,), floats in [-1, 1).
            sample_rate: in Hz; audio of a higher rate than the model's is resampled.
            where: name of the recording in errors.

        Returns:
            rows (T, F) float32; T may be 0 if the recording is short or silent.

        Raises:
            InputError: unusable audio, or a lower rate than the model's.
        """
        check_audio(samples, where)
        if sample_rate < self.sample_rate:
            raise InputError(f"{where}: {sample_rate} Hz, the model was trained on {self.sample_rate} Hz")
        if sample_rate != self.sample_rate:
            samples = convert_rate(samples, sample_rate, self.sample_rate)
        feats = compute_rows(samples, self.options)
        voiced = voiced_rows(feats, self.vad) if self.remove_silence and len(feats) else None
        return prepare(feats, self.cmvn, voiced) if len(feats) else feats


def feature_options(conf):
    """Returns the FeatureOptions of a feats_conf."""
    if conf["type"] not in FEATURE_OPTIONS:
        raise InputError(f"feats_conf: type must be one of {', '.join(FEATURE_OPTIONS)}, not {conf['type']!r}")
    return FEATURE_OPTIONS[conf["type"]].from_dict(conf["options"], "feats_conf: options")


def describe(conf):
    """Describes a feats_conf in one line."""
    options, silence = feature_options(conf), "removed" if conf["silence_removed"] else "kept"
    count = f"{options.num_ceps} MFCCs" if conf["type"] == "mfcc" else f"{options.num_mel_bins} log mel bins"
    window = f"in the layout of {options.layout}" if conf["type"] == "mel" else f"{options.window_type} window"
    frames = f"{options.frame_length:g} ms every {options.frame_shift:g} ms, {window}"
    return f"{count} at {options.sample_frequency:g} Hz, {frames}; mean: {conf['cmvn']}; silence {silence}"

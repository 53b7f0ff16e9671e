"""Front end of a trained model: features of a recording as described by the model's feats_conf."""

import dataclasses

from nnet.audio.reading import check_audio, convert_rate
from nnet.errors import InputError
from nnet.feats.options import FEATURE_OPTIONS
from nnet.feats.prepare import prepare
from nnet.feats.spectrum import COMPUTE
from nnet.feats.vad import VadOptions, energy_vad


class FrontEnd:
    """Computes features, VAD, CMVN and silence removal in one call, without dither.

    Args:
        conf: feats_conf of a model: type, options, cmvn, silence_removed, and vad (the VAD options).
    """

    def __init__(self, conf):
        if conf is None:
            raise InputError("the model has no feature configuration (feats_conf); embed precomputed features instead")
        self.type, self.cmvn, self.remove_silence = conf["type"], conf["cmvn"], conf["silence_removed"]
        options = FEATURE_OPTIONS[self.type].from_dict(conf["options"], "feats_conf: options")
        self.options = dataclasses.replace(options, dither=0.0)
        self.vad = VadOptions(**conf.get("vad", {}))

    @property
    def sample_rate(self):
        """Sampling rate of the model's training audio in Hz."""
        return int(self.options.sample_frequency)

    def __call__(self, samples, sample_rate, where="samples"):
        """Computes the features of one recording.

        Args:
            samples: (n,) floats in [-1, 1).
            sample_rate: in Hz; audio of a higher rate than the model's is resampled.
            where: name of the recording in errors.

        Returns:
            (T, F) float32; T may be 0 if the recording is short or silent.

        Raises:
            InputError: unusable audio, or a lower rate than the model's.
        """
        check_audio(samples, where)
        if sample_rate < self.sample_rate:
            raise InputError(f"{where}: {sample_rate} Hz, the model was trained on {self.sample_rate} Hz")
        if sample_rate != self.sample_rate:
            samples = convert_rate(samples, sample_rate, self.sample_rate)
        feats = COMPUTE[self.type](samples, self.options)
        voiced = energy_vad(feats, self.vad) if self.remove_silence and len(feats) else None
        return prepare(feats, self.cmvn, voiced) if len(feats) else feats


def describe(conf):
    """Describes a feats_conf in one line."""
    options, silence = conf["options"], "removed" if conf["silence_removed"] else "kept"
    count = f"{options['num_ceps']} MFCCs" if conf["type"] == "mfcc" else f"{options['num_mel_bins']} log mel bins"
    frames = f"{options['frame_length']:g} ms every {options['frame_shift']:g} ms, {options['window_type']} window"
    return f"{count} at {options['sample_frequency']:g} Hz, {frames}; mean: {conf['cmvn']}; silence {silence}"

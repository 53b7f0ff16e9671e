"""How each toolkit makes its features, as the feats_conf of a model directory."""

from nnet.errors import InputError
from nnet.feats.options import FbankOptions
from nnet.pretrained.source import section


def front_end(path, bins, sample_rate=16000, cmvn="utterance", **options):
    """The feats_conf of filter banks without dither and with silence kept; `path` names the checkpoint in errors."""
    values = {"sample_frequency": sample_rate, "num_mel_bins": bins, "dither": 0.0} | options
    made = FbankOptions.from_dict(values, f"{path}: features")
    return {"type": "fbank", "options": made.to_dict(), "cmvn": cmvn, "silence_removed": False}


def wespeaker_front_end(path, bins, settings):
    """WeSpeaker's: a Hamming window, audio in the range of 16 bits, the utterance's mean removed.

    Args:
        path: names the checkpoint in errors.
        bins: mel bins.
        settings: its config.yaml; {} stands for its defaults.
    """
    data = section(settings, "dataset_args", path)
    kind = data.get("frontend", "fbank")
    if kind != "fbank":
        raise InputError(f"{path}: its front end is {kind}; only fbank is supported")
    fbank, cmvn = section(data, "fbank_args", path), section(data, "cmvn_args", path)
    if fbank.get("num_mel_bins", bins) != bins:
        raise InputError(f"{path}: {bins} features a frame, config.yaml says num_mel_bins {fbank['num_mel_bins']}")
    if cmvn.get("norm_var"):
        raise InputError(f"{path}: trained with variance normalisation (cmvn_args), which is not supported")
    mean = data.get("cmvn", True) and cmvn.get("norm_mean", True)
    return front_end(
        path,
        bins,
        data.get("resample_rate", 16000),
        "utterance" if mean else "none",
        window_type="hamming",
        frame_length=fbank.get("frame_length", 25),
        frame_shift=fbank.get("frame_shift", 10),
    )


def speaker3d_front_end(path, bins, settings):
    """3D-Speaker's: a Povey window over audio in [-1, 1), the utterance's mean removed.

    The scale of the audio is lost with the mean; what stays of it is the floor below which a quiet bin is not heard,
    float32's epsilon times 32768² here. The sampling rate stands in 3D-Speaker's config.yaml at the top, in
    ModelScope's configuration.json under model.model_config.
    """
    release = section(section(settings, "model", path), "model_config", path)
    sample_rate = settings.get("sample_rate", release.get("sample_rate", 16000))
    return front_end(path, bins, sample_rate, window_type="povey", mel_floor=128.0)

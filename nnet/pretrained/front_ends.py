"""Describes the features of each toolkit as the feats_conf of a model directory."""

from nnet.errors import InputError
from nnet.feats.options import FbankOptions
from nnet.pretrained.checkpoint import settings_section


def front_end(path, bins, sample_rate=16000, cmvn="utterance", **options):
    """Returns the feats_conf of filter banks without dither and with silence kept.

    Args:
        path: names the checkpoint in errors.
        bins: number of mel bins.
        sample_rate: in Hz.
        cmvn: "utterance" or "none".
        options: further FbankOptions.
    """
    values = {"sample_frequency": sample_rate, "num_mel_bins": bins, "dither": 0.0} | options
    made = FbankOptions.from_dict(values, f"{path}: features")
    return {"type": "fbank", "options": made.to_dict(), "cmvn": cmvn, "silence_removed": False}


def wespeaker_front_end(path, bins, settings):
    """Returns WeSpeaker's feats_conf: Hamming window, audio scaled to 16 bits, mean of the utterance subtracted.

    It is None for tfmel, the front end of WeSpeaker's ReDimNet2, which this toolkit does not compute.

    Args:
        path: names the checkpoint in errors.
        bins: number of mel bins.
        settings: content of WeSpeaker's config.yaml; {}: its defaults.
    """
    data = settings_section(settings, "dataset_args", path)
    kind = data.get("frontend", "fbank")
    if kind == "tfmel":
        return None
    if kind != "fbank":
        raise InputError(f"{path}: front end {kind} is not supported, only fbank")
    fbank, cmvn = settings_section(data, "fbank_args", path), settings_section(data, "cmvn_args", path)
    if fbank.get("num_mel_bins", bins) != bins:
        raise InputError(
            f"{path}: the weights take {bins} features per frame, but config.yaml has num_mel_bins "
            f"{fbank['num_mel_bins']}"
        )
    if cmvn.get("norm_var"):
        raise InputError(f"{path}: trained with variance normalization (cmvn_args), which is not supported")
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
    """Returns 3D-Speaker's feats_conf: Povey window, audio in [-1, 1), mean of the utterance subtracted.

    Subtracting the mean cancels the scale of the audio, except in the floor of the mel energies: float32's epsilon on
    audio in [-1, 1) is epsilon · 32768² = 128 on ours. The sampling rate is at the top of 3D-Speaker's config.yaml,
    or under model.model_config in ModelScope's configuration.json.

    Args: as for `wespeaker_front_end`.
    """
    release = settings_section(settings_section(settings, "model", path), "model_config", path)
    sample_rate = settings.get("sample_rate", release.get("sample_rate", 16000))
    return front_end(path, bins, sample_rate, window_type="povey", mel_floor=128.0)

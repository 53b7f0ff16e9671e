"""Describes the features of each toolkit as the feats_conf of a model directory."""

from nnet.errors import InputError
from nnet.feats.options import FbankOptions, MelOptions
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

    Args:
        path: names the checkpoint in errors.
        bins: number of mel bins.
        settings: content of WeSpeaker's config.yaml; {}: its defaults.
    """
    data = settings_section(settings, "dataset_args", path)
    kind = data.get("frontend", "fbank")
    if kind == "tfmel":
        if data.get("cmvn", True):
            raise InputError(f"{path}: cmvn on top of tfmel (WeSpeaker's default) is not supported, only false")
        return mel_front_end(
            path, bins, {"sample_rate": data.get("resample_rate", 16000)} | settings_section(data, "tfmel_args", path)
        )
    if kind != "fbank":
        raise InputError(f"{path}: front end {kind} is not supported, only fbank and tfmel")
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


def redimnet_front_end(path, bins, settings):
    """Returns the feats_conf of ReDimNet's and ReDimNet2's authors, from the arguments of the model (`model_config`).

    It is None without these, and for what is not computed here: other spectra, and other normalizations than the mean.

    Args: as for `wespeaker_front_end`.
    """
    for name in ("pad_right_samples", "before_pool_offset"):
        if settings.get(name):
            raise InputError(f"{path}: its model_config has {name}, which is not supported")
    layouts = {"pt": "torchaudio", "pt_mel": "torchaudio", "tf": "tfmel", "tf_mel": "tfmel"}
    layout = layouts.get(str(settings.get("feat_type", "pt"))) if settings else None
    arguments = settings_section(settings, "spec_params", path)
    if layout is None or layout == "torchaudio" and arguments.get("spec_norm", "mn") != "mn":
        return None
    return mel_front_end(path, bins, arguments | {"hop_length": settings.get("hop_length", 160)}, layout)


def mel_front_end(path, bins, arguments, layout="tfmel"):
    """Returns the feats_conf of the mel spectra of a PyTorch front end.

    Args:
        path: names the checkpoint in errors.
        bins: number of mel bins.
        arguments: of the front end: sample_rate, n_fft, win_length, hop_length, f_min, f_max, do_preemph, norm_signal
            and eps.
        layout: of MelOptions.
    """
    defaults = {"sample_rate": 16000, "n_fft": 512, "win_length": 400, "hop_length": 160, "f_min": 20, "f_max": 7600}
    defaults |= {"n_mels": bins, "do_preemph": True, "norm_signal": False, "eps": 1e-8}
    given = {name: arguments.get(name, default) for name, default in defaults.items()}
    for name, value in given.items():
        if not isinstance(value, (int, float)) or not 0 <= value <= 1e6:
            raise InputError(f"{path}: {name} of the front end must be a number from 0 to a million, not {value!r}")
    rate = given["sample_rate"]
    if given["n_mels"] != bins or rate <= 0:
        raise InputError(
            f"{path}: the weights take {bins} features per frame, the front end has n_mels {given['n_mels']}"
            f" at {rate} Hz"
        )
    values = {
        "layout": layout,
        "sample_frequency": rate,
        "num_mel_bins": bins,
        "frame_length": 1000 * given["win_length"] / rate,
        "frame_shift": 1000 * given["hop_length"] / rate,
        "fft_size": given["n_fft"],
        "low_freq": given["f_min"],
        "high_freq": given["f_max"],
        "preemphasis_coefficient": 0.97 if given["do_preemph"] else 0.0,
        "normalize_signal": bool(given["norm_signal"]),
        "offset": 1e-6 if layout == "torchaudio" else given["eps"],
    }
    made = MelOptions.from_dict(values, f"{path}: features")
    return {"type": "mel", "options": made.to_dict(), "cmvn": "utterance", "silence_removed": False}


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

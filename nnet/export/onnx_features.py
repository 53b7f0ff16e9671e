"""Front ends as ONNX graphs: from samples to the filter banks and the mel spectra of `nnet.feats`."""

import numpy as np
import scipy

from nnet.errors import InputError
from nnet.feats.frames import window_function
from nnet.feats.front_end import FrontEnd
from nnet.feats.mel import mel_bins
from nnet.feats.options import FbankOptions, MelOptions
from nnet.feats.signal_mels import window_and_mels
from nnet.feats.spectrum import FULL_SCALE
from nnet.ops.onnx_graph import Node


def features_from_samples(graph, conf):
    """The Node of the features (B, T, F) of an input `samples` (B, N) in [-1, 1), those of `nnet.feats` to 1e-3.

    What happens to a frame before its power spectrum is one linear map, which is computed in float64: bins that are a
    millionth of the loudest one must not drown in its rounding.

    Args:
        conf: the feats_conf of a model.

    Raises:
        InputError: the front end is not one of filter banks or mel spectra with at most the mean of the utterance taken
            off.
    """
    options = _options(conf)
    samples = graph.input("samples", ("B", "N"))
    feats = (_fbank if isinstance(options, FbankOptions) else _mels)(graph, samples.name, options)
    if options.subtract_mean or conf["cmvn"] == "utterance":
        feats = graph.emit("Sub", [feats, graph.emit("ReduceMean", [feats], axes=[1], keepdims=1)])
    feats = graph.emit("Cast", [feats], to=graph.onnx.TensorProto.FLOAT)
    return Node(graph, feats, (None, None, options.num_mel_bins))


def _options(conf):
    if conf is None:
        raise InputError("--features true: this model does not say how its features were made (feats_conf)")
    options = FrontEnd(conf).options
    reasons = {
        f"its features are {conf['type']}": not isinstance(options, (FbankOptions, MelOptions)),
        "silence is removed by a VAD": conf["silence_removed"],
        "its mean normalization slides": conf["cmvn"] == "sliding",
        "its features hold the energy": isinstance(options, FbankOptions) and options.use_energy,
    }
    for reason, holds in reasons.items():
        if holds:
            raise InputError(
                f"--features true: {reason}; the graph computes filter banks and mel spectra without VAD, energy and "
                "sliding CMVN: leave the option out to export from features"
            )
    return options


def _fbank(graph, samples, options):
    """Computes filter banks as `nnet.feats.spectrum` does."""
    if options.snip_edges:
        frames = _frames(graph, samples, options, options.window_shift - options.window_size)
    else:  # reflected at the ends, an end sample counted twice
        frames = _frames(graph, samples, options, options.window_shift // 2, repeated=1)
    power = _power(graph, frames, _spectrum_matrix(options))
    if not options.use_power:
        power = graph.emit("Sqrt", [power])
    feats = graph.emit("MatMul", [power, _double(graph, mel_bins(options))])
    if not options.use_log_fbank:
        return feats
    return graph.emit("Log", [graph.emit("Max", [feats, _double(graph, options.mel_floor)])])


def _mels(graph, samples, options):
    """Computes mel spectra as `nnet.feats.signal_mels` does."""
    window, mels = window_and_mels(options)
    spectrum = scipy.fft.rfft(np.diag(window.astype(float)), options.fft_size, axis=1)
    samples = _emphasized(graph, graph.emit("Cast", [samples], to=graph.onnx.TensorProto.DOUBLE), options)
    shift = options.window_shift
    if options.layout == "torchaudio":
        frames = _frames(graph, samples, options, shift, repeated=0)
        feats = graph.emit("MatMul", [_power(graph, frames, spectrum), _double(graph, mels)])
    else:
        edge = -options.first_sample
        samples = graph.emit("Pad", [samples, graph.constant(np.array([0, edge, 0, edge]))])
        frames = _frames(graph, samples, options, shift - options.window_size, first=0)
        limits = [_double(graph, options.offset), _double(graph, 1 / options.offset)]
        power = graph.emit("Clip", [_power(graph, frames, spectrum[:, :-1]), *limits])
        feats = graph.emit("Clip", [graph.emit("MatMul", [power, _double(graph, mels)]), *limits])
    return graph.emit("Log", [graph.emit("Add", [feats, _double(graph, options.offset)])])


def _emphasized(graph, samples, options):
    """The samples (B, N) float64, normalized if the options say so, after pre-emphasis."""

    def part(start, stop):
        return graph.emit("Slice", [samples, *(graph.constant(np.array([n])) for n in (start, stop, 1))])

    if options.normalize_signal:
        samples = graph.emit("Sub", [samples, graph.emit("ReduceMean", [samples], axes=[1], keepdims=1)])
        power = graph.emit("ReduceMean", [graph.emit("Mul", [samples, samples])], axes=[1], keepdims=1)
        scale = graph.emit("Add", [graph.emit("Sqrt", [power]), _double(graph, options.offset)])
        samples = graph.emit("Div", [samples, scale])
    before = graph.emit("Concat", [part(1, 2), part(0, -1)], axis=1)
    return graph.emit("Sub", [samples, graph.emit("Mul", [before, _double(graph, options.preemphasis_coefficient)])])


def _spectrum_matrix(options):
    """What a frame (window_size,) of samples is multiplied with: complex, (window_size, padded_size / 2)."""
    frames = np.eye(options.window_size)
    if options.remove_dc_offset:
        frames -= frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = (frames - options.preemphasis_coefficient * before) * (FULL_SCALE * window_function(options))
    return scipy.fft.rfft(frames, options.padded_size, axis=1)[:, :-1]


def _power(graph, frames, spectrum):
    """The power spectrum, float64, of frames (B, T, window_size) by a complex matrix (window_size, bins)."""
    frames = graph.emit("Cast", [frames], to=graph.onnx.TensorProto.DOUBLE)
    parts = [graph.emit("MatMul", [frames, _double(graph, part)]) for part in (spectrum.real, spectrum.imag)]
    return graph.emit("Add", [graph.emit("Mul", [part, part]) for part in parts])


def _double(graph, value):
    return graph.constant(value, np.float64)


def _frames(graph, samples, options, more, first=None, repeated=None):
    """The frames (B, T, window_size) of samples (B, N).

    Args:
        more: T = (N + more) // window_shift.
        first: sample at which frame 0 begins; None: that of the options.
        repeated: 1 or 0, whether the reflection at the ends repeats the end sample; None: no frame reaches beyond.
    """

    def whole(number):
        return graph.constant(np.array(number))

    shift, first = options.window_shift, options.first_sample if first is None else first
    count = graph.emit("Squeeze", [graph.emit("Shape", [samples], start=1, end=2)])
    frames = graph.emit("Div", [graph.emit("Add", [count, whole(more)]), whole(shift)])
    starts = graph.emit("Range", [whole(0), frames, whole(1)])
    starts = graph.emit("Unsqueeze", [graph.emit("Mul", [starts, whole(shift)]), whole([1])])
    places = graph.emit("Add", [starts, whole(np.arange(first, first + options.window_size))])
    if repeated is not None:
        period = graph.emit("Add", [graph.emit("Mul", [count, whole(2)]), whole(2 * repeated - 2)])
        places = graph.emit("Mod", [places, period])
        mirrored = graph.emit("Sub", [graph.emit("Sub", [period, whole(repeated)]), places])
        places = graph.emit("Min", [places, mirrored])
    return graph.emit("Gather", [samples, places], axis=1)

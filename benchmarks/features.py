"""MFCC, VAD and sliding CMVN beside kaldi-native-fbank, which computes the MFCCs alone.

    python -m benchmarks.features        needs: pip install kaldi-native-fbank

Both take the same synthetic utterances of 3 to 12 s, one thread, in turns; medians of 9 rounds after a warm-up.
kaldi-native-fbank is given Python lists, which it takes in faster than arrays; the conversion is part of its time.
"""

import importlib.metadata
import platform
import statistics
import time
from collections import namedtuple

import numpy as np
import scipy.signal
import threadpoolctl

from nnet.feats.cmvn import sliding_cmvn
from nnet.feats.options import FbankOptions, MfccOptions
from nnet.feats.spectrum import compute_fbank, compute_mfcc
from nnet.feats.vad import VadOptions, energy_vad
from nnet.memory import keep_memory

RATE = 16000
ROUNDS = 9
MFCC = MfccOptions(low_freq=20.0, high_freq=7600.0, num_mel_bins=30, num_ceps=30, snip_edges=False, dither=0.0)
FBANK = FbankOptions(num_mel_bins=80, snip_edges=False, dither=0.0)
VAD = VadOptions(5.5, 0.5, 0.12, 2)

Row = namedtuple("Row", "what ours theirs ratio")
Row.__doc__ = "Speeds as multiples of real time, and how many times as fast as the other."


def run(rounds=ROUNDS):
    """Rows of the table; `theirs` is kaldi-native-fbank."""
    utterances = speech_like(20)
    seconds = sum(map(len, utterances)) / RATE
    cases = [
        ("MFCC-30", mfcc, native_mfcc),
        ("MFCC-30 and VAD", mfcc_vad, native_mfcc),
        ("MFCC-30, VAD and sliding CMVN", mfcc_vad_cmvn, native_mfcc),
        ("fbank-80", fbank, native_fbank),
    ]
    rows = []
    keep_memory()  # as nnet.bin.make_feats does
    with threadpoolctl.threadpool_limits(1):
        for what, ours, theirs in cases:
            times = in_turns([ours, theirs], utterances, rounds)
            rows.append(Row(what, seconds / times[0], seconds / times[1], times[1] / times[0]))
    return rows


def speech_like(count, seed=0):
    """Utterances (n,) of 3 to 12 s with the spectral slope of speech and pauses."""
    rng = np.random.default_rng(seed)
    return [one_utterance(rng, int(rng.uniform(3, 12) * RATE)) for _ in range(count)]


def one_utterance(rng, length):
    samples = scipy.signal.lfilter([1.0], [1.0, -0.97], rng.normal(size=length))
    loudness = np.interp(np.arange(length), np.arange(0, length + RATE, RATE // 5), envelope(rng, length))
    samples = samples * loudness + rng.normal(0, 0.01, length)
    return (0.3 * samples / np.abs(samples).max()).astype(np.float32)


def envelope(rng, length):
    return rng.uniform(0, 1, len(range(0, length + RATE, RATE // 5))) ** 2


def in_turns(functions, utterances, rounds):
    """Median seconds that each function takes for all utterances, the functions alternating."""
    times = [[] for _ in functions]
    for turn in range(rounds + 1):
        for function, own in zip(functions, times, strict=True):
            start = time.perf_counter()
            for samples in utterances:
                function(samples)
            if turn:  # the first is the warm-up
                own.append(time.perf_counter() - start)
    return [statistics.median(own) for own in times]


def mfcc(samples):
    return compute_mfcc(samples, MFCC)


def mfcc_vad(samples):
    feats = compute_mfcc(samples, MFCC)
    return feats, energy_vad(feats, VAD)


def mfcc_vad_cmvn(samples):
    feats = compute_mfcc(samples, MFCC)
    return sliding_cmvn(feats), energy_vad(feats, VAD)


def fbank(samples):
    return compute_fbank(samples, FBANK)


def native_mfcc(samples):
    import kaldi_native_fbank

    options = kaldi_native_fbank.MfccOptions()
    options.num_ceps = MFCC.num_ceps
    return native(kaldi_native_fbank.OnlineMfcc, options, MFCC, samples)


def native_fbank(samples):
    import kaldi_native_fbank

    return native(kaldi_native_fbank.OnlineFbank, kaldi_native_fbank.FbankOptions(), FBANK, samples)


def native(extractor, native_options, options, samples):
    """Features (frames, dim) by kaldi-native-fbank."""
    native_options.frame_opts.dither = options.dither
    native_options.frame_opts.snip_edges = options.snip_edges
    native_options.mel_opts.num_bins = options.num_mel_bins
    native_options.mel_opts.low_freq = options.low_freq
    native_options.mel_opts.high_freq = options.high_freq
    extractor = extractor(native_options)
    extractor.accept_waveform(RATE, (samples * 32768).tolist())
    extractor.input_finished()
    return np.stack([extractor.get_frame(i) for i in range(extractor.num_frames_ready)])


def processor():
    """The name of this machine's processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def main():
    packages = ("numpy", "scipy", "kaldi-native-fbank")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"{processor()}, one thread; Python {platform.python_version()}, {versions}")
    print(f"{'times real time':<32}{'nnet':>8}{'native':>8}{'ratio':>8}")
    for row in run():
        print(f"{row.what:<32}{row.ours:>8.0f}{row.theirs:>8.0f}{row.ratio:>8.2f}")


if __name__ == "__main__":
    main()

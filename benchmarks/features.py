"""Compares MFCC, VAD and sliding CMVN with kaldi-native-fbank, which computes only the MFCCs: one thread.

Both process the same synthetic utterances of 3 to 12 s. kaldi-native-fbank gets Python lists, which it reads faster
than arrays; the conversion is part of its time.
"""

from functools import partial

import numpy as np
import scipy.signal
import threadpoolctl

from benchmarks.report import Table
from benchmarks.timing import medians
from nnet.feats.cmvn import sliding_cmvn
from nnet.feats.options import FbankOptions, MfccOptions
from nnet.feats.spectrum import compute_fbank, compute_mfcc
from nnet.feats.vad import VadOptions, energy_vad
from nnet.malloc import keep_memory

RATE = 16000
MFCC = MfccOptions(low_freq=20.0, high_freq=7600.0, num_mel_bins=30, num_ceps=30, snip_edges=False, dither=0.0)
FBANK = FbankOptions(num_mel_bins=80, snip_edges=False, dither=0.0)
VAD = VadOptions(5.5, 0.5, 0.12, 2)


def tables(rounds):
    utterances = speech_like(20)
    speech = sum(map(len, utterances)) / RATE
    rows = []
    keep_memory()  # as nnet.bin.make_feats does
    with threadpoolctl.threadpool_limits(1):
        for what, sides in CASES.items():
            ours, theirs = medians([partial(on_each, side, utterances) for side in sides], rounds)
            rows.append([what, speech / ours, speech / theirs, theirs / ours])
    yield Table("Features, times real time, one thread", ["features", "ours", "kaldi-native-fbank", "ratio"], rows)


def on_each(function, utterances):
    for samples in utterances:
        function(samples)


def speech_like(count, seed=0):
    """Synthesizes utterances (n,) of 3 to 12 s with the spectral slope and the pauses of speech."""
    rng = np.random.default_rng(seed)
    return [one_utterance(rng, int(rng.uniform(3, 12) * RATE)) for _ in range(count)]


def one_utterance(rng, length):
    samples = scipy.signal.lfilter([1.0], [1.0, -0.97], rng.normal(size=length))
    loudness = np.interp(np.arange(length), np.arange(0, length + RATE, RATE // 5), envelope(rng, length))
    samples = samples * loudness + rng.normal(0, 0.01, length)
    return (0.3 * samples / np.abs(samples).max()).astype(np.float32)


def envelope(rng, length):
    return rng.uniform(0, 1, len(range(0, length + RATE, RATE // 5))) ** 2


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
    """Computes features (frames, dim) by kaldi-native-fbank."""
    native_options.frame_opts.dither = options.dither
    native_options.frame_opts.snip_edges = options.snip_edges
    native_options.mel_opts.num_bins = options.num_mel_bins
    native_options.mel_opts.low_freq = options.low_freq
    native_options.mel_opts.high_freq = options.high_freq
    extractor = extractor(native_options)
    extractor.accept_waveform(RATE, (samples * 32768).tolist())
    extractor.input_finished()
    return np.stack([extractor.get_frame(i) for i in range(extractor.num_frames_ready)])


CASES = {
    "MFCC-30": (mfcc, native_mfcc),
    "MFCC-30 and VAD": (mfcc_vad, native_mfcc),
    "MFCC-30, VAD and sliding CMVN": (mfcc_vad_cmvn, native_mfcc),
    "fbank-80": (fbank, native_fbank),
}

"""Computes features for the utterances of a data directory, checking the audio."""

from collections import namedtuple

from nnet.audio.reading import check_audio, convert_rate, iter_utterances
from nnet.audio.seeds import generator
from nnet.errors import InputError
from nnet.feats.spectrum import compute_rows

Extracted = namedtuple("Extracted", "utterance feats seconds problem")
Extracted.__doc__ = "Features, rows (frames, dim), and duration (s) of an utterance, or None and a `problem` in words."


def extract(data, options, seed=0, skip_bad=False):
    """Yields an `Extracted` for every utterance of a data directory, in order.

    Args:
        data: a DataDir with wav.scp.
        options: FeatureOptions.
        seed: of the dither, together with the utterance id.
        skip_bad: report bad audio as a `problem` instead of raising.

    Utterances too short for a frame, or shorter than min_duration, are always reported as a `problem`.

    Raises:
        InputError: bad audio; names file and entry.
    """
    waiting = list(data.segments or data.wav_scp)
    channel = options.channel if options.channel >= 0 else None
    while waiting:
        try:
            for utterance, samples, rate in iter_utterances(data, None, False, list(waiting), channel, stored=True):
                yield _extract_one(data, utterance, samples, rate, options, seed)
                waiting.pop(0)
        except InputError as error:
            if not skip_bad:
                raise InputError(f"{error} (--skip-bad true skips such utterances)") from error
            yield Extracted(waiting.pop(0), None, None, " ".join(str(error).split()))


def _extract_one(data, utterance, samples, rate, options, seed):
    where = f'{data.path}: "{utterance}"'
    check_audio(samples, where)
    seconds = len(samples) / rate
    if seconds < options.min_duration:
        return Extracted(utterance, None, seconds, f"{seconds:.3f} s, shorter than min-duration")
    samples = at_rate(samples, rate, options, where)
    feats = compute_rows(samples, options, generator(seed, utterance))
    if len(feats) == 0:
        return Extracted(utterance, None, seconds, f"{seconds:.3f} s, too short for a frame")
    return Extracted(utterance, feats, seconds, None)


def at_rate(samples, rate, options, where):
    """Returns the samples, rows (n,), at options.sample_frequency, resampled if the options allow it.

    Args:
        where: file and entry, for the error.

    Raises:
        InputError: the rate differs and allow_downsample or allow_upsample is false.
    """
    wanted = options.sample_frequency
    if rate == wanted:
        return samples
    higher = rate > wanted
    if not (options.allow_downsample if higher else options.allow_upsample):
        hint = "--allow-downsample=true" if higher else "--allow-upsample=true"
        raise InputError(
            f"{where}: sampled at {rate} Hz, the features need {wanted:g} Hz; {hint} in their configuration resamples"
        )
    return convert_rate(samples, rate, int(wanted))

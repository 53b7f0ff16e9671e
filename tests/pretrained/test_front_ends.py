import numpy as np

from nnet.feats.options import FbankOptions
from nnet.feats.spectrum import compute_fbank
from nnet.pretrained.front_ends import front_end, speaker3d_front_end


def test_3d_speakers_floor_is_kaldis_for_audio_that_was_not_scaled():
    options = FbankOptions.from_dict(speaker3d_front_end("model.pt", 80, {})["options"])
    samples = np.random.default_rng(0).normal(0, 2e-5, 16000).astype(np.float32)  # below one step of 16 bits
    samples[:8000] *= 1e4
    quiet = compute_fbank(samples, FbankOptions.from_dict(front_end("model.pt", 80)["options"]))
    feats = compute_fbank(samples, options)
    assert (quiet[70:] < np.log(128)).mean() > 0.5
    # Kaldi on audio in [-1, 1): log(max(power / 32768², float32's epsilon))
    unscaled = np.maximum(quiet - 2 * np.log(32768.0), np.log(np.finfo(np.float32).eps))
    np.testing.assert_allclose(feats - feats.mean(axis=0), unscaled - unscaled.mean(axis=0), atol=1e-4)

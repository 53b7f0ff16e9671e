"""What somebody might write in a notebook: mypy checks that it knows the types of the public interface."""

import numpy as np

import nnet


def equal_error_rate(directory: str, trials_path: str, data_path: str) -> float:
    """The EER of a trial list, with the cosine of embeddings."""
    model: nnet.Embedder = nnet.load_model(directory)
    data = nnet.DataDir(data_path)
    vectors: dict[str, np.ndarray] = {}
    for utterance, rx in data.wav_scp.items():
        samples, rate = nnet.read_audio(rx)
        vectors[utterance] = model.embed(samples, rate)
    trials: nnet.Trials = nnet.read_trials(trials_path)
    pairs = zip(trials.enroll, trials.test, strict=True)
    scores = [nnet.cosine(vectors[trials.enroll_ids[e]], vectors[trials.test_ids[t]]) for e, t in pairs]
    nnet.write_ark("embeddings.ark", vectors, "embeddings.scp")
    assert trials.target is not None
    rates: nnet.ErrorRates = nnet.error_rates(scores, trials.target)
    cost: float = nnet.min_dcf(rates)
    return nnet.eer(rates) + 0 * cost


def plda_scores(archive: str, labels: np.ndarray) -> np.ndarray:
    """PLDA scores of all pairs of the embeddings that it is trained on."""
    vectors = np.stack([vector for _, vector in nnet.read_ark(archive)])
    plda: nnet.Plda = nnet.train_plda(nnet.class_statistics(vectors, labels))
    nnet.write_plda("plda", plda)
    return nnet.plda_scorer(nnet.read_plda("plda"), vectors, np.ones(len(vectors), int), vectors).dense()


def filter_banks(path: str) -> np.ndarray:
    """Normalized filter banks of the speech in a recording."""
    samples, rate = nnet.read_audio(path)
    options = nnet.FbankOptions(sample_frequency=float(rate), num_mel_bins=80)
    features = nnet.compute_fbank(samples, options)
    return nnet.sliding_cmvn(features)[nnet.energy_vad(features, nnet.VadOptions())]


def training(config_path: str) -> None:
    """A network from a JSON, trained."""
    config: nnet.Config = nnet.load_config(config_path, ["training.epochs=2"])
    model: nnet.SpeakerNet = nnet.build_model(config, input_dim=80)
    print(model)
    nnet.train(config, "data/train", "data/valid", "exp/new")

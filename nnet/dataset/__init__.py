"""On-the-fly training data: samplers, chunks, worker processes. Does not import mlx."""

from nnet.dataset.feats import feature_dim
from nnet.dataset.loader import ChunkLoader, ValidationLoader
from nnet.dataset.utterances import speaker_indices

__all__ = ["ChunkLoader", "ValidationLoader", "feature_dim", "speaker_indices"]

"""Softmax cross entropy."""

from dataclasses import dataclass

from nnet.losses.base import Loss, LossOutput, SampledClassesOptions, cross_entropy, top1
from nnet.ops import mx, nn
from nnet.ops.vectors import normalize
from nnet.options import option


@dataclass(frozen=True)
class SoftmaxOptions(SampledClassesOptions):
    """Softmax cross entropy of an affine classifier."""

    bias: bool = option(True, "A bias for each speaker.")
    label_smoothing: float = option(0.0, "Share of the target probability spread over all speakers.", low=0, high=1)
    normalize_embeddings: bool = option(
        False, "Scale every embedding to the length `scale` (feature_norm in tf-kaldi-speaker)."
    )
    scale: float = option(32.0, "Length of the embeddings with normalize_embeddings.", above=0)


class Softmax(Loss):
    """Softmax cross entropy of an affine classifier with logits W·x + b.

    With `normalize_embeddings`, x is first scaled to the length `scale`. With `label_smoothing` ε, in training, the
    target probability is 1 − ε + ε/N for the label and ε/N for other speakers (Szegedy et al. 2016, section 7).
    """

    def __init__(self, in_dim: int, num_speakers: int, options: SoftmaxOptions = SoftmaxOptions()):
        super().__init__(options)
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        if options.bias:
            self.bias = mx.zeros((num_speakers,))

    @property
    def class_weights(self):
        return {"weight": 1, "bias": 1} if "bias" in self else {"weight": 1}

    def __call__(self, embeddings, labels):
        options = self.options
        x = normalize(embeddings) * options.scale if options.normalize_embeddings else embeddings
        logits = x @ self.weight.T  # (B, N)
        if "bias" in self:
            logits = logits + self.bias
        smoothing = options.label_smoothing if self.training else 0.0
        return LossOutput(cross_entropy(logits, labels, smoothing), top1(logits, labels))

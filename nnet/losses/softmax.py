"""The plain softmax classifier."""

from nnet.losses.base import Loss, LossOutput, cross_entropy, top1
from nnet.ops import mx, nn
from nnet.ops.vectors import normalize


class Softmax(Loss):
    """Cross entropy of an affine classifier, logits W·x + b.

    With `normalize_embeddings` x is scaled to the length `scale` first. With `label_smoothing` ε the target is
    1 − ε + ε/N and every other speaker ε/N (Szegedy et al. 2016, section 7), in training only.
    """

    def __init__(self, in_dim, num_speakers, *, bias, label_smoothing, normalize_embeddings, scale):
        super().__init__()
        self.weight = nn.init.glorot_uniform()(mx.zeros((num_speakers, in_dim)))
        if bias:
            self.bias = mx.zeros((num_speakers,))
        self.label_smoothing = label_smoothing
        self.normalize_embeddings, self.scale = normalize_embeddings, scale

    def __call__(self, embeddings, labels):
        x = normalize(embeddings) * self.scale if self.normalize_embeddings else embeddings
        logits = x @ self.weight.T  # (B, N)
        if "bias" in self:
            logits = logits + self.bias
        smoothing = self.label_smoothing if self.training else 0.0
        return LossOutput(cross_entropy(logits, labels, smoothing), top1(logits, labels))

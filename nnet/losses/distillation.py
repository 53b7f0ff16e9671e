"""Distillation: a student learns to give the embeddings of a teacher."""

from dataclasses import dataclass

from nnet.ops import mx, nn
from nnet.ops.vectors import normalize
from nnet.options import option


@dataclass(frozen=True)
class DistillationOptions:
    """Trains the network to give a teacher's embeddings, beside the classification loss or (loss.type none) alone."""

    teacher: str | None = option(
        None,
        "Model directory of the teacher, which embeds the clean chunk while the network hears the augmented one; null: "
        "distillation.embeddings has its embeddings.",
    )
    embeddings: str | None = option(
        None,
        "Folder of steps/extract_embeddings.sh with the teacher's embeddings of all training and validation "
        "utterances: the target of a chunk is that of its utterance. null: the teacher computes them in training.",
    )
    loss: str = option(
        "cosine",
        "cosine: one minus the cosine to the teacher's embedding; mse: the mean square of the difference.",
        choices=("cosine", "mse"),
    )
    weight: float = option(1.0, "Weight of the term beside the classification loss.", above=0)


class Distillation(nn.Module):
    """The distance of embeddings to a teacher's; where dimensions differ, a matrix without bias is learned between.

    Args:
        in_dim: D, of the student's embeddings.
        target_dim: E, of the teacher's.
        options: DistillationOptions.
    """

    def __init__(self, in_dim: int, target_dim: int, options: DistillationOptions):
        super().__init__()
        self.options = options
        if in_dim != target_dim:
            self.projection = nn.Linear(in_dim, target_dim, bias=False)

    def __call__(self, embeddings, targets):
        """Computes the weighted loss, a scalar, of embeddings (B, D) for a teacher's (B, E)."""
        if "projection" in self:
            embeddings = self.projection(embeddings)
        if self.options.loss == "mse":
            distances = mx.mean((embeddings - targets) ** 2, axis=-1)
        else:
            distances = 1 - mx.sum(normalize(embeddings) * normalize(targets), axis=-1)
        return self.options.weight * mx.mean(distances)

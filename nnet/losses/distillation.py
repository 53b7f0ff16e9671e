"""Distillation: a student learns to give the embeddings of a teacher."""

from dataclasses import dataclass

from nnet.errors import InputError
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
    clean: str | None = option(
        None,
        "Data directory with the training utterances as the teacher hears them, for example before a codec; null: as "
        "in the training set. Needs distillation.teacher.",
    )
    loss: str = option(
        "cosine",
        "cosine: one minus the cosine to the teacher's embedding; mse: the mean square of the difference.",
        choices=("cosine", "mse"),
    )
    weight: float = option(1.0, "Weight of the term beside the classification loss.", above=0)
    frames: float = option(
        0.0,
        "Weight of a second term: a learned linear map predicts the teacher's frames before the pooling from the "
        "network's, and the term is the mean square error over the mean square of the teacher's frames; needs "
        "distillation.teacher.",
        low=0,
    )


class Distillation(nn.Module):
    """The distance of a student's embeddings, and on demand of its frames, to a teacher's.

    Where the embeddings differ in dimension, a matrix without bias is learned between them. Between the frames there is
    always a learned linear map, which begins at zero: the error begins at 1, whatever the scale of the frames.

    Args:
        student: the SpeakerNet to be taught.
        target_dims: (E,), the dimension of the teacher's embeddings; with `options.frames` (E, C), with its frames'.
        options: DistillationOptions.
    """

    def __init__(self, student, target_dims, options: DistillationOptions):
        super().__init__()
        self.options, self.node = options, student.node
        in_dim, target_dim, *frame_dim = student.endpoint_dim(student.node), *target_dims
        if in_dim != target_dim:
            self.projection = nn.Linear(in_dim, target_dim, bias=False)
        if frame_dim:
            self.frame_map = nn.Linear(student.network.out_dim, *frame_dim)
            self.frame_map.update({name: mx.zeros_like(x) for name, x in self.frame_map.items()})

    def __call__(self, endpoints, targets, target_frames=None):
        """Computes the weighted loss, a scalar.

        Args:
            endpoints: the student's, as `SpeakerNet.train_forward` fills them.
            targets: the teacher's embeddings (B, E).
            target_frames: its frames (B, T', C), if the options ask for them.

        Raises:
            InputError: student and teacher have different numbers of frames.
        """
        embeddings = endpoints[self.node]
        if "projection" in self:
            embeddings = self.projection(embeddings)
        if self.options.loss == "mse":
            distances = mx.mean((embeddings - targets) ** 2, axis=-1)
        else:
            distances = 1 - mx.sum(normalize(embeddings) * normalize(targets), axis=-1)
        total = mx.mean(distances)
        if target_frames is not None:
            total = total + self.options.frames * self._frame_error(endpoints["frames"], target_frames)
        return self.options.weight * total

    def _frame_error(self, frames, targets):
        if frames.shape[1] != targets.shape[1]:
            raise InputError(
                f"distillation.frames: of a chunk the network gives {frames.shape[1]} frames, the teacher "
                f"{targets.shape[1]}; choose a network of the same stride and context, or remove distillation.frames"
            )
        return mx.mean((self.frame_map(frames) - targets) ** 2) / mx.mean(targets**2)

"""Speaker verification with Kaldi's files and MLX's networks."""

__version__ = "0.2.0.dev0"


def load_model(directory, checkpoint="best", **options):
    """A trained model that embeds audio; see `nnet.model.embedder.Embedder`."""
    from nnet.model.embedder import Embedder  # importing nnet alone must not start MLX

    return Embedder(directory, checkpoint, **options)

"""NetVLAD and GhostVLAD pooling: residuals to learned cluster centers."""

from dataclasses import dataclass

from nnet import ops
from nnet.networks.layers import Linear
from nnet.ops import mx, nn
from nnet.options import option
from nnet.poolings.key_value import KeyValueOptions, KeyValuePooling


@dataclass(frozen=True)
class VladOptions(KeyValueOptions):
    """Residuals to learned cluster centers: NetVLAD (Arandjelovic et al. 2016), GhostVLAD (Zhong et al. 2018)."""

    num_centers: int = option(8, "Clusters.", low=1)
    num_ghosts: int = option(
        0, "Ghost clusters, which receive weight but are left out of the output; 0: NetVLAD.", low=0
    )
    key_dims: tuple[int, ...] = option((), "Widths of affine-bn-relu layers before the assignment to clusters.", low=1)
    value_dims: tuple[int, ...] = option((), "Widths of affine-bn-relu layers before the residuals.", low=1)
    final_l2_norm: bool = option(True, "Length-normalize the whole output as well, not only each cluster's part.")


class Vlad(KeyValuePooling):
    """NetVLAD (Arandjelović et al. 2016, arXiv 1511.07247, eq. 3-4); GhostVLAD (Zhong et al. 2018) with `num_ghosts`.

    Frame t is assigned to cluster k with weight a_tk = softmax_k(W key_t + b); the output of cluster k is
    Σ_t a_tk (value_t − c_k), length-normalized. Ghost clusters take part in the softmax but have no output. The options
    are those of tf-kaldi-speaker.

    Endpoints: vlad_weights, (B, T, num_centers + num_ghosts).
    """

    def __init__(self, in_dim: int, options: VladOptions = VladOptions(), endpoint_dims: dict | None = None):
        super().__init__(in_dim, options, endpoint_dims, key_type="bn-relu", value_type="bn-relu")
        self.assignment = Linear(self.key.out_dim, options.num_centers + options.num_ghosts)
        self.centers = nn.init.glorot_uniform()(mx.zeros((options.num_centers, self.value.out_dim)))
        self.final_l2_norm = options.final_l2_norm
        self.out_dim = options.num_centers * self.value.out_dim

    def __call__(self, x, endpoints=None):
        keys, values = self.keys_and_values(x, endpoints)
        weights = ops.softmax(self.assignment(keys), axis=-1)  # (B, T, K + G)
        if endpoints is not None:
            endpoints["vlad_weights"] = weights
        kept = ops.swapaxes(weights[..., : len(self.centers)], first=1, second=2)  # (B, K, T)
        residuals = kept @ values - ops.sum(kept, axis=-1, keepdims=True) * self.centers
        pooled = ops.flatten(ops.normalize(residuals), start=1)  # (B, K·D), cluster by cluster
        return ops.normalize(pooled) if self.final_l2_norm else pooled

"""Pooling by residuals to learnt cluster centres."""

from nnet import ops
from nnet.networks.layers import Linear
from nnet.ops import mx, nn
from nnet.poolings.key_value import KeyValuePooling


class Vlad(KeyValuePooling):
    """NetVLAD (Arandjelović et al. 2016, arXiv 1511.07247, eq. 3-4); GhostVLAD (Zhong et al. 2018) with `num_ghosts`.

    Frame t goes to cluster k with weight a_tk = softmax_k(W key_t + b); cluster k gives Σ_t a_tk (value_t − c_k),
    scaled to length 1. Ghost clusters take their share of the weights and give nothing. All options are those of
    tf-kaldi-speaker.

    Endpoints: vlad_weights, (B, T, num_centers + num_ghosts).
    """

    def __init__(
        self, in_dim, *, endpoint_dims=None, num_centers, num_ghosts, key_input, key_dims, value_input, value_dims,
        final_l2_norm, relu, slope, bn_eps, bn_momentum,
    ):  # fmt: skip
        layers = {"relu": relu, "slope": slope, "bn_eps": bn_eps, "bn_momentum": bn_momentum}
        super().__init__(
            in_dim, endpoint_dims, key_input, key_dims, "bn-relu", value_input, value_dims, "bn-relu", layers
        )
        self.assignment = Linear(self.key.out_dim, num_centers + num_ghosts)
        self.centers = nn.init.glorot_uniform()(mx.zeros((num_centers, self.value.out_dim)))
        self.final_l2_norm = final_l2_norm
        self.out_dim = num_centers * self.value.out_dim

    def __call__(self, x, endpoints=None):
        keys, values = self.keys_and_values(x, endpoints)
        weights = ops.softmax(self.assignment(keys), axis=-1)  # (B, T, K + G)
        if endpoints is not None:
            endpoints["vlad_weights"] = weights
        kept = ops.swapaxes(weights[..., : len(self.centers)], first=1, second=2)  # (B, K, T)
        residuals = kept @ values - ops.sum(kept, axis=-1, keepdims=True) * self.centers
        pooled = ops.flatten(ops.normalize(residuals), start=1)  # (B, K·D), a cluster after the other
        return ops.normalize(pooled) if self.final_l2_norm else pooled

"""Small captioners as published, with random arrays, and what tests do with them."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from random_networks import randomize

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import ImageFeatures, grid_features
from avnet.captioners.presets import KINDS, OURS, WITH_ATTENTION, Kind
from avnet.nn.abstract import abstract_network

PAPERS = KINDS[len(OURS) :]


# Where 7 features and a hidden 9 cannot be: widths that heads or directions divide.
SIZES: dict[Kind, dict[str, Any]] = {
    "m2": {"width": 8, "heads": 2, "layers": 2, "memory": 3, "longest": 6},
    "aoa": {"hidden": 10, "heads": 2, "layers": 2},
    "x-lan": {"width": 16, "heads": 2, "layers": 2},
    "x-transformer": {"width": 16, "heads": 2, "layers": 2},
    "xnmt": {"hidden": 10},
}


def config_of(kind: Kind) -> CaptionerConfig:
    sizes: dict[str, Any] = {"width": 7, "hidden": 9, **SIZES.get(kind, {})}
    if kind in WITH_ATTENTION:
        sizes["attention"] = 5
    return CaptionerConfig.preset(kind, pieces=12, image_features=6, dropout=0.0, **sizes)


@cache
def network_of(kind: Kind):
    network = randomize(abstract_network(lambda rngs: build_captioner(config_of(kind), rngs=rngs)), seed=3)
    network.eval()
    return network


def arrays_of(tree) -> dict[str, np.ndarray]:
    """Arrays by name, such as "out/kernel"."""
    leaves = nnx.to_flat_state(nnx.state(tree, nnx.Param) if isinstance(tree, nnx.Module) else tree)
    return {"/".join(map(str, key)): np.array(leaf[...]) for key, leaf in dict(leaves).items()}


def encode(network, grids):
    return encode_features(network, grid_features(grids))


def encode_features(network, features: ImageFeatures):
    batch = len(features.cells)
    return network.encode(features, jnp.zeros((batch, 0, 1), jnp.int32), jnp.zeros((batch, 0)))


def with_masked_rows(grids) -> ImageFeatures:
    """With two rows more, which hold what is not a number and do not count."""
    more = np.full((len(grids), 2, *grids.shape[2:]), np.nan, np.float32)
    features = grid_features(np.concatenate([grids, more], axis=1))
    return features._replace(mask=np.isfinite(features.cells).all(axis=-1))


def example() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grids that are not square, tokens and targets."""
    rng = np.random.default_rng(5)
    grids = rng.normal(size=(3, 4, 2, 6)).astype(np.float32)
    return grids, rng.integers(0, 13, (3, 5)), rng.integers(0, 13, (3, 5))


def run(network, features: ImageFeatures, tokens, targets):
    """Encoding, state at the beginning, output, and the gradient of the mean log-probability of the targets."""
    graph, params, rest = nnx.split(network, nnx.Param, ...)

    @jax.jit
    def whole(params):
        def mean(params):
            network = nnx.merge(graph, params, rest)
            encoding = encode_features(network, features)
            begin = network.begin(encoding)
            output, _ = network(encoding, begin, jnp.asarray(tokens))
            return network.log_probability(encoding, output, jnp.asarray(targets)).mean(), (encoding, begin, output)

        return jax.grad(mean, has_aux=True)(params)

    gradients, (encoding, begin, output) = whole(params)
    return encoding, begin, output, arrays_of(gradients)


def agree(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def changed(network, **arrays):
    """The network with other arrays by name, such as `gate_bias`; what is an array of one number is filled with it."""
    graph, state = nnx.split(network)
    leaves = dict(nnx.to_flat_state(state))
    for key, leaf in leaves.items():
        if (name := "_".join(map(str, key))) in arrays:
            leaves[key] = leaf.replace(jnp.broadcast_to(jnp.asarray(arrays.pop(name), jnp.float32), leaf.shape))
    assert not arrays, arrays
    return nnx.merge(graph, nnx.from_flat_state(leaves.items()))


def logits_of(network, grids, tokens):
    encoding = encode(network, jnp.asarray(grids))
    return network(encoding, network.begin(encoding), jnp.asarray(tokens))[0]

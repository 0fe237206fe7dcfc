"""Samples that a WaveNet draws one after the other."""

import jax
import jax.numpy as jnp
from jax import random
from jaxtyping import Array, Float, Int, Key

from avnet.audio.mu_law import SILENCE
from avnet.units.wavenet_vq.wavenet import WaveNet


def generate(
    network: WaveNet,
    codes: Float[Array, "batch steps features"],
    steps: Int[Array, "batch"],
    speaker: Int[Array, "batch"] | None,
    key: Key[Array, ""],
) -> Int[Array, "batch samples"]:
    """Mu-law classes, each drawn from what the network holds it for; a layer is computed once for each sample.

    Args:
        network: in evaluation mode.
        codes: of every 20 ms.
        steps: how many belong to each recording; what is drawn beyond means nothing.
        speaker: where the network tells speakers apart.
        key: of the draws.

    Reference: Le Paine et al., "Fast Wavenet Generation Algorithm", 2016.
    """
    told, rate = network.told(codes, steps, speaker), network.config.samples_per_code

    def advance(carry, time):
        past, before = carry
        past, logits = network.step(past, before, jnp.take(told, time // rate, axis=2))
        sample = random.categorical(random.fold_in(key, time), logits).astype(jnp.int32)
        return (past, sample), sample

    begin = (network.begin(len(codes)), jnp.full(len(codes), SILENCE, jnp.int32))
    _, samples = jax.lax.scan(advance, begin, jnp.arange(codes.shape[1] * rate))
    return samples.T

"""What changes while a Show and Speak is trained: the learning rate, and how often it is told its own frames."""

import math

import jax.numpy as jnp
import optax

# Where the inverse sigmoid is 0 in all of the digits that count; its exponential must not overflow.
FARTHEST = 50.0


def noam(peak: float, warmup: int) -> optax.Schedule:
    """A learning rate that rises evenly to its peak, then falls with the square root of the steps.

    Args:
        peak: at the last step of the warm-up.
        warmup: steps.

    Reference: Vaswani et al., "Attention Is All You Need", 2017, equation 3.
    """
    return lambda step: peak * jnp.minimum((step + 1) / warmup, jnp.sqrt(warmup / (step + 1)))


def sampled_share(epoch: float, k: float, largest: float) -> float:
    """Share of the steps that are told the network's own frames: 1 - k / (k - 1 + exp(epoch / k)), up to a bound.

    Args:
        epoch: that have passed, also a part of one.
        k: of the inverse sigmoid.
        largest: the bound.

    Reference: Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", 2015,
        section 2.4, moved so that it begins at 0, as in the code of Wang et al., 2021.

    Example:
        >>> sampled_share(0.0, 160, 0.025), sampled_share(1100.0, 160, 0.025)
        (0.0, 0.025)
    """
    return min(largest, 1 - k / (k - 1 + math.exp(min(epoch / k, FARTHEST))))

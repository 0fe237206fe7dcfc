"""What one half of the channels, and the spectrum, tell of the other half."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.weight_norm import WeightNormLinear

# Groups under a convolution.
TAPS = 3


class CouplingNetwork(nnx.Module):
    """Dilated convolutions that see to both sides, gated, with residuals and skips.

    Its last layer begins at zero, so that a coupling begins as the identity.

    Reference: Prenger et al., "WaveGlow", 2018, section 2.1; gates as of van den Oord et al., "WaveNet",
        2016, section 2.3.
    """

    def __init__(self, half: int, config: WaveGlowConfig, *, rngs: nnx.Rngs):
        """Fresh weights.

        Args:
            half: channels that it sees, and as many that it tells of.
            config: of the whole.
            rngs: of the weights.
        """
        width, layers = config.width, config.layers
        self.width, self.bound = width, config.log_scale_bound
        self.start = WeightNormLinear(half, width, rngs=rngs)
        # Of all layers at once: one product is faster than many.
        self.condition = WeightNormLinear(config.condition, 2 * width * layers, rngs=rngs)
        self.convs = nnx.List([WeightNormLinear(TAPS * width, 2 * width, rngs=rngs) for _ in range(layers)])
        # The last layer has no next one, so that it gives skips alone.
        outputs = [2 * width] * (layers - 1) + [width]
        self.outputs = nnx.List([WeightNormLinear(width, size, rngs=rngs) for size in outputs])
        self.end = nnx.Linear(width, 2 * half, kernel_init=nnx.initializers.zeros, rngs=rngs)

    def __call__(
        self,
        x: Float[Array, "batch groups half"],
        condition: Float[Array, "batch groups features"],
        exists: Float[Array, "batch groups 1"] | None = None,
    ) -> tuple[Float[Array, "batch groups half"], Float[Array, "batch groups half"]]:
        """Shift and logarithm of the scale of the other half, float32.

        Args:
            x: channels.
            condition: what each group is told of the spectrum.
            exists: 1 for groups that exist; the others, 0, change nothing. None is for all.
        """
        there = 1.0 if exists is None else exists
        h = self.start(x) * there
        skips = jnp.zeros_like(h)
        gates = jnp.split(self.condition(condition), len(self.convs), axis=-1)
        for number, (conv, output, told) in enumerate(zip(self.convs, self.outputs, gates, strict=True)):
            tanh, sigmoid = jnp.split(conv(taps(h, 2**number)) + told, 2, axis=-1)
            result = output(jnp.tanh(tanh) * nnx.sigmoid(sigmoid))
            skips = skips + result[..., -self.width :]
            if number + 1 < len(self.convs):
                h = (h + result[..., : self.width]) * there
        shift, log_scale = jnp.split(self.end(skips).astype(jnp.float32), 2, axis=-1)
        if self.bound:
            log_scale = self.bound * jnp.tanh(log_scale / self.bound)
        return shift, log_scale


def taps(x: Float[Array, "batch groups width"], dilation: int) -> Float[Array, "batch groups inputs"]:
    """Each group beside those `dilation` before and after it, zeros beyond the ends.

    So a dilated convolution is one product of matrices, which is many times faster on a CPU, its gradient above all.
    """
    groups, padded = x.shape[1], jnp.pad(x, ((0, 0), (dilation, dilation), (0, 0)))
    return jnp.concatenate([padded[:, k * dilation : k * dilation + groups] for k in range(TAPS)], axis=-1)

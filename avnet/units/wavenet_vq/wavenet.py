"""The decoder of samples: each is said from all before it that it can see, and from the code of its time."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.audio.mu_law import SILENCE
from avnet.nn.standard import Standard
from avnet.units.wavenet_vq.config import CLASSES, WaveNetConfig
from avnet.units.wavenet_vq.decoder import Beside

# Samples that a layer sees, `dilation` apart.
TAPS = 3


class Past(NamedTuple):
    """What is remembered of earlier samples.

    Attributes:
        rings: for each layer float [batch, 2 * dilation, width], the inputs of as many samples; that of sample t is at
            place t modulo their number.
        time: samples said so far.
    """

    rings: tuple[Array, ...]
    time: Int[Array, ""]


class GatedLayer(nnx.Module):
    """Three samples of the past through tanh times sigmoid; added to the sample's features, and sent to the end.

    Reference: van den Oord et al., "WaveNet", 2016, sections 2.3 to 2.5.
    """

    def __init__(self, config: WaveNetConfig, dilation: int, last: bool, *, rngs: nnx.Rngs):
        width = config.width
        self.dilation = dilation
        # A convolution, earliest sample first: as a product it is done for one sample as for all.
        self.taps = nnx.Linear(TAPS * width, 2 * width, rngs=rngs)
        self.condition = nnx.Linear(config.condition, 2 * width, use_bias=False, rngs=rngs)
        self.skip = nnx.Linear(width, config.skip, rngs=rngs)
        # Nothing would read that of the last one.
        self.residual = None if last else nnx.Linear(width, width, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch samples width"], told: Float[Array, "batch steps gates"]
    ) -> tuple[Float[Array, "batch samples width"], Float[Array, "batch samples skip"]]:
        """Features for the next layer, and for the end.

        Args:
            x: features of samples.
            told: what codes and speaker say of each step; the samples are a whole number of times as many.
        """
        samples, far = x.shape[1], (TAPS - 1) * self.dilation
        padded = jnp.pad(x, ((0, 0), (far, 0), (0, 0)))
        seen = [padded[:, i * self.dilation : i * self.dilation + samples] for i in range(TAPS)]
        gates = self.taps(jnp.concatenate(seen, axis=-1))
        by_step = gates.reshape(len(x), told.shape[1], -1, gates.shape[-1]) + told[:, :, None]
        return self._mix(x, by_step.reshape(gates.shape))

    def step(
        self, x: Float[Array, "batch width"], told: Float[Array, "batch gates"], ring: Array, time: Int[Array, ""]
    ) -> tuple[Float[Array, "batch width"], Float[Array, "batch skip"], Array]:
        """The same for one sample, and what is then remembered."""
        places = ring.shape[1]
        earliest = jnp.take(ring, time % places, axis=1)
        middle = jnp.take(ring, (time - self.dilation) % places, axis=1)
        gates = self.taps(jnp.concatenate([earliest, middle, x], axis=-1)) + told
        return *self._mix(x, gates), jax.lax.dynamic_update_index_in_dim(ring, x, time % places, axis=1)

    def _mix(self, x: Array, gates: Array) -> tuple[Array, Array]:
        value, gate = jnp.split(gates, 2, axis=-1)
        y = jnp.tanh(value) * jax.nn.sigmoid(gate)
        return (x if self.residual is None else x + self.residual(y)), self.skip(y)


class WaveNet(nnx.Module):
    """Dilated causal layers over mu-law samples: sample t is said from those before t.

    Reference: van den Oord et al., "WaveNet", 2016; as a decoder of codes Chorowski et al., 2019, section III-A. The
        one-hot speaker is an embedding added to the condition; the last layer has no residual.
    """

    def __init__(self, config: WaveNetConfig, features: int, speakers: int, *, rngs: nnx.Rngs):
        self.config = config
        self.entry = nnx.Embed(CLASSES, config.width, rngs=rngs)
        self.condition = nnx.Conv(features, config.condition, (3,), padding=((1, 1),), rngs=rngs)
        self.speaker = nnx.Embed(speakers, config.condition, rngs=rngs) if speakers else None
        count = len(config.dilations)
        self.layers = nnx.List(
            [GatedLayer(config, d, i == count - 1, rngs=rngs) for i, d in enumerate(config.dilations)]
        )
        self.hidden = nnx.Linear(config.skip, config.skip, rngs=rngs)
        self.head = nnx.Linear(config.skip, CLASSES, rngs=rngs)

    @property
    def scales(self) -> Mapping[str, Standard]:
        """None: classes have no scale."""
        return {}

    def __call__(
        self, codes: Float[Array, "batch steps features"], steps: Int[Array, "batch"], beside: Beside
    ) -> Float[Array, "batch samples 256"]:
        """Logits of the class of each sample, where those before it are known.

        Args:
            codes: of every 20 ms.
            steps: how many belong to each recording.
            beside: `config.samples_per_code` samples for each code, and the speaker where there are several.
        """
        assert beside.samples is not None
        told = self.told(codes, steps, beside.speaker)
        before = jnp.pad(beside.samples[:, :-1], ((0, 0), (1, 0)), constant_values=SILENCE)
        x, total = self.entry(before), jnp.zeros(())
        for layer, own in zip(self.layers, told, strict=True):
            x, skip = layer(x, own)
            total += skip
        return self._logits(total)

    def told(
        self, codes: Float[Array, "batch steps features"], steps: Int[Array, "batch"], speaker: Array | None
    ) -> Float[Array, "layers batch steps gates"]:
        """What codes and speaker say to each layer."""
        exists = (jnp.arange(codes.shape[1]) < steps[:, None])[..., None].astype(codes.dtype)
        x = self.condition(codes * exists)
        if self.speaker is not None:
            assert speaker is not None
            x += self.speaker(speaker)[:, None]
        return jnp.stack([layer.condition(x) for layer in self.layers])

    def begin(self, batch: int) -> Past:
        """The memory before the first sample."""
        sizes = [(batch, (TAPS - 1) * layer.dilation, self.config.width) for layer in self.layers]
        return Past(tuple(jnp.zeros(size) for size in sizes), jnp.zeros((), jnp.int32))

    def step(
        self, past: Past, before: Int[Array, "batch"], told: Float[Array, "layers batch gates"]
    ) -> tuple[Past, Float[Array, "batch 256"]]:
        """Logits of one sample, and the memory after it.

        Args:
            past: the memory.
            before: class of the sample before; `SILENCE` at the beginning.
            told: what codes and speaker say to each layer at this time.
        """
        x, total, rings = self.entry(before), jnp.zeros(()), []
        for layer, own, ring in zip(self.layers, told, past.rings, strict=True):
            x, skip, ring = layer.step(x, own, ring, past.time)
            total += skip
            rings.append(ring)
        return Past(tuple(rings), past.time + 1), self._logits(total)

    def _logits(self, total: Array) -> Array:
        return self.head(jax.nn.relu(self.hidden(jax.nn.relu(total))))

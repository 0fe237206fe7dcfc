"""Grounded units: the codes of a quantized layer of a speech tower that was trained with images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.mfcc import FRONT
from avnet.audio.pcm import EXACT, to_pcm
from avnet.errors import ConfigError
from avnet.nn.quantizer import VectorQuantizer
from avnet.speech_space.network import SpaceNetwork, log_mel, padded_pcm
from avnet.speech_space.tower import SpeechTower
from avnet.units.strings import UnitString, collapse
from avnet.units.viterbi import best_paths

# Much longer than any description; a recording beyond it is heard up to here.
LIMIT_S = 60.0


@dataclass(frozen=True)
class GroundedUnits:
    """How frames of speech become units, by a network.

    Attributes:
        network: a space whose tower has a quantizer; of several the last gives the units.
        fingerprint: of its weights.
        penalty: what a change of unit costs, in squared distance over the number of features.

    Reference: Harwath et al., "Learning Hierarchical Discrete Linguistic Units from Visually-Grounded Speech", 2020; as
        units for speaking about images in Hsu et al., "Text-Free Image-to-Speech Synthesis Using Learned Segmental
        Units", 2020, section 3.
    """

    network: SpaceNetwork
    fingerprint: str
    penalty: float = 0.0

    def __post_init__(self):
        if not self.network.tower.quantizers:
            raise ConfigError("units", "the tower of this space has no quantized layer; train it with --codes")

    @property
    def frames_per_step(self) -> int:
        """Frames of 10 ms for which one unit is chosen."""
        return self.network.config.tower.frames_per_code

    @property
    def lexicon(self) -> None:
        """These units spell no pieces."""
        return None

    @property
    def count(self) -> int:
        """Units that there are."""
        return self.network.config.tower.codes

    def encode(self, waveform: Float[np.ndarray, " samples"]) -> UnitString:
        """The units of a recording: as `Units.encode`."""
        return self.encode_all([waveform])[0]

    def encode_all(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> list[UnitString]:
        """The units of recordings, those of one batch at once; each as if it were alone."""
        if not waveforms:
            return []
        pcm, frames = padded_pcm([to_pcm(waveform, EXACT) for waveform in waveforms], LIMIT_S)
        step = self.frames_per_step
        if self.penalty:
            costs = np.asarray(self._costs(jnp.asarray(pcm), jnp.asarray(frames)))
            labels = best_paths(costs, self.penalty)
        else:
            labels = np.asarray(self._nearest(jnp.asarray(pcm), jnp.asarray(frames))).astype(np.int64)
        limit = int(LIMIT_S * 100)
        lengths = [min(FRONT.frames(len(waveform)), limit) for waveform in waveforms]
        return [collapse(row[: -(-n // step)], step, n) for row, n in zip(labels, lengths, strict=True)]

    @cached_property
    def _parts(self):
        self.network.eval()
        return nnx.split(self.network)

    @cached_property
    def _nearest(self):
        graph, state = self._parts

        def nearest(state, pcm, frames):
            quantizer, x, _ = _last(nnx.merge(graph, state).tower, log_mel(pcm), frames)
            return quantizer.nearest(x)

        apply = jax.jit(nearest)
        return lambda pcm, frames: apply(state, pcm, frames)

    @cached_property
    def _costs(self):
        graph, state = self._parts

        def costs(state, pcm, frames):
            quantizer, x, steps = _last(nnx.merge(graph, state).tower, log_mel(pcm), frames)
            # Zero after the end, where `best_paths` then changes nothing.
            return quantizer.distances(x) * (jnp.arange(x.shape[1]) < steps[:, None])[..., None]

        apply = jax.jit(costs)
        return lambda pcm, frames: apply(state, pcm, frames)


def _last(tower: SpeechTower, spectrograms: Array, frames: Array) -> tuple[VectorQuantizer, Array, Array]:
    """The last quantizer, the vectors that it gets, and how many belong to each recording."""
    stage = tower.config.quantized_stages[-1]
    return tower.quantizer(stage), *tower.before_quantizer(spectrograms, frames, stage)

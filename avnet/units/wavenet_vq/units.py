"""The codes of a WaveNet-VQ as speech units, and their folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float

from avnet.audio.mfcc import mfcc
from avnet.errors import ConfigError
from avnet.files.artifact import WEIGHTS, Header, new_artifact, read_header
from avnet.files.kinds import WAVENET_VQ
from avnet.files.weights import fill_network, fingerprint_in_memory, to_bytes
from avnet.nn.abstract import abstract_network
from avnet.units.strings import UnitString, collapse
from avnet.units.viterbi import best_paths
from avnet.units.wavenet_vq.config import FRAMES_PER_CODE, WaveNetVQConfig
from avnet.units.wavenet_vq.network import CEPSTRA, WaveNetVQ

# Frames by which recordings are padded, so that few lengths are compiled.
BLOCK = 128


@dataclass(frozen=True)
class WaveNetVQUnits:
    """How frames of speech become units, by a network that learned to say them again.

    Attributes:
        network: is put into evaluation mode.
        penalty: what a change of unit costs, in squared distance over the number of features.

    Reference: Chorowski et al., 2019; the penalty as in Kamper and van Niekerk, "Towards Unsupervised Phone and Word
        Segmentation using Self-supervised Vector-quantized Neural Networks", 2021, section 3.
    """

    network: WaveNetVQ
    penalty: float = 0.0

    def __post_init__(self):
        if not 0 <= self.penalty < np.inf:
            raise ConfigError("penalty", f"must be at least 0, got {self.penalty}")
        self.network.eval()

    @property
    def frames_per_step(self) -> int:
        """Frames of 10 ms for which one unit is chosen."""
        return FRAMES_PER_CODE

    @property
    def lexicon(self) -> None:
        """These units spell no pieces."""
        return None

    @property
    def count(self) -> int:
        """Units that there are."""
        return self.network.config.codes

    @property
    def fingerprint(self) -> str:
        """That of its folder: of all that decides the units of a recording."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint_in_memory(WAVENET_VQ, self._config, self.network)

    @property
    def _config(self) -> dict:
        return {**self.network.config.to_dict(), "penalty": float(self.penalty)}

    def save(self, path: str | Path, card: str = "", validation: dict[str, float] | None = None) -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.
            validation: figures of the state that was kept.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        with new_artifact(path, WAVENET_VQ, card) as draft:
            draft.config, draft.facts = self._config, {"validation": validation or {}}
            (draft.folder / WEIGHTS).write_bytes(to_bytes(self.network))
        return draft.fingerprint

    @classmethod
    def load(cls, path: str | Path) -> "WaveNetVQUnits":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a WaveNet-VQ, of an earlier or newer avnet, or damaged.
        """
        header = read_header(path, WAVENET_VQ)
        with header.parsing():
            config, penalty = _parse(header)
        abstract = abstract_network(lambda rngs: WaveNetVQ(config, rngs=rngs))
        network = fill_network(header.folder / WEIGHTS, abstract, header.arrays())
        with header.parsing():
            return cls(network, penalty)

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of units."""
        with header.parsing():
            config, penalty = _parse(header)
            figures = {name: f"{float(value):.4g}" for name, value in header.facts["validation"].items()}
        return {"units": f"{config.codes:,}", "penalty": f"{penalty:g}", "decoder": config.decoder.kind, **figures}

    def encode(self, waveform: Float[np.ndarray, " samples"]) -> UnitString:
        """The units of a recording: as `Units.encode`."""
        return self.encode_all([waveform])[0]

    def encode_all(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> list[UnitString]:
        """The units of recordings, those of one batch at once; each as if it were alone."""
        return self.strings([mfcc(waveform) for waveform in waveforms])

    def strings(self, cepstra: Sequence[Float[np.ndarray, "_ 39"]]) -> list[UnitString]:
        """The units of recordings whose cepstra are known, as of `mfcc`."""
        if not cepstra:
            return []
        labels = best_paths(self.costs(cepstra), self.penalty)
        step = FRAMES_PER_CODE
        return [collapse(row[: -(-len(one) // step)], step, len(one)) for row, one in zip(labels, cepstra, strict=True)]

    def costs(self, cepstra: Sequence[Float[np.ndarray, "_ 39"]]) -> Float[np.ndarray, "batch steps units"]:
        """Squared distances of each step to all codes, over the number of features; zero after the end."""
        lengths = np.array([len(one) for one in cepstra], np.int32)
        padded = np.zeros((len(cepstra), max(1, -(-int(lengths.max()) // BLOCK)) * BLOCK, CEPSTRA), np.float32)
        for row, one in zip(padded, cepstra, strict=True):
            row[: len(one)] = one
        return np.asarray(_costs(self.network, jnp.asarray(padded), jnp.asarray(lengths)))


def _parse(header: Header) -> tuple[WaveNetVQConfig, float]:
    values = dict(header.config)
    penalty = float(values.pop("penalty"))
    return WaveNetVQConfig.from_dict(values), penalty


@nnx.jit
def _costs(network: WaveNetVQ, cepstra: Array, frames: Array) -> Array:
    x, steps = network.vectors(cepstra, frames)
    return network.quantizer.distances(x) * (jnp.arange(x.shape[1]) < steps[:, None])[..., None]

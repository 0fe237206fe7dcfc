"""Speech as a string of units: the nearest of K centroids at each frame, with a price on every change, runs collapsed.

Reference: K-means units with a duration penalty as in Kamper and van Niekerk, "Towards Unsupervised Phone and Word
Segmentation using Self-supervised Vector-quantized Neural Networks", 2021, section 3; collapsed runs as in Hsu et al.,
"Text-Free Image-to-Speech Synthesis Using Learned Segmental Units", 2020, section 3.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save as save_safetensors

from avnet.audio.mfcc import COEFFICIENTS, mfcc
from avnet.errors import ConfigError
from avnet.files.artifact import WEIGHTS, Header, fingerprint_of, new_artifact, read_header
from avnet.files.kinds import UNITS
from avnet.units.strings import UnitString, collapse
from avnet.units.viterbi import best_paths

MAX_UNITS = 65_536
# Frames by which recordings are padded, so that few lengths are compiled.
BLOCK = 128


@dataclass(frozen=True)
class KMeansUnits:
    """How frames of speech become units.

    Attributes:
        centroids: float32 [K, 39], in MFCC scaled by `mean` and `spread`.
        mean: float32 [39], of the MFCC of the corpus.
        spread: float32 [39], their standard deviation.
        penalty: what a change of unit costs, in squared distance; 0 takes the nearest centroid at each frame.
    """

    centroids: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    penalty: float

    def __post_init__(self):
        size = 3 * COEFFICIENTS
        if self.centroids.ndim != 2 or self.centroids.shape[1] != size or not 1 <= len(self.centroids) <= MAX_UNITS:
            raise ConfigError("centroids", f"must have 1 to {MAX_UNITS} rows of {size}, got {self.centroids.shape}")
        if self.mean.shape != (size,) or self.spread.shape != (size,) or not np.all(self.spread > 0):
            raise ConfigError("mean, spread", f"must be {size} numbers each, spreads above 0")
        if not all(np.isfinite(part).all() for part in (self.centroids, self.mean, self.spread)):
            raise ConfigError("centroids, mean, spread", "must be finite numbers")
        if not 0 <= self.penalty < np.inf:
            raise ConfigError("penalty", f"must be at least 0, got {self.penalty}")

    @property
    def frames_per_step(self) -> int:
        """Frames of 10 ms for which one unit is chosen."""
        return 1

    @property
    def count(self) -> int:
        """Units that there are."""
        return len(self.centroids)

    @property
    def lexicon(self) -> None:
        """These units spell no pieces."""
        return None

    @property
    def fingerprint(self) -> str:
        """That of its folder: of all that decides the units of a recording."""
        sums = {WEIGHTS: hashlib.sha256(save_safetensors(self.arrays)).hexdigest()}
        return fingerprint_of(UNITS, {"penalty": float(self.penalty)}, {}, sums)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All but the penalty, as it is saved."""
        parts = {"centroids": self.centroids, "mean": self.mean, "spread": self.spread}
        return {name: np.ascontiguousarray(part, np.float32) for name, part in parts.items()}

    def save(self, path: str | Path, card: str = "") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            card: for people, Markdown.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        with new_artifact(path, UNITS, card) as draft:
            draft.config = {"penalty": float(self.penalty)}
            (draft.folder / WEIGHTS).write_bytes(save_safetensors(self.arrays))
            draft.facts = {"units": self.count}
        return draft.fingerprint

    @classmethod
    def load(cls, path: str | Path) -> "KMeansUnits":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a set of units, of an earlier or newer avnet, or damaged.
        """
        header = read_header(path, UNITS)
        arrays = header.arrays()
        with header.parsing():
            return cls.of(arrays, header.config["penalty"])

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], penalty: float) -> "KMeansUnits":
        """What `arrays` and the penalty were taken from.

        Raises:
            KeyError, ConfigError, TypeError, ValueError: they are of something else.
        """
        return cls(arrays["centroids"], arrays["mean"], arrays["spread"], float(penalty))

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of units."""
        with header.parsing():
            return {"units": f"{header.facts['units']:,}", "penalty": f"{header.config['penalty']:g}"}

    def encode(self, waveform: Float[np.ndarray, " samples"]) -> UnitString:
        """The units of a recording.

        Args:
            waveform: mono in [-1, 1] at 16 kHz; less than 25 ms gives none.
        """
        return self.encode_all([waveform])[0]

    def encode_all(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> list[UnitString]:
        """The units of recordings, those of one batch at once; each as if it were alone."""
        features = [(mfcc(waveform) - self.mean) / self.spread for waveform in waveforms]
        longest = -(-max(map(len, features), default=0) // BLOCK) * BLOCK
        costs = np.zeros((len(features), longest, len(self.centroids)), np.float32)
        for row, frames in zip(costs, features, strict=True):
            row[: len(frames)] = squared_distances(frames, self.centroids)
        paths = best_paths(costs, self.penalty) if longest else costs[:, :, 0].astype(np.int64)
        return [collapse(path[: len(frames)]) for path, frames in zip(paths, features, strict=True)]


def squared_distances(
    features: Float[np.ndarray, "frames n"], centroids: Float[np.ndarray, "units n"]
) -> Float[np.ndarray, "frames units"]:
    """Squared Euclidean distances, at least 0."""
    products = features @ centroids.T
    squares = np.square(features).sum(1)[:, None] + np.square(centroids).sum(1)
    # Rounding may leave a distance of zero below it.
    return np.maximum(squares - 2 * products, 0.0)

"""Speech as a string of units: the nearest of K centroids at each frame, with a price on every change, runs collapsed.

A folder of units is `config.json` and `units.safetensors`; plain data, never pickle.

Reference: K-means units with a duration penalty as in Kamper and van Niekerk, "Towards Unsupervised Phone and Word
Segmentation using Self-supervised Vector-quantized Neural Networks", 2021, section 3; collapsed runs as in Hsu et al.,
"Text-Free Image-to-Speech Synthesis Using Learned Segmental Units", 2020, section 3.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save as save_safetensors

from avnet.audio.mfcc import COEFFICIENTS, mfcc
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.facts import read_facts
from avnet.files.weights import read_arrays
from avnet.files.whole import whole_folder
from avnet.units.strings import UnitString, collapsed
from avnet.units.viterbi import best_paths

FORMAT = "avnet-units-1"
CONFIG, WEIGHTS = "config.json", "units.safetensors"
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
            raise ConfigError("centroids", f"want 1 to {MAX_UNITS} rows of {size}, got {self.centroids.shape}")
        if self.mean.shape != (size,) or self.spread.shape != (size,) or not np.all(self.spread > 0):
            raise ConfigError("mean, spread", f"want {size} numbers, spreads above 0")
        if not all(np.isfinite(part).all() for part in (self.centroids, self.mean, self.spread)):
            raise ConfigError("centroids, mean, spread", "want finite numbers")
        if not 0 <= self.penalty < np.inf:
            raise ConfigError("penalty", f"wants at least 0, got {self.penalty}")

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
        """SHA-256 of all that decides the units of a recording."""
        parts = (self.centroids, self.mean, self.spread, np.float64(self.penalty))
        return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()

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
        return [collapsed(path[: len(frames)]) for path, frames in zip(paths, features, strict=True)]


def squared_distances(
    features: Float[np.ndarray, "frames n"], centroids: Float[np.ndarray, "units n"]
) -> Float[np.ndarray, "frames units"]:
    """Squared Euclidean distances, at least 0."""
    products = features @ centroids.T
    squares = np.square(features).sum(1)[:, None] + np.square(centroids).sum(1)
    return np.maximum(squares - 2 * products, 0.0)


def written_units(units: KMeansUnits) -> dict[str, bytes]:
    """The files of a folder of units, by name."""
    arrays = {"centroids": units.centroids, "mean": units.mean, "spread": units.spread}
    weights = save_safetensors({name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()})
    config = json.dumps({"format": FORMAT, "penalty": units.penalty}, indent=2) + "\n"
    return {WEIGHTS: weights, CONFIG: config.encode()}


def write_units(path: str | Path, units: KMeansUnits) -> None:
    """Writes a folder of units; it becomes visible only when it is whole.

    Raises:
        ModelFolderError: it cannot be written.
    """
    with whole_folder(Path(path), ModelFolderError) as temporary:
        for name, data in written_units(units).items():
            (temporary / name).write_bytes(data)


def read_units(path: str | Path) -> KMeansUnits:
    """Reads a folder of units.

    Raises:
        ModelFolderError: a file is missing or damaged.
    """
    path = Path(path)
    penalty = read_facts(path, CONFIG, FORMAT, "a folder of units", lambda config: float(config["penalty"]))
    arrays, _ = read_arrays(path / WEIGHTS)
    try:
        return KMeansUnits(arrays["centroids"], arrays["mean"], arrays["spread"], penalty)
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        raise ModelFolderError(path, f"is not a folder of units, or damaged ({error})") from None

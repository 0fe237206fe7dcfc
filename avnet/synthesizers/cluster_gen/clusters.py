"""The trees of a voice: of its filter, its source and its durations."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import ConfigError
from avnet.synthesizers.cluster_gen.context import (
    COORDINATES,
    FRAME_FEATURES,
    RATE,
    UNIT_FEATURES,
    frame_contexts,
    unit_contexts,
)
from avnet.synthesizers.cluster_gen.forest import Forest, Statistics
from avnet.synthesizers.cluster_gen.trajectory import likeliest
from avnet.synthesizers.source_filter.columns import COLUMNS
from avnet.synthesizers.source_filter.parameters import BANDS
from avnet.units.kmeans import MAX_UNITS

# Of the columns of a frame (`source_filter.columns`): voicing and mel-cepstra, which every frame has; log F0 and the
# strengths of bands, which mean something where there is voice.
FILTER = np.arange(1, COLUMNS - BANDS)
SOURCE = np.array([0, *range(COLUMNS - BANDS, COLUMNS)])
# Frames of 10 ms that one unit may last, whatever is predicted: 2 s.
LONGEST = 200
# Precision of what trees say of the source where there is no voice: enough for the equations to have a solution.
HARDLY = 1e-4


@dataclass(frozen=True)
class Clusters:
    """How units sound and how long they last, by what is around them.

    Attributes:
        coordinates: float32 [units, 5], see `context`.
        filter: of the columns `FILTER` of a frame and their deltas.
        source: of the columns `SOURCE` and their deltas, learned from frames with voice.
        duration: of the frames of 10 ms of a unit.
    """

    coordinates: np.ndarray
    filter: Forest
    source: Forest
    duration: Forest

    def __post_init__(self):
        """Checks that the parts fit.

        Raises:
            ConfigError: names the part that does not.
        """
        units = len(self.coordinates)
        if self.coordinates.shape != (units, COORDINATES) or not 1 <= units <= MAX_UNITS:
            raise ConfigError(
                "coordinates", f"must have 1 to {MAX_UNITS} rows of {COORDINATES}, got {self.coordinates.shape}"
            )
        if self.coordinates.dtype != np.float32 or not np.isfinite(self.coordinates).all():
            raise ConfigError("coordinates", "must be finite float32 numbers")
        self.filter.check("filter", units, FRAME_FEATURES, 2 * len(FILTER))
        self.source.check("source", units, FRAME_FEATURES, 2 * len(SOURCE))
        self.duration.check("duration", units, UNIT_FEATURES, 1)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All of it, by name."""
        forests = {"filter": self.filter, "source": self.source, "duration": self.duration}
        named = {f"{name}.{key}": array for name, one in forests.items() for key, array in one.arrays.items()}
        return {"coordinates": np.ascontiguousarray(self.coordinates), **named}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Clusters":
        """What `arrays` were taken from.

        Raises:
            KeyError, ConfigError: arrays are missing, too many, or not those of clusters.
        """
        forests = (Forest.of(arrays, one.name) for one in fields(cls)[1:])
        clusters = cls(arrays["coordinates"], *forests)
        if extra := sorted(arrays.keys() - clusters.arrays.keys()):
            raise ConfigError("weights", f"hold {len(extra)} arrays too many, first {extra[0]!r}")
        return clusters

    def in_steps(self) -> "Clusters":
        """The same trees, with leaves in eight bits; see `Forest.in_steps`."""
        filters, source, duration = (one.in_steps() for one in (self.filter, self.source, self.duration))
        return replace(self, filter=filters, source=source, duration=duration)

    @property
    def vocabulary(self) -> Int[np.ndarray, " known"]:
        """The units that were ever heard."""
        return np.flatnonzero(self.filter.roots[0] >= 0)

    def durations(self, units: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """Predicted whole frames of 10 ms of each unit of a string, at least 1; roundings do not add up.

        Args:
            units: of the vocabulary.
        """
        said = self.duration.predict(unit_contexts(units, self.coordinates), units)
        frames = np.clip(said.mean[:, 0], 1.0, LONGEST)
        ends = np.rint(np.cumsum(frames, dtype=np.float64)).astype(np.int64)
        return np.maximum(np.diff(ends, prepend=0), 1)

    def columns(self, units: Int[np.ndarray, " n"], durations: Int[np.ndarray, " n"]) -> Float[np.ndarray, "frames 32"]:
        """What the frames of a string hold, in the order of `source_filter.columns`.

        Args:
            units: of the vocabulary.
            durations: frames of 10 ms of each, at least 1.

        Returns:
            float32, a row for every 5 ms; voicing is 0 or 1, and strengths are 0 where it is 0.
        """
        features = frame_contexts(units, durations, self.coordinates)
        owner = np.repeat(np.asarray(units, np.int64), RATE * durations)
        columns = np.zeros((len(features), COLUMNS), np.float32)
        columns[:, FILTER] = _course(self.filter.predict(features, owner))
        source = self.source.predict(features, owner)
        # A unit that never had a voice has no pitch to say.
        voiced = (columns[:, 1] > 0.5) & source.known
        columns[:, SOURCE] = _course(source, voiced)
        columns[:, 1] = voiced
        columns[:, SOURCE[1:]] *= voiced[:, None]
        return columns


def _course(said: Statistics, counts: np.ndarray | None = None) -> Float[np.ndarray, "frames columns"]:
    """The likeliest course of columns whose second half are deltas; frames that do not count hardly pull at it."""
    mean, delta_mean = np.split(said.mean, 2, axis=1)
    precision, delta_precision = np.split(1 / np.square(said.deviation), 2, axis=1)
    if counts is not None:
        precision = np.where(counts[:, None], precision, HARDLY)
    return likeliest(mean, precision, delta_mean, delta_precision * said.known[:, None])

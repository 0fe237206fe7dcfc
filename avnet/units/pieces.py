"""Pieces: runs of units that often occur together; of these descriptions are made faster than unit by unit."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from avnet.errors import ConfigError

LARGEST = 65_536


class Pieces:
    """A table of runs of units.

    Attributes:
        runs: of each piece, int64 [n] with n >= 1.
        first: int64 [pieces], first unit of each.
        last: int64 [pieces], last unit of each.
        lengths: int64 [pieces], units of each.

    Reference: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016, section 3.2, over
        units in place of letters.
    """

    def __init__(self, runs: Sequence[Sequence[int] | Int[np.ndarray, "_"]]):
        """Checks the table.

        Raises:
            ConfigError: a run is empty or no row of units.
        """
        self.runs = [np.asarray(run) for run in runs]
        for run in self.runs:
            if run.ndim != 1 or not len(run) or run.dtype.kind != "i" or run.min() < 0 or run.max() >= LARGEST:
                raise ConfigError("pieces", f"must be runs of units, got {run}")
        if not 1 <= len(self.runs) <= LARGEST:
            raise ConfigError("pieces", f"must be 1 to {LARGEST} in number, got {len(self.runs)}")
        self.first = np.array([run[0] for run in self.runs], np.int64)
        self.last = np.array([run[-1] for run in self.runs], np.int64)
        self.lengths = np.array([len(run) for run in self.runs], np.int64)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The table as two rows of numbers."""
        return {"units": np.concatenate(self.runs).astype(np.int32), "lengths": self.lengths.astype(np.int32)}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Pieces":
        """What `arrays` were taken from.

        Raises:
            KeyError, ValueError, ConfigError: they are of something else.
        """
        units, lengths = arrays["units"].astype(np.int64), arrays["lengths"].astype(np.int64)
        if units.ndim != 1 or lengths.ndim != 1 or (lengths < 1).any() or lengths.sum() != len(units):
            raise ValueError("the pieces do not fit their lengths")
        return cls(np.split(units, np.cumsum(lengths)[:-1]))

    def expand(self, pieces: Sequence[int] | Int[np.ndarray, " n"]) -> Int[np.ndarray, " units"]:
        """The units of a string of pieces."""
        return np.concatenate([np.zeros(0, np.int64), *(self.runs[piece] for piece in pieces)])

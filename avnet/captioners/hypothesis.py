"""Descriptions in the making, and those that are done."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

Reason = Literal["end", "limit", "stuck"]


@dataclass(frozen=True)
class Candidate:
    """A description.

    Attributes:
        pieces: that it is put together from.
        units: that they stand for, int64 [n].
        log_probability: of the pieces and the end, natural logarithm.
        attention: float32 [pieces, cells], where each looked; no cells where the captioner does not attend.
        reason: 'end' (it was said), 'limit' (the longest that is allowed) or 'stuck' (no piece was allowed).
    """

    pieces: tuple[int, ...]
    units: np.ndarray
    log_probability: float
    attention: np.ndarray
    reason: Reason

    @property
    def score(self) -> float:
        """Mean log-probability of a piece."""
        # The end is a prediction too.
        return self.log_probability / (len(self.pieces) + 1)


class Hypothesis(NamedTuple):
    """A description in the making.

    Attributes:
        pieces: so far.
        units: that they stand for.
        log_probability: of the pieces, natural logarithm.
        attention: of each piece, float32 [cells].
        runs: of units, which must not come again.
    """

    pieces: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    log_probability: float = 0.0
    attention: tuple[np.ndarray, ...] = ()
    runs: frozenset[tuple[int, ...]] = frozenset()

    def finish(self, reason: Reason, log_probability: float | None = None) -> Candidate:
        """The description as it is.

        Args:
            reason: why it ends.
            log_probability: with that of the end, where it was said.
        """
        attention = np.stack(self.attention) if self.attention else np.zeros((0, 0), np.float32)
        total = self.log_probability if log_probability is None else log_probability
        return Candidate(self.pieces, np.array(self.units, np.int64), float(total), attention, reason)

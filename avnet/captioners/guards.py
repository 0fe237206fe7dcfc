"""Guards against endless speech: what no description may do, as a mask of symbols and as a check of runs."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.hypothesis import Candidate, Hypothesis
from avnet.units.pieces import Pieces


@dataclass(frozen=True)
class Guards:
    """What no description may do.

    Attributes:
        longest: units of a description, at most.
        repeated: no run of so many units, each different from the one before, occurs twice.
        collapsed: no unit follows itself.
    """

    longest: int = 150
    repeated: int = 8
    collapsed: bool = True


class Progress(NamedTuple):
    """How far some descriptions are; of each what the mask of what may follow depends on.

    Attributes:
        pieces: how many were said.
        units: how many those are.
        last: the last of these; -1 before the first.
    """

    pieces: Int[Array, "*batch"]
    units: Int[Array, "*batch"]
    last: Int[Array, "*batch"]


class Mask:
    """Which symbols may follow, for many descriptions at once and on the device.

    That a run of units would repeat is no part of it: to find that takes all units of a description, and it is asked
    of the few that are chosen (`extend`).
    """

    def __init__(self, config: CaptionerConfig, pieces: Pieces, guards: Guards, never: Sequence[int] = ()):
        self.config, self.guards = config, guards
        # What no description says, such as the word that stands for rare ones.
        self._sayable = ~np.isin(np.arange(config.symbols), [*never, config.padding])
        # The end and padding say no unit.
        self.lengths = np.append(pieces.lengths, [0, 0]).astype(np.int32)
        self._first = np.append(pieces.first, [-2, -2]).astype(np.int32)
        self._last = np.append(pieces.last, [-1, -1]).astype(np.int32)
        self._runs = [tuple(run.tolist()) for run in pieces.runs]
        self._shortest = int(pieces.lengths.min())

    def begin(self, *shape: int) -> Progress:
        """Of descriptions of which nothing was said."""
        return Progress(jnp.zeros(shape, jnp.int32), jnp.zeros(shape, jnp.int32), jnp.full(shape, -1, jnp.int32))

    def advance(self, progress: Progress, tokens: Int[Array, "*batch"]) -> Progress:
        """After one more symbol; the end, which stands before the first piece, adds nothing."""
        pieces = progress.pieces + (tokens < self.config.pieces)
        return Progress(pieces, progress.units + jnp.asarray(self.lengths)[tokens], jnp.asarray(self._last)[tokens])

    @property
    def steps(self) -> int:
        """Symbols of a description with its end, at most."""
        return min(self.config.longest, self.guards.longest // self._shortest + 1)

    def after_each(self, tokens: Int[Array, "*batch steps"]) -> Progress:
        """How far descriptions are after each of their tokens, the first of which is the end."""
        units = jnp.asarray(self.lengths)[tokens].cumsum(axis=-1)
        return Progress((tokens < self.config.pieces).cumsum(axis=-1), units, jnp.asarray(self._last)[tokens])

    def allowed(self, progress: Progress, longest: int | Int[Array, ""]) -> Bool[Array, "*batch symbols"]:
        """Whether each symbol may be next, in descriptions of at most `longest` symbols with the end."""
        said, units, last = (part[..., None] for part in progress)
        symbols = np.arange(self.config.symbols)
        may = (units + self.lengths <= self.guards.longest) & ((said == 0) | (said + 1 < longest))
        if self.guards.collapsed:
            may &= last != self._first
        # A description says something.
        return jnp.where(symbols == self.config.end, said > 0, may & self._sayable)

    def end(self, hypothesis: Hypothesis, total: float, longest: int) -> Candidate:
        """The description that ends here.

        Args:
            hypothesis: up to the end.
            total: log-probability of it with the end.
            longest: symbols with the end, at most.
        """
        room = len(hypothesis.units) + self._shortest <= self.guards.longest
        longer = room and len(hypothesis.pieces) + 1 < longest
        return hypothesis.finish("end" if longer else "limit", total)

    def extend(self, hypothesis: Hypothesis, piece: int, total: float, attention: np.ndarray) -> Hypothesis | None:
        """The longer hypothesis, or None where a run of units would repeat.

        Args:
            hypothesis: so far.
            piece: that follows, and is allowed.
            total: log-probability of both.
            attention: with which it was said.
        """
        units = hypothesis.units + self._runs[piece]
        runs = self._new_runs(hypothesis.units, units, hypothesis.runs)
        if runs is None:
            return None
        return Hypothesis((*hypothesis.pieces, piece), units, total, (*hypothesis.attention, attention), runs)

    def _new_runs(
        self, before: tuple[int, ...], after: tuple[int, ...], runs: frozenset[tuple[int, ...]]
    ) -> frozenset[tuple[int, ...]] | None:
        """The runs of a description that has become longer, or None where one of them repeats."""
        n = self.guards.repeated
        if not self.guards.collapsed:
            before, after = _collapse(before), _collapse(after)
        more = [after[i : i + n] for i in range(max(0, len(before) - n + 1), len(after) - n + 1)]
        if not more:
            return runs
        if len(set(more)) < len(more) or not runs.isdisjoint(more):
            return None
        return runs.union(more)


def _collapse(units: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(unit for unit, _ in itertools.groupby(units))

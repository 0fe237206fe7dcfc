"""From a captioner to descriptions: beam search and sampling, with guards against endless speech."""

import itertools
from collections.abc import Generator, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from avnet.captioners.captioner import Captioner
from avnet.captioners.encoding import Encoding
from avnet.captioners.features import ImageFeatures
from avnet.units.pieces import Pieces

Reason = Literal["end", "limit", "stuck"]


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


@dataclass(frozen=True)
class _Hypothesis:
    pieces: tuple[int, ...] = ()
    units: tuple[int, ...] = ()
    log_probability: float = 0.0
    attention: tuple[np.ndarray, ...] = ()
    runs: frozenset[tuple[int, ...]] = field(default_factory=frozenset)


class Search:
    """A captioner in evaluation mode, with jitted steps.

    Args:
        network: is put into evaluation mode.
        pieces: by number.
        guards: against endless speech.
        never: numbers of pieces that no description has.
    """

    def __init__(self, network: Captioner, pieces: Pieces, guards: Guards, never: Sequence[int] = ()):
        network.eval()
        self.config, self.pieces, self.guards = network.config, pieces, guards
        self.longest = network.config.longest
        self._never = np.asarray(never, np.int64)
        # Units that each symbol says: the end and padding none.
        self._unit_counts = np.append(pieces.lengths, [0, 0]).astype(np.float32)
        self._graph, self._state = nnx.split(network)

    def at_most(self, pieces: int) -> "Search":
        """The same search for descriptions of at most so many pieces; what is compiled serves both."""
        _ = self._begin_jit, self._step_jit
        shorter = copy(self)
        # The end takes a step too.
        shorter.longest = min(self.longest, pieces + 1)
        return shorter

    def beam(
        self,
        features: ImageFeatures,
        neighbors: np.ndarray,
        similarity: np.ndarray,
        beams: int = 5,
        reward: float = 0.0,
    ) -> list[list[Candidate]]:
        """The best descriptions of each image by beam search.

        Args:
            features: of the images.
            neighbors: int [images, descriptions, length], pieces, padded.
            similarity: float [images, descriptions].
            beams: hypotheses of each image that are followed.
            reward: that a hypothesis gets for each unit while it is searched for, natural logarithm. The likeliest
                descriptions are too short: every further piece can only cost.

        Returns:
            For each image up to `beams` candidates, best mean log-probability first; at least one.

        Reference: Murray and Chiang, "Correcting Length Bias in Neural Machine Translation", 2018, section 3.2.
        """
        count = len(features.cells)
        encoding, state = self._begin(features, neighbors, similarity, beams)
        # One hypothesis at first: several would be equal, and the beam would follow copies of one description.
        alive: list[list[_Hypothesis | None]] = [[_Hypothesis()] + [None] * (beams - 1) for _ in range(count)]
        complete: list[list[Candidate]] = [[] for _ in range(count)]
        parents, tokens = np.arange(count * beams), np.full(count * beams, self.config.end)
        for _ in range(self.longest):
            log_p, attention, state = self._step(encoding, state, parents, tokens)
            for image in range(count):
                rows = slice(image * beams, (image + 1) * beams)
                children = self._grow(alive[image], log_p[rows], attention[rows], complete[image], beams, reward)
                for slot in range(beams):
                    row = image * beams + slot
                    parent, hypothesis = children[slot] if slot < len(children) else (0, None)
                    alive[image][slot] = hypothesis
                    parents[row] = image * beams + parent
                    # Rows without a hypothesis are computed and ignored: a batch of one shape compiles once.
                    tokens[row] = hypothesis.pieces[-1] if hypothesis else self.config.end
            if not any(hypothesis for row in alive for hypothesis in row):
                break
        for image in range(count):
            # What was cut off counts only where nothing came to an end of its own.
            complete[image] += [_finish(h, "limit") for h in alive[image] if h and not complete[image]]
        return [sorted(row, key=lambda c: -c.score)[:beams] for row in complete]

    def _grow(
        self,
        alive: Sequence[_Hypothesis | None],
        log_p: np.ndarray,
        attention: np.ndarray,
        complete: list[Candidate],
        beams: int,
        reward: float,
    ) -> list[tuple[int, _Hypothesis]]:
        """The best continuations with their parents; what ends goes to `complete`."""
        if len(complete) >= beams:
            return []
        options = []
        for slot, hypothesis in enumerate(alive):
            if hypothesis is not None:
                scores = self._mask_forbidden(hypothesis, log_p[slot])
                priority = scores + reward * (self._unit_counts + len(hypothesis.units))
                # More than are followed, since guards may still turn some of them down.
                best = np.argpartition(-priority, min(4 * beams, len(scores) - 1))[: 4 * beams]
                before = hypothesis.log_probability
                options += [(before + float(priority[i]), before + float(scores[i]), slot, int(i)) for i in best]
        children: list[tuple[int, _Hypothesis]] = []
        rank = 0  # an end counts only where it is among the best
        for _, total, slot, piece in sorted(options, key=lambda option: -option[0]):
            hypothesis = alive[slot]
            if not np.isfinite(total) or hypothesis is None or len(children) == beams:
                break
            if piece == self.config.end:
                if rank < beams:
                    complete.append(_finish(hypothesis, "end" if self._may_continue(hypothesis) else "limit", total))
                rank += 1
            elif longer := self._extend(hypothesis, piece, total, attention[slot]):
                children.append((slot, longer))
                rank += 1
        if not children and not complete:
            complete += [_finish(h, "stuck") for h in alive if h is not None]
        return children

    def sample(
        self,
        features: ImageFeatures,
        neighbors: np.ndarray,
        similarity: np.ndarray,
        *,
        count: int = 5,
        temperature: float = 0.4,
        top_k: int = 3,
        seed: int = 0,
    ) -> list[list[Candidate]]:
        """Descriptions of each image by drawing piece after piece.

        Args:
            features: as in `beam`, as are `neighbors` and `similarity`.
            neighbors: see there.
            similarity: see there.
            count: descriptions of each image.
            temperature: below 1 the likely becomes likelier; 0 takes the likeliest.
            top_k: only so many pieces can be drawn.
            seed: fixes the draw.
        """
        images = len(features.cells)
        # The same draws for every image, so that none depends on those beside it.
        rows = [
            self._sampler(np.random.default_rng((seed, row % count)), temperature, top_k)
            for row in range(images * count)
        ]
        encoding, state = self._begin(features, neighbors, similarity, count)
        parents, tokens = np.arange(images * count), np.full(images * count, self.config.end)
        candidates: list[Candidate | None] = [None] * len(rows)
        for row in rows:
            next(row)
        for _ in range(self.longest + 1):
            log_p, attention, state = self._step(encoding, state, parents, tokens)
            for number, row in enumerate(rows):
                if candidates[number] is None:
                    outcome = row.send((log_p[number], attention[number]))
                    if isinstance(outcome, Candidate):
                        candidates[number] = outcome
                    elif outcome is not None:
                        tokens[number] = outcome
            if all(candidates):
                break
        return [
            sorted((c for c in candidates[i * count : (i + 1) * count] if c), key=lambda c: -c.score)
            for i in range(images)
        ]

    def stream(
        self, features: ImageFeatures, neighbors: np.ndarray, similarity: np.ndarray, reward: float = 0.0
    ) -> Iterator[int | Candidate]:
        """The best piece after the best piece, each as soon as it is chosen, and the candidate at last.

        Args:
            features: of one image, a batch of one; otherwise as in `beam`.
            neighbors: see there.
            similarity: see there.
            reward: see there.
        """
        # At temperature 0 nothing is drawn, so any generator will do.
        row = self._sampler(np.random.default_rng(0), 0.0, 1, reward)
        encoding, state = self._begin(features, neighbors, similarity, 1)
        parents, tokens = np.zeros(1, np.int64), np.full(1, self.config.end)
        next(row)
        while True:
            log_p, attention, state = self._step(encoding, state, parents, tokens)
            outcome = row.send((log_p[0], attention[0]))
            assert outcome is not None
            yield outcome
            if isinstance(outcome, Candidate):
                return
            tokens[0] = outcome

    def _sampler(
        self, rng: np.random.Generator, temperature: float, top_k: int, reward: float = 0.0
    ) -> Generator[int | Candidate | None, tuple[np.ndarray, np.ndarray], None]:
        """A coroutine: gets log-probabilities and attention, gives pieces, and a candidate when it ends."""
        hypothesis = _Hypothesis()
        outcome: int | Candidate | None = None
        while True:
            log_p, attention = yield outcome
            options = self._mask_forbidden(hypothesis, log_p) + reward * self._unit_counts
            while True:
                if not np.isfinite(options).any():
                    outcome = _finish(hypothesis, "stuck")
                    break
                piece = _draw(rng, options, temperature, top_k)
                total = hypothesis.log_probability + float(log_p[piece])
                if piece == self.config.end:
                    reason = "end" if self._may_continue(hypothesis) else "limit"
                    outcome = _finish(hypothesis, reason, total)
                    break
                if longer := self._extend(hypothesis, piece, total, attention):
                    hypothesis, outcome = longer, piece
                    break
                # That the units would repeat is known only with the piece; the next best is tried.
                options[piece] = -np.inf

    def _mask_forbidden(self, hypothesis: _Hypothesis, log_p: np.ndarray) -> np.ndarray:
        """Log-probabilities with minus infinity for what the guards forbid."""
        scores = log_p.copy()
        scores[self.config.padding] = -np.inf
        pieces = scores[: self.config.pieces]
        pieces[self._never] = -np.inf
        pieces[len(hypothesis.units) + self.pieces.lengths > self.guards.longest] = -np.inf
        if self.guards.collapsed and hypothesis.units:
            pieces[self.pieces.first == hypothesis.units[-1]] = -np.inf
        # A description says something.
        if not hypothesis.pieces:
            scores[self.config.end] = -np.inf
        elif len(hypothesis.pieces) + 1 >= self.longest:
            pieces[:] = -np.inf
        return scores

    def _may_continue(self, hypothesis: _Hypothesis) -> bool:
        """Whether a longer description would have been allowed."""
        shortest = int(self.pieces.lengths.min())
        room = len(hypothesis.units) + shortest <= self.guards.longest
        return room and len(hypothesis.pieces) + 1 < self.longest

    def _extend(self, hypothesis: _Hypothesis, piece: int, total: float, attention: np.ndarray):
        """The longer hypothesis, or None where a run of units would repeat."""
        n, units = self.guards.repeated, hypothesis.units + tuple(self.pieces.runs[piece].tolist())
        before, after = hypothesis.units, units
        if not self.guards.collapsed:
            before, after = _collapse(before), _collapse(after)
        runs = [after[i : i + n] for i in range(max(0, len(before) - n + 1), len(after) - n + 1)]
        if len(set(runs)) < len(runs) or hypothesis.runs.intersection(runs):
            return None
        return _Hypothesis(
            (*hypothesis.pieces, piece),
            units,
            total,
            (*hypothesis.attention, attention),
            hypothesis.runs.union(runs),
        )

    def _begin(self, features: ImageFeatures, neighbors: np.ndarray, similarity: np.ndarray, count: int):
        """Encodings and states, each image's `count` times in a row."""
        return self._begin_jit(
            self._state,
            features._replace(cells=jnp.asarray(features.cells, jnp.float32)),
            jnp.asarray(neighbors, jnp.int32),
            jnp.asarray(similarity, jnp.float32),
            count,
        )

    def _step(self, encoding: Encoding, state, parents: np.ndarray, tokens: np.ndarray):
        log_p, attention, state = self._step_jit(
            self._state, encoding, state, jnp.asarray(parents), jnp.asarray(tokens)
        )
        return np.array(log_p), np.asarray(attention), state

    @cached_property
    def _begin_jit(self):
        def begin(weights, features, neighbors, similarity, count):
            network = nnx.merge(self._graph, weights)
            encoding = network.encode(features, neighbors, similarity)
            # Images are encoded once; that hypotheses of one share its encoding, no step ever changes.
            return jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), (encoding, network.begin(encoding)))

        return jax.jit(begin, static_argnums=4)

    @cached_property
    def _step_jit(self):
        def step(weights, encoding, state, parents, tokens):
            network = nnx.merge(self._graph, weights)
            state = jax.tree.map(lambda leaf: leaf[parents], state)
            output, state = network.step(encoding, state, tokens)
            return network.log_probabilities(encoding, output), output.attention, state

        return jax.jit(step)


def _collapse(units: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(unit for unit, _ in itertools.groupby(units))


def _finish(hypothesis: _Hypothesis, reason: Reason, total: float | None = None) -> Candidate:
    attention = np.stack(hypothesis.attention) if hypothesis.attention else np.zeros((0, 0), np.float32)
    log_probability = hypothesis.log_probability if total is None else total
    return Candidate(hypothesis.pieces, np.array(hypothesis.units, np.int64), float(log_probability), attention, reason)


def _draw(rng: np.random.Generator, options: np.ndarray, temperature: float, top_k: int) -> int:
    if temperature == 0:
        return int(options.argmax())
    # Stable, so that equal scores are ordered alike on every machine.
    best = np.argsort(-options, kind="stable")[:top_k]
    weights = np.exp((options[best] - options[best[0]]) / temperature)
    return int(rng.choice(best, p=weights / weights.sum()))

"""From a captioner to descriptions: beam search and sampling, with guards against endless speech.

Images are encoded once. A step is mapped over the hypotheses of each image, so that its encoding is shared by them and
never repeated; what may follow is masked on the device, and for a beam the best are chosen there. Of each image a
search holds its encoding, the state of each hypothesis, a matrix [hypotheses, symbols], and on the host the best
`WIDER` x `beams` symbols of each hypothesis.
"""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.captioner import Captioner
from avnet.captioners.encoding import Encoding
from avnet.captioners.features import ImageFeatures
from avnet.captioners.guards import Guards, Mask, Progress
from avnet.captioners.hypothesis import Candidate, Hypothesis
from avnet.errors import ConfigError
from avnet.units.pieces import Pieces

# Continuations of a hypothesis that are looked at for each one that is followed: guards may turn some of them down.
WIDER = 4
# Images that are done leave the batch once half of it is, but not for a batch smaller than this.
FEWEST = 8


class State(NamedTuple):
    """Of all hypotheses.

    Attributes:
        network: what the captioner keeps of each, [images, hypotheses, ...].
        progress: how far each is.
    """

    network: Any
    progress: Progress


class Continuations(NamedTuple):
    """The best continuations of hypotheses, of each the best first.

    Attributes:
        priorities: log-probability and reward of each.
        scores: log-probability of each; minus infinity where the guards forbid it.
        symbols: which they are.
    """

    priorities: Float[Array, "images hypotheses best"] | np.ndarray
    scores: Float[Array, "images hypotheses best"] | np.ndarray
    symbols: Int[Array, "images hypotheses best"] | np.ndarray


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
        self._network, self._never = network, tuple(never)
        self._mask = Mask(network.config, pieces, guards, never)
        self._graph, self._weights = nnx.split(network)

    def at_most(self, pieces: int) -> "Search":
        """The same search for descriptions of at most so many pieces."""
        shorter = Search(self._network, self.pieces, self.guards, self._never)
        # The end takes a step too.
        shorter.config = replace(self.config, longest=min(self.config.longest, pieces + 1))
        shorter._mask = Mask(shorter.config, self.pieces, self.guards, self._never)
        return shorter

    def use(self, network: Captioner) -> None:
        """Searches with the weights of another network of the same configuration; nothing is compiled again."""
        network.eval()
        self._network, self._weights = network, nnx.state(network)

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
            beams: hypotheses of each image that are followed; more than there are symbols is no error.
            reward: that a hypothesis gets for each unit while it is searched for, natural logarithm. The likeliest
                descriptions are too short: every further piece can only cost.

        Returns:
            For each image up to `beams` candidates, best mean log-probability first; at least one.

        Raises:
            ConfigError: no hypothesis is to be followed.

        Reference: Murray and Chiang, "Correcting Length Bias in Neural Machine Translation", 2018, section 3.2.
        """
        if beams < 1:
            raise ConfigError("beams", f"must be at least 1, got {beams}")
        count = len(features.cells)
        encoding, state = self._begin(features, neighbors, similarity, beams)
        # One hypothesis at first: several would be equal, and the beam would follow copies of one description.
        alive: list[list[Hypothesis]] = [[Hypothesis()] for _ in range(count)]
        complete: list[list[Candidate]] = [[] for _ in range(count)]
        batch = np.arange(count)  # the image of each row
        parents, tokens = np.zeros((count, beams), np.int32), np.full((count, beams), self.config.end, np.int32)
        for _ in range(self.config.longest):
            best, attention, state = self._best(encoding, state, parents, tokens, reward, beams)
            before = np.full((len(batch), beams), -np.inf)
            for row, image in enumerate(batch):
                before[row, : len(alive[image])] = [hypothesis.log_probability for hypothesis in alive[image]]
            for row, options in enumerate(_in_order(before, best)):
                hypotheses, done = alive[batch[row]], complete[batch[row]]
                children = self._grow(hypotheses, options, attention[row], done, beams)
                # Slots without a hypothesis are computed and ignored: a batch of one shape compiles once.
                parents[row], tokens[row] = 0, self.config.end
                for slot, (parent, child) in enumerate(children):
                    parents[row, slot], tokens[row, slot] = parent, child.pieces[-1]
                alive[batch[row]] = [child for _, child in children] if len(done) < beams else []
            open_rows = [row for row, image in enumerate(batch) if alive[image]]
            if not open_rows:
                break
            if FEWEST <= len(batch) // 2 >= len(open_rows):
                # Those that are done fill up what is free, since each size of a batch compiles once.
                rows = _first(open_rows, len(batch))[: len(batch) // 2]
                batch, parents, tokens = batch[rows], parents[rows], tokens[rows]
                encoding, state = self._select_jit((encoding, state), rows)
        for image in range(count):
            # What was cut off counts only where nothing came to an end of its own.
            complete[image] += [h.finish("limit") for h in alive[image] if not complete[image]]
        return [sorted(row, key=lambda c: -c.score)[:beams] for row in complete]

    def _grow(
        self,
        alive: list[Hypothesis],
        options: Iterable[tuple[int, int, float]],
        attention: np.ndarray,
        complete: list[Candidate],
        beams: int,
    ) -> list[tuple[int, Hypothesis]]:
        """The best continuations with their parents; what ends goes to `complete`.

        Args:
            alive: hypotheses of one image.
            options: the best first: number of a hypothesis, symbol, and log-probability of both.
            attention: of each hypothesis.
            complete: descriptions of the image.
            beams: continuations at most.
        """
        children: list[tuple[int, Hypothesis]] = []
        rank = 0  # an end counts only where it is among the best
        for slot, symbol, total in options if alive else ():
            if total == -np.inf or len(children) == beams:
                break
            hypothesis = alive[slot]
            if symbol == self.config.end:
                if rank < beams:
                    complete.append(self._mask.end(hypothesis, total))
                rank += 1
            elif longer := self._mask.extend(hypothesis, symbol, total, attention[slot]):
                children.append((slot, longer))
                rank += 1
        if not children and not complete:
            complete += [h.finish("stuck") for h in alive]
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
        shape = len(features.cells), count
        # The same draws for every image, so that none depends on those beside it.
        samplers = {
            place: self._sampler(np.random.default_rng((seed, place[1])), temperature, top_k)
            for place in np.ndindex(shape)
        }
        encoding, state = self._begin(features, neighbors, similarity, count)
        parents = np.broadcast_to(np.arange(count, dtype=np.int32), shape)
        tokens = np.full(shape, self.config.end, np.int32)
        candidates: list[list[Candidate]] = [[] for _ in range(shape[0])]
        for sampler in samplers.values():
            next(sampler)
        while samplers:
            scores, attention, state = self._step(encoding, state, parents, tokens)
            for place, sampler in list(samplers.items()):
                outcome = sampler.send((scores[place], attention[place]))
                if isinstance(outcome, Candidate):
                    candidates[place[0]].append(outcome)
                    del samplers[place]
                elif outcome is not None:
                    tokens[place] = outcome
        return [sorted(row, key=lambda c: -c.score) for row in candidates]

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
        parents, tokens = np.zeros((1, 1), np.int32), np.full((1, 1), self.config.end, np.int32)
        next(row)
        while True:
            scores, attention, state = self._step(encoding, state, parents, tokens)
            outcome = row.send((scores[0, 0], attention[0, 0]))
            assert outcome is not None
            yield outcome
            if isinstance(outcome, Candidate):
                return
            tokens[0, 0] = outcome

    def _sampler(
        self, rng: np.random.Generator, temperature: float, top_k: int, reward: float = 0.0
    ) -> Generator[int | Candidate | None, tuple[np.ndarray, np.ndarray], None]:
        """A coroutine: gets scores and attention, gives pieces, and a candidate when it ends."""
        hypothesis = Hypothesis()
        outcome: int | Candidate | None = None
        while True:
            scores, attention = yield outcome
            options = scores + np.float32(reward) * self._mask.lengths.astype(np.float32)
            while True:
                if not np.isfinite(options).any():
                    outcome = hypothesis.finish("stuck")
                    break
                piece = _draw(rng, options, temperature, top_k)
                total = hypothesis.log_probability + float(scores[piece])
                if piece == self.config.end:
                    outcome = self._mask.end(hypothesis, total)
                    break
                if longer := self._mask.extend(hypothesis, piece, total, attention):
                    hypothesis, outcome = longer, piece
                    break
                # That the units would repeat is known only with the piece; the next best is tried.
                options[piece] = -np.inf

    def _begin(
        self, features: ImageFeatures, neighbors: np.ndarray, similarity: np.ndarray, count: int
    ) -> tuple[Encoding, State]:
        """Encodings of images, and the state of `count` hypotheses of each."""
        return self._begin_jit(
            self._weights,
            features._replace(cells=jnp.asarray(features.cells, jnp.float32)),
            jnp.asarray(neighbors, jnp.int32),
            jnp.asarray(similarity, jnp.float32),
            count,
        )

    def _step(
        self, encoding: Encoding, state: State, parents: np.ndarray, tokens: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, State]:
        """Log-probabilities of what may follow, attention, and the next state."""
        scores, attention, state = self._step_jit(self._weights, encoding, state, parents, tokens)
        return np.asarray(scores), np.asarray(attention), state

    def _best(
        self, encoding: Encoding, state: State, parents: np.ndarray, tokens: np.ndarray, reward: float, beams: int
    ) -> tuple[Continuations, np.ndarray, State]:
        """The best of what may follow, attention, and the next state."""
        best = min(WIDER * beams, self.config.symbols)
        continuations, attention, state = self._best_jit(
            self._weights, encoding, state, parents, tokens, np.float32(reward), best
        )
        return Continuations(*map(np.asarray, continuations)), np.asarray(attention), state

    @cached_property
    def _begin_jit(self):
        def begin(weights, features, neighbors, similarity, count):
            network = nnx.merge(self._graph, weights)
            encoding = network.encode(features, neighbors, similarity)
            images = len(encoding.cells)
            state = jax.tree.map(
                lambda leaf: jnp.broadcast_to(leaf[:, None], (images, count, *leaf.shape[1:])), network.begin(encoding)
            )
            return encoding, State(state, self._mask.begin(images, count))

        return jax.jit(begin, static_argnums=4)

    @cached_property
    def _step_jit(self):
        def step(weights, encoding, state, parents, tokens):
            network = nnx.merge(self._graph, weights)
            images = jnp.arange(len(parents))[:, None]
            state = jax.tree.map(lambda leaf: leaf[images, parents], state)

            def of_each(state, token):
                output, state = network.step(encoding, state, token)
                return network.log_probabilities(encoding, output), output.attention, state

            log_p, attention, following = jax.vmap(of_each, in_axes=1, out_axes=1)(state.network, tokens)
            progress = self._mask.advance(state.progress, tokens)
            scores = jnp.where(self._mask.allowed(progress), log_p, -jnp.inf)
            return scores, attention, State(following, progress)

        return jax.jit(step)

    @cached_property
    def _best_jit(self):
        def best(weights, encoding, state, parents, tokens, reward, count):
            scores, attention, state = self._step_jit(weights, encoding, state, parents, tokens)
            units = state.progress.units[..., None] + self._mask.lengths
            priorities, symbols = jax.lax.top_k(scores + reward * units.astype(jnp.float32), count)
            chosen = jnp.take_along_axis(scores, symbols, axis=-1)
            return Continuations(priorities, chosen, symbols), attention, state

        return jax.jit(best, static_argnums=6)

    @cached_property
    def _select_jit(self):
        return jax.jit(lambda tree, rows: jax.tree.map(lambda leaf: leaf[rows], tree))


def _in_order(before: Float[np.ndarray, "images hypotheses"], best: Continuations) -> Iterator[Iterable]:
    """Of each image number of a hypothesis, symbol, and log-probability of both, the best first."""
    images, _, count = best.symbols.shape
    # In float64, and stable: of equals that of the first hypothesis, then the first symbol.
    priorities = (before[..., None] + best.priorities).reshape(images, -1)
    order = np.argsort(-priorities, axis=1, kind="stable")
    totals = (before[..., None] + best.scores).reshape(images, -1)
    columns = (array.reshape(images, -1) for array in (best.symbols, totals))
    symbols, totals = (np.take_along_axis(column, order, axis=1).tolist() for column in columns)
    for slots, row_symbols, row_totals in zip((order // count).tolist(), symbols, totals, strict=True):
        yield zip(slots, row_symbols, row_totals, strict=True)


def _first(rows: list[int], count: int) -> np.ndarray:
    """All numbers below `count`, some of them first."""
    return np.concatenate([rows, np.setdiff1d(np.arange(count), rows)]).astype(np.int64)


def _draw(rng: np.random.Generator, options: np.ndarray, temperature: float, top_k: int) -> int:
    if temperature == 0:
        return int(options.argmax())
    # Stable, so that equal scores are ordered alike on every machine.
    best = np.argsort(-options, kind="stable")[:top_k]
    weights = np.exp((options[best] - options[best[0]]) / temperature)
    return int(rng.choice(best, p=weights / weights.sum()))

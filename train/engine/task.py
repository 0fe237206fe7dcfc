"""What differs between the things that are trained: data, network, loss, validation, and what is written at the end."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

Batch = Mapping[str, np.ndarray]
Figures = dict[str, Float[Array, ""]]
Tree = Any


class Exploration(NamedTuple):
    """What a network does by itself before an update, and what comes of it, from which the update then learns.

    Attributes:
        draw: network, batch and key to arrays by name, [examples, ...]; jitted and without a gradient.
        judge: batch and those arrays, this process's rows of both, to arrays by name that enter the batch of the
            update; on the host, so that anything can be a judge. Several processes must come to rows of one shape.
    """

    draw: Callable[[Any, Any, Key[Array, ""]], dict[str, Array]]
    judge: Callable[[Batch, Batch], Batch]


class Objective(NamedTuple):
    """A loss in two halves, so that the first can be computed for one part of the batch after the other.

    Attributes:
        features: network, batch and key to features, arrays [examples, ...] of floats; here batch normalisation sees
            its batch and dropout draws.
        loss: network, features and batch to what is minimized, and figures for the log. A figure called 'loss'
            replaces what is minimized there.
        exploration: before each update, where the network also learns from what it does itself.
    """

    features: Callable[[Any, Any, Key[Array, ""]], Tree]
    loss: Callable[[Any, Tree, Any], tuple[Float[Array, ""], Figures]]
    exploration: Exploration | None = None


class Batches(Protocol):
    """This process's parts of batches, in order and without end."""

    def __next__(self) -> Batch:
        """The next one."""
        ...

    @property
    def state(self) -> dict[str, Any]:
        """Position, as plain values for JSON."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a position that `state` gave."""

    def close(self) -> None:
        """Ends what reads ahead."""


class BatchesByStep(Iterator[Batch]):
    """Batches that are a function of the number of their step.

    Args:
        batch_at: the whole batch of a step, of all processes.
        shard: number of this process, and how many there are.
    """

    def __init__(self, batch_at: Callable[[int], Batch], shard: tuple[int, int] = (0, 1)):
        self._batch_at, self._shard, self._step = batch_at, shard, 0

    def __next__(self) -> Batch:
        batch, (process, processes) = self._batch_at(self._step), self._shard
        self._step += 1
        if processes == 1:
            return batch
        # Every process makes the whole batch: its padding depends on all examples.
        return {name: np.split(rows, processes)[process] for name, rows in batch.items()}

    @property
    def state(self) -> dict[str, Any]:
        """Position, as plain values for JSON."""
        return {"step": self._step}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a position that `state` gave."""
        self._step = int(state["step"])

    def close(self) -> None:
        """Nothing is read ahead."""


class Validation(NamedTuple):
    """How well a network does on what it does not learn from.

    Attributes:
        figures: by name.
        evidence: what they were computed from, where writing the model needs it again.
    """

    figures: dict[str, float]
    evidence: Any = None


class Measure(NamedTuple):
    """The figure of validation by which the best network is chosen.

    Attributes:
        name: of the figure.
        lowest: whether less is better.
    """

    name: str
    lowest: bool = False

    def better(self, figures: Mapping[str, float], best: Mapping[str, float]) -> bool:
        """Whether figures are better than the best so far, of which there may be none; equal ones are not."""
        if not best:
            return True
        ours, theirs = figures[self.name], best[self.name]
        return ours < theirs if self.lowest else ours > theirs


class Task(Protocol):
    """One thing that is trained."""

    @property
    def title(self) -> str:
        """What it is, for the progress bar."""
        ...

    @property
    def fingerprints(self) -> Mapping[str, Any]:
        """Of what options name by their place: a run is the same where these are the same."""
        ...

    @property
    def network(self) -> nnx.Module:
        """The network before the first step."""
        ...

    @property
    def objective(self) -> Objective:
        """The loss."""
        ...

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """How gradients change the parameters."""
        ...

    @property
    def measure(self) -> Measure:
        """What the best network is the best in."""
        ...

    def batches(self, shard: tuple[int, int]) -> Batches:
        """What it learns from, from the first step on.

        Args:
            shard: number of this process, and how many there are.
        """
        ...

    def validate(self, network: Any) -> Validation:
        """How well a network in evaluation mode does; every process does it."""
        ...

    def write(self, network: Any, validation: Validation) -> None:
        """Writes a network that is the best so far into the folder of the run; only the first process does it.

        Args:
            network: in evaluation mode; it may be changed.
            validation: of it; the figures tell the step too.
        """

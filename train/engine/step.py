"""One update: loss, gradient, optimizer. Pure and jitted; no I/O."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast, runtime_checkable

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Key

from avnet.errors import ConfigError
from train.engine.accumulation import gradient_of
from train.engine.devices import Devices
from train.engine.options import RunOptions
from train.engine.task import Batch, Figures, Objective, Tree


class TrainState(NamedTuple):
    """All that an update changes.

    Attributes:
        params: what the gradient changes.
        stats: what the network changes itself, such as means of batch normalisation.
        optimizer: its moments.
    """

    params: nnx.State
    stats: nnx.State
    optimizer: optax.OptState


class Program(NamedTuple):
    """The update, and the network that a state stands for.

    Attributes:
        update: state, batch and number of the step to the next state and figures; jitted, the state is donated.
        graph: of the network in evaluation mode.
        explore: state, this process's rows of a batch and number of the step to the rows that the update learns from.
    """

    update: Any
    graph: nnx.GraphDef
    explore: Callable[[TrainState, Batch, int], Batch]

    def network(self, state: TrainState) -> Any:
        """The network of a state, in evaluation mode."""
        return nnx.merge(self.graph, state.params, state.stats, copy=True)


@runtime_checkable
class Computing(Protocol):
    """A part of a network that can compute in another precision, or its features a second time for the gradient."""

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how; None is the precision of what it is given."""


def create(
    network: nnx.Module,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    options: RunOptions,
    devices: Devices | None = None,
) -> tuple[TrainState, Program]:
    """The state before the first step, and the program that changes it.

    Args:
        network: fresh.
        objective: its loss.
        optimizer: of its parameters.
        options: seed, precision, parts and features computed twice.
        devices: over which batches are split; one by default.

    Raises:
        ConfigError: the network has one way to compute, and another is asked for.
    """
    network.train()
    computing = [part for _, part in nnx.iter_modules(network) if isinstance(part, Computing)]
    if not computing and (options.compute != "float32" or options.remat):
        raise ConfigError("--compute, --remat", "this network computes in float32 only, and features once")
    for part in computing:
        part.compute(jnp.dtype(options.compute), remat=options.remat)
    # One state for two graphs: training and evaluation differ in flags, not in arrays.
    graph, params, stats = nnx.split(network, nnx.Param, ...)
    network.eval()
    for part in computing:
        part.compute(None)
    eval_graph, _, _ = nnx.split(network, nnx.Param, ...)

    def features(params: Tree, stats: Tree, batch: Tree, key: Key[Array, ""]) -> tuple[Tree, Tree]:
        model = nnx.merge(graph, params, stats, copy=True)
        embeddings = objective.features(model, batch, key)
        return embeddings, nnx.split(model, nnx.Param, ...)[2]

    def loss(params: Tree, stats: Tree, embeddings: Tree, batch: Tree) -> tuple[Array, Figures]:
        return objective.loss(nnx.merge(graph, params, stats, copy=True), embeddings, batch)

    gradient = gradient_of(features, loss, options.accumulate)

    def update(state: TrainState, batch: Tree, step: Array) -> tuple[TrainState, Figures]:
        # A function of seed and step, so that a resumed run draws the same.
        key = jax.random.fold_in(jax.random.key(options.seed), step)
        (value, (stats, figures)), grads = gradient(state.params, state.stats, batch, key)
        changes, moments = optimizer.update(grads, state.optimizer, state.params)
        params = cast(nnx.State, optax.apply_updates(state.params, changes))
        figures = {"loss": value, **figures, "gradient_norm": optax.tree.norm(grads)}
        return TrainState(params, stats, moments), figures

    whole = devices.whole if devices else None
    # Donated: the next state takes the memory of this one.
    jit_update = jax.jit(update, donate_argnums=0, out_shardings=whole)
    explore = _explorer(graph, objective, options.seed, devices)
    return TrainState(params, stats, optimizer.init(params)), Program(jit_update, eval_graph, explore)


def _explorer(
    graph: nnx.GraphDef, objective: Objective, seed: int, devices: Devices | None
) -> Callable[[TrainState, Batch, int], Batch]:
    """What `Program.explore` is; it changes nothing where the objective has no exploration."""
    exploration = objective.exploration
    if exploration is None:
        return lambda state, rows, step: rows

    def draw(params: Tree, stats: Tree, batch: Tree, step: Array) -> dict[str, Array]:
        # The 1 keeps these draws apart from those of the update of the same step.
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), step), 1)
        return exploration.draw(nnx.merge(graph, params, stats, copy=True), batch, key)

    jit_draw = jax.jit(draw, out_shardings=devices.divided if devices else None)

    def explore(state: TrainState, rows: Batch, step: int) -> Batch:
        batch = devices.split(rows) if devices else rows
        draws = jit_draw(state.params, state.stats, batch, jnp.int32(step))
        draws = devices.rows(draws) if devices else jax.device_get(draws)
        return {**rows, **exploration.judge(rows, draws)}

    return explore


def warmup_cosine(learning_rate: float, warmup: int, steps: int) -> optax.Schedule:
    """A learning rate that rises from zero over the warm-up, then falls to zero at the last step as a cosine."""
    # optax refuses a schedule that ends with its warm-up.
    return optax.schedules.warmup_cosine_decay_schedule(0.0, learning_rate, warmup, max(steps, warmup + 1))

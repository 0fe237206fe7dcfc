"""One update of a vocoder, and of the discriminator where there is one. Pure and jitted; no I/O."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float

from avnet.synthesizers.losses import (
    discriminator_loss,
    duration_loss,
    feature_loss,
    generator_loss,
    mel_loss,
    stft_loss,
)
from avnet.synthesizers.vocos import Vocos
from train.vocoder.discriminator import Discriminator

# As published.
MEL_WEIGHT = 45.0
# Not published: without a discriminator this alone asks for fine structure, so that it weighs as much.
STFT_WEIGHT = 45.0
BETAS = (0.8, 0.99)

Metrics = dict[str, Float[Array, ""]]


class VocoderState(NamedTuple):
    """All that an update changes; the last two are None without a discriminator."""

    params: nnx.State
    optimizer: optax.OptState
    judge_params: nnx.State | None
    judge_optimizer: optax.OptState | None


class VocoderProgram(NamedTuple):
    """The jitted step, and how parameters become a vocoder again."""

    graph: nnx.GraphDef
    train_step: Any


def create(
    vocoder: Vocos, learning_rate: float, steps: int, *, adversarial: bool, seed: int
) -> tuple[VocoderState, VocoderProgram]:
    """The state before the first step, and the program that changes it.

    Args:
        vocoder: fresh.
        learning_rate: at its peak, after a warm-up; it falls to zero as a cosine.
        steps: of the whole run.
        adversarial: train a discriminator along, and against it.
        seed: of the discriminator's weights.
    """
    warmup = min(100, max(1, steps // 10))
    schedule = optax.schedules.warmup_cosine_decay_schedule(0.0, learning_rate, warmup, max(steps, warmup + 1))
    optimizer = optax.adamw(schedule, *BETAS)
    graph, params = nnx.split(vocoder)
    judge_graph, judge_params = nnx.split(Discriminator(rngs=nnx.Rngs(seed))) if adversarial else (None, None)

    def loss_fn(params: nnx.State, judge_params: nnx.State | None, batch: dict[str, Array]):
        model = nnx.merge(graph, params)
        made, real = model(batch["units"], batch["mask"]), batch["waveform"]
        parts = {
            "mel": mel_loss(made, real).mean(),
            "stft": stft_loss(made, real).mean(),
            "duration": duration_loss(
                model.log_durations(batch["string"], batch["counts"]), batch["frames"], batch["counts"]
            ).mean(),
        }
        loss = MEL_WEIGHT * parts["mel"] + STFT_WEIGHT * parts["stft"] + parts["duration"]
        if judge_params is not None:
            judge = nnx.merge(cast(nnx.GraphDef, judge_graph), judge_params)
            ours, theirs = judge(made), judge(real)
            parts["generator"] = generator_loss(ours.answers)
            parts["features"] = feature_loss(theirs.features, ours.features)
            loss = loss + parts["generator"] + parts["features"]
        return loss, ({"loss": loss, **parts}, made)

    def judge_loss(judge_params: nnx.State, made: Array, real: Array):
        judge = nnx.merge(cast(nnx.GraphDef, judge_graph), judge_params)
        return discriminator_loss(judge(real).answers, judge(made).answers)

    def train_step(state: VocoderState, batch: dict[str, Array]) -> tuple[VocoderState, Metrics]:
        grads, (metrics, made) = jax.grad(loss_fn, has_aux=True)(state.params, state.judge_params, batch)
        params, moments = updated(optimizer, grads, state.optimizer, state.params)
        metrics["gradient_norm"] = optax.tree.norm(grads)
        if state.judge_params is None:
            return VocoderState(params, moments, None, None), metrics
        metrics["discriminator"], judge_grads = jax.value_and_grad(judge_loss)(
            state.judge_params, jax.lax.stop_gradient(made), batch["waveform"]
        )
        judged = updated(optimizer, judge_grads, state.judge_optimizer, state.judge_params)
        return VocoderState(params, moments, *judged), metrics

    judge_optimizer = None if judge_params is None else optimizer.init(judge_params)
    state = VocoderState(params, optimizer.init(params), judge_params, judge_optimizer)
    return state, VocoderProgram(graph, jax.jit(train_step, donate_argnums=0))


def updated(optimizer: optax.GradientTransformation, grads: Any, moments: Any, params: Any) -> tuple[Any, Any]:
    """Parameters and the optimiser's state after one step."""
    updates, moments = optimizer.update(grads, moments, params)
    return jax.tree.map(jnp.add, params, updates), moments

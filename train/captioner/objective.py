"""The loss of a captioner: how surprised it is by descriptions, and whether it looks at the whole image."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Key

from avnet.captioners.captioner import Captioner
from train.captioner.config import DescribeTrainConfig
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective


def _features(model: Captioner, batch: Any, key: Key[Array, ""]) -> tuple[Array, Array]:
    return _predict(model, batch, nnx.Rngs(dropout=key))


def _loss(model: Captioner, features: tuple[Array, Array], batch: Any) -> tuple[Float[Array, ""], Figures]:
    log_p, attention = features
    mask = batch["targets"] != model.config.padding
    # Show, Attend and Tell, section 4.2.1: over the whole description each cell is looked at about equally.
    coverage = (attention * mask[..., None]).sum(axis=1) * attention.shape[-1] / mask.sum(axis=1, keepdims=True)
    likelihood = -(log_p * mask).sum() / mask.sum()
    # The log shows the likelihood alone, which is comparable with that of validation.
    return likelihood + 0.01 * jnp.square(1.0 - coverage).mean(), {"loss": likelihood}


OBJECTIVE = Objective(_features, _loss)


def optimizer_of(config: DescribeTrainConfig) -> optax.GradientTransformation:
    """AdamW of a clipped gradient, with a warm-up over a twentieth of the steps."""
    schedule = warmup_cosine(config.learning_rate, max(1, config.steps // 20), config.steps)
    return optax.chain(optax.clip_by_global_norm(2.0), optax.adamw(schedule, weight_decay=1e-4))


def mean_log_probability(network: Captioner, batches: list[dict[str, Any]]) -> float:
    """Of a piece of held-out descriptions, natural logarithm; every batch counts alike."""
    graph, params = nnx.split(network)
    return float(sum(float(_measure(graph, params, batch)) for batch in batches) / len(batches))


def _measure_of(graph: nnx.GraphDef, params: nnx.State, batch: dict[str, Any]) -> Float[Array, ""]:
    model: Captioner = nnx.merge(graph, params)
    log_p, _ = _predict(model, batch, None)
    mask = batch["targets"] != model.config.padding
    return (log_p * mask).sum() / mask.sum()


_measure = jax.jit(_measure_of, static_argnums=0)


def _predict(model: Captioner, batch: Any, rngs: nnx.Rngs | None) -> tuple[Array, Array]:
    """Log-probabilities of the target pieces, and the attention to the cells."""
    context = model.encode(batch["grids"].astype(jnp.float32), batch["retrieved"], batch["similarity"], rngs)
    output, _ = model(context, model.begin(context), batch["inputs"], rngs)
    return output.log_probability(context, batch["targets"]), output.attention

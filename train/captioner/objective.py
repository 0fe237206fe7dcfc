"""The loss of a captioner: how surprised it is by descriptions, and whether it looks at the whole image."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Int, Key

from avnet.captioners.captioner import Captioner
from avnet.captioners.features import ImageFeatures
from avnet.captioners.recurrent.look_back import AHEAD
from train.captioner.config import DescribeTrainConfig
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective

# Weights of even looking, and of what teaches a network that draws where it looks: Xu et al., 2015, and its code.
COVERAGE = 0.01
REWARD, ENTROPY = 0.1, 0.002


class Features(NamedTuple):
    """What the loss is made of.

    Attributes:
        log_p: of the target tokens.
        attention: to the cells.
        extra: of `avnet.captioners.encoding.Output`.
    """

    log_p: Float[Array, "batch steps"]
    attention: Float[Array, "batch steps cells"]
    extra: dict[str, Float[Array, "batch steps ..."]]


def _features(model: Captioner, batch: Any, key: Key[Array, ""]) -> Features:
    return _predict(model, batch, nnx.Rngs(dropout=key))


def _loss(model: Captioner, features: Features, batch: Any) -> tuple[Float[Array, ""], Figures]:
    mask = batch["targets"] != model.config.padding
    likelihood = -(features.log_p * mask).sum() / mask.sum()
    loss = likelihood
    # A network that looks nowhere has no cells.
    if features.attention.shape[-1]:
        loss += COVERAGE * uncovered(features.attention, mask)
    if "draw" in features.extra:
        loss += reinforced(features.log_p, features.extra["draw"], features.extra["entropy"], mask)
    if "next" in features.extra:
        loss += AHEAD * unforeseen(features.extra["next"], batch["targets"], mask)
    # The log shows the likelihood alone, which is comparable with that of validation.
    return loss, {"loss": likelihood}


def uncovered(attention: Float[Array, "batch steps cells"], mask: Array) -> Float[Array, ""]:
    """How unevenly the cells are looked at over whole descriptions: zero where each gets its share.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 4.2.1. There the weights of a cell shall sum to 1,
        which 16 pieces cannot reach on 49 cells; here to the number of steps by that of cells.
    """
    coverage = (attention * mask[..., None]).sum(axis=1) * attention.shape[-1] / mask.sum(axis=1, keepdims=True)
    return jnp.square(1.0 - coverage).mean()


def reinforced(
    log_p: Float[Array, "batch steps"],
    draw: Float[Array, "batch steps"],
    entropy: Float[Array, "batch steps"],
    mask: Array,
) -> Float[Array, ""]:
    """A loss whose gradient makes draws likelier after which the token was likelier than usual, and keeps them various.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 4.1; as in its code, the reward of a draw is that of
        its own token. What is usual is the mean of the batch, there a running mean over batches.
    """
    count = mask.sum()
    usual = (log_p * mask).sum() / count
    reward = jax.lax.stop_gradient(log_p - usual)
    return -((REWARD * reward * draw + ENTROPY * entropy) * mask).sum() / count


def unforeseen(
    following: Float[Array, "batch steps symbols"], targets: Int[Array, "batch steps"], mask: Array
) -> Float[Array, ""]:
    """How surprising each token is to the step before the one that predicts it, by logits of that step.

    Reference: Qin et al., "Look Back and Predict Forward in Image Captioning", 2019.
    """
    log_p = jnp.take_along_axis(nnx.log_softmax(following[:, :-1]), targets[:, 1:, None], axis=-1)[..., 0]
    return -(log_p * mask[:, 1:]).sum() / mask.sum()


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
    log_p = _predict(model, batch, None).log_p
    mask = batch["targets"] != model.config.padding
    return (log_p * mask).sum() / mask.sum()


_measure = jax.jit(_measure_of, static_argnums=0)


def _predict(model: Captioner, batch: Any, rngs: nnx.Rngs | None) -> Features:
    features = ImageFeatures(batch["cells"].astype(jnp.float32), batch["mask"], batch["boxes"])
    encoding = model.encode(features, batch["retrieved"], batch["similarity"], rngs)
    output, _ = model(encoding, model.begin(encoding), batch["inputs"], rngs)
    return Features(model.log_probability(encoding, output, batch["targets"]), output.attention, output.extra)

"""The loss of a captioner: how surprised it is by descriptions, and whether it looks at the whole image."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from avnet.captioners.captioner import Captioner
from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.features import ImageFeatures
from avnet.captioners.recurrent.look_back import AHEAD
from train.captioner.options import CaptionerOptions
from train.engine.step import warmup_cosine
from train.engine.task import Figures, Objective

# Weights of even looking, and of what teaches a network that draws where it looks: Xu et al., 2015, and its code.
COVERAGE = 0.01
REWARD, ENTROPY = 0.1, 0.002
# Steps of the longest warm-up: a long run needs no longer one.
WARMUP = 500


class Features(NamedTuple):
    """What the loss is made of.

    Attributes:
        log_p: of the target tokens.
        even: mean log-probability of all tokens, which label smoothing pulls up; of no step where it is off.
        attention: to the cells.
        extra: of `avnet.captioners.encoding.Output`.
    """

    log_p: Float[Array, "batch steps"]
    even: Float[Array, "batch even_steps"]
    attention: Float[Array, "batch steps cells"]
    extra: dict[str, Float[Array, "batch steps ..."]]


def objective_of(smoothing: float = 0.0, rare: int | None = None) -> Objective:
    """The loss of a captioner.

    Args:
        smoothing: share of the target that is spread evenly over all tokens.
        rare: the token in place of all that are too rare to be learned: it is read, and never to be predicted.

    Reference: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016, section 7.
    """

    def features(model: Captioner, batch: Any, key: Key[Array, ""]) -> Features:
        return _predict(model, batch, nnx.Rngs(dropout=key), smoothing > 0)

    def loss(model: Captioner, features: Features, batch: Any) -> tuple[Float[Array, ""], Figures]:
        return _loss(features, batch["targets"], counted(model, batch, rare), smoothing)

    return Objective(features, loss)


def _loss(
    features: Features, targets: Int[Array, "batch steps"], mask: Bool[Array, "batch steps"], smoothing: float
) -> tuple[Float[Array, ""], Figures]:
    likelihood = -(features.log_p * mask).sum() / mask.sum()
    loss = likelihood
    if smoothing:
        even = -(features.even * mask).sum() / mask.sum()
        loss = (1 - smoothing) * likelihood + smoothing * even
    # A network that looks nowhere has no cells.
    if features.attention.shape[-1]:
        loss += COVERAGE * uncovered(features.attention, mask)
    if "draw" in features.extra:
        loss += reinforced(features.log_p, features.extra["draw"], features.extra["entropy"], mask)
    if "next" in features.extra:
        loss += AHEAD * unforeseen(features.extra["next"], targets, mask)
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


def counted(model: Captioner, batch: Any, rare: int | None = None) -> Bool[Array, "batch steps"]:
    """The targets that count: padding does not, nor a token that is never to be predicted."""
    there = batch["targets"] != model.config.padding
    return there if rare is None else there & (batch["targets"] != rare)


def unforeseen(
    following: Float[Array, "batch steps symbols"], targets: Int[Array, "batch steps"], mask: Array
) -> Float[Array, ""]:
    """How surprising each token is to the step before the one that predicts it, by logits of that step.

    Reference: Qin et al., "Look Back and Predict Forward in Image Captioning", 2019.
    """
    log_p = jnp.take_along_axis(nnx.log_softmax(following[:, :-1]), targets[:, 1:, None], axis=-1)[..., 0]
    return -(log_p * mask[:, 1:]).sum() / mask.sum()


def optimizer_of(config: CaptionerOptions) -> optax.GradientTransformation:
    """AdamW of a clipped gradient, with a warm-up over a twentieth of the steps, at most `WARMUP`."""
    schedule = warmup_cosine(config.peak_learning_rate, max(1, min(config.steps // 20, WARMUP)), config.steps)
    return optax.chain(optax.clip_by_global_norm(2.0), optax.adamw(schedule, weight_decay=1e-4))


def mean_log_probability(network: Captioner, batches: list[dict[str, Any]], rare: int | None = None) -> float:
    """Of a token of held-out descriptions, natural logarithm; every batch counts alike.

    Args:
        network: in evaluation mode.
        batches: of `train.captioner.examples.Examples.validation`.
        rare: as of `objective_of`.
    """
    graph, params = nnx.split(network)
    return float(sum(float(_measure(graph, rare, params, batch)) for batch in batches) / len(batches))


def _measure_of(graph: nnx.GraphDef, rare: int | None, params: nnx.State, batch: dict[str, Any]) -> Float[Array, ""]:
    model: Captioner = nnx.merge(graph, params)
    log_p = _predict(model, batch, None, smoothing=False).log_p
    mask = counted(model, batch, rare)
    return (log_p * mask).sum() / mask.sum()


_measure = jax.jit(_measure_of, static_argnums=(0, 1))


def _predict(model: Captioner, batch: Any, rngs: nnx.Rngs | None, smoothing: bool) -> Features:
    features = ImageFeatures(batch["cells"].astype(jnp.float32), batch["mask"], batch["boxes"])
    encoding = model.encode(features, batch["retrieved"], batch["similarity"], rngs)
    # Several descriptions of one image share its encoding.
    if (several := len(batch["inputs"]) // len(batch["cells"])) > 1:
        encoding = jax.tree.map(lambda leaf: jnp.repeat(leaf, several, axis=0), encoding)
    begin = model.begin(encoding)
    if "own" in batch and rngs is not None:
        output = read_own(model, encoding, begin, batch["inputs"], batch["own"], rngs)
    else:
        output, _ = model(encoding, begin, batch["inputs"], rngs)
    log_p = model.log_probability(encoding, output, batch["targets"])
    even = log_p[:, :0]
    if smoothing:
        even = nnx.log_softmax(output.logits)[..., : model.config.padding].mean(axis=-1)
    return Features(log_p, even, output.attention, output.extra)


def read_own(
    model: Captioner,
    encoding: Encoding,
    state: Any,
    tokens: Int[Array, "batch steps"],
    own: Bool[Array, "batch steps"],
    rngs: nnx.Rngs,
) -> Output:
    """The output of all steps where some tokens are those that the network itself drew at the step before.

    Args:
        model: a captioner in training.
        encoding: of the images.
        state: before the first token.
        tokens: that people said.
        own: where the network's draw is read in their place; never at the first step.
        rngs: of dropout and of the draws.

    Reference: Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", 2015.
    """

    def advance(carry: tuple[Any, Array], inputs: tuple[Array, Array, Array]):
        (state, draw), (token, replaced, key) = carry, inputs
        dropout, drawing = jax.random.split(key)
        output, state = model.step(encoding, state, jnp.where(replaced, draw, token), nnx.Rngs(dropout=dropout))
        log_p = jax.lax.stop_gradient(model.log_probabilities(encoding, output))
        # Neither padding nor, since the string goes on, the end.
        draw = jax.random.categorical(drawing, log_p[:, : model.config.pieces])
        return (state, draw.astype(tokens.dtype)), output

    keys = jax.random.split(rngs.dropout(), tokens.shape[1])
    first = own.at[:, 0].set(False)
    _, outputs = jax.lax.scan(advance, (state, tokens[:, 0]), (tokens.T, first.T, keys))
    return jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), outputs)

"""Descriptions that a captioner draws while it learns, and how likely it takes them to be.

Both halves forbid the same tokens and share the rest of the probability among the others, so that a draw is as likely
in learning as it was in drawing, but for dropout: draws are made without it, as in use, and learned from with it, so
that less of what is rewarded is learned by heart.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from avnet.captioners.captioner import Captioner
from avnet.captioners.encoding import Encoding
from avnet.captioners.features import ImageFeatures
from avnet.captioners.guards import Mask, Progress

# Log-probability of what is forbidden: minus infinity has no gradient.
FORBIDDEN = -1e9


class Draws(NamedTuple):
    """Descriptions that were drawn.

    Attributes:
        tokens: with the end, then padding.
        log_p: of each token, as it was drawn; 0 after the end.
        ended: whether each came to an end of its own: it could have gone on.
    """

    tokens: Int[Array, "images draws steps"]
    log_p: Float[Array, "images draws steps"]
    ended: Bool[Array, "images draws"]


class Carry(NamedTuple):
    """Draws in the making: what a step is given, and what it leaves to the next.

    Attributes:
        step: number of tokens that were drawn of each.
        state: of the captioner.
        token: the latest of each.
        progress: of each, for the mask.
        alive: those without an end.
        tokens: as of `Draws`, of all rows.
        log_p: likewise.
        ended: likewise.
    """

    step: Int[Array, ""]
    state: Any
    token: Int[Array, "rows"]
    progress: Progress
    alive: Bool[Array, "rows"]
    tokens: Int[Array, "rows steps"]
    log_p: Float[Array, "rows steps"]
    ended: Bool[Array, "rows"]


def draw(model: Captioner, batch: Any, key: Key[Array, ""], mask: Mask, count: int, temperature: float = 1.0) -> Draws:
    """Descriptions of each image, independent of each other.

    Args:
        model: the captioner; it is left in evaluation mode.
        batch: of `train.captioner.examples.Examples`.
        key: of the draws.
        mask: what may be said, but for runs that occur twice, which are allowed.
        count: descriptions of each image.
        temperature: below 1 the likely becomes likelier.
    """
    encoding = _encode(model, batch, count)
    end, padding, rows = model.config.end, model.config.padding, len(encoding.mask)

    keys = jax.random.split(key, mask.steps)

    def some_go_on(carry: Carry) -> Bool[Array, ""]:
        return (carry.step < mask.steps) & carry.alive.any()

    def advance(carry: Carry) -> Carry:
        step, state, token, progress, alive, tokens, likelihood, ended = carry
        output, state = model.step(encoding, state, token)
        progress = mask.advance(progress, token)
        allowed = mask.allowed(progress, mask.steps)
        log_p = _shared(model.log_probabilities(encoding, output), allowed, temperature)
        # A piece, the end where another piece was possible, or padding after the end.
        drawn = jnp.where(alive, jax.random.categorical(keys[step], log_p).astype(jnp.int32), padding)
        chosen = jnp.where(alive, jnp.take_along_axis(log_p, drawn[:, None], axis=1)[:, 0], 0.0)
        ended |= (drawn == end) & allowed[:, : model.config.pieces].any(axis=1)
        tokens, likelihood = tokens.at[:, step].set(drawn), likelihood.at[:, step].set(chosen)
        return Carry(step + 1, state, drawn, progress, alive & (drawn != end), tokens, likelihood, ended)

    start = Carry(
        jnp.zeros((), jnp.int32),
        model.begin(encoding),
        jnp.full(rows, end, jnp.int32),
        mask.begin(rows),
        alive=jnp.ones(rows, bool),
        tokens=jnp.full((rows, mask.steps), padding, jnp.int32),
        log_p=jnp.zeros((rows, mask.steps)),
        ended=jnp.zeros(rows, bool),
    )
    # Most descriptions are far shorter than they may be: not a scan, which would go on to the end.
    last = jax.lax.while_loop(some_go_on, advance, start)
    tokens, log_p = (leaf.reshape(-1, count, mask.steps) for leaf in (last.tokens, last.log_p))
    return Draws(tokens, log_p, last.ended.reshape(-1, count))


def log_probability(
    model: Captioner,
    batch: Any,
    drawn: Int[Array, "images draws steps"],
    mask: Mask,
    temperature: float = 1.0,
    rngs: nnx.Rngs | None = None,
) -> Float[Array, "images draws steps"]:
    """Of each token of some draws, under the mask by which they were drawn; 0 after the end.

    Args:
        model: the captioner; it is left in training mode where there is dropout, in evaluation mode otherwise.
        batch: as of `draw`.
        drawn: with the end, then padding; may be cut after the longest.
        mask: as of `draw`.
        temperature: as of `draw`.
        rngs: of dropout; None is without it.
    """
    count, length = drawn.shape[1:]
    encoding, tokens = _encode(model, batch, count, rngs), drawn.reshape(-1, length)
    before = jnp.concatenate([jnp.full_like(tokens[:, :1], model.config.end), tokens[:, :-1]], axis=1)
    output, _ = model(encoding, model.begin(encoding), before, rngs)
    log_p = jax.vmap(lambda one: model.log_probabilities(encoding, one), in_axes=1, out_axes=1)(output)
    log_p = _shared(log_p, mask.allowed(mask.after_each(before), mask.steps), temperature)
    chosen = jnp.take_along_axis(log_p, tokens[..., None], axis=-1)[..., 0]
    return jnp.where(tokens != model.config.padding, chosen, 0.0).reshape(drawn.shape)


def _shared(
    log_p: Float[Array, "*batch symbols"], allowed: Bool[Array, "*batch symbols"], temperature: float
) -> Float[Array, "*batch symbols"]:
    """Log-probabilities that sum to 1 over what is allowed."""
    return nnx.log_softmax(jnp.where(allowed, log_p.astype(jnp.float32) / temperature, FORBIDDEN))


def _encode(model: Captioner, batch: Any, count: int, rngs: nnx.Rngs | None = None) -> Encoding:
    """Encodings, each image's `count` times in a row."""
    model.eval() if rngs is None else model.train()
    features = ImageFeatures(batch["cells"].astype(jnp.float32), batch["mask"], batch["boxes"])
    encoding = model.encode(features, batch["retrieved"], batch["similarity"], rngs)
    return jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), encoding)

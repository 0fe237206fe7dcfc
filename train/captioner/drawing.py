"""Descriptions that a captioner draws while it learns, and how likely it takes them to be.

Both halves forbid the same tokens and share the rest of the probability among the others, so that a draw is as likely
in learning as it was in drawing. Dropout is off in both.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, Key

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding
from avnet.captioners.features import ImageFeatures
from avnet.captioners.guards import Guards
from avnet.units.pieces import Pieces

# Log-probability of what is forbidden: minus infinity has no gradient.
FORBIDDEN = -1e9


class Rules:
    """What a draw may say, as masks: what the guards of the search forbid, but for runs that occur twice.

    Args:
        config: of the captioner.
        pieces: units of each token.
        guards: of the search.
        rare: the token in place of all that are too rare, which is never said.

    Attributes:
        steps: tokens of a draw, at most, its end among them.
    """

    def __init__(self, config: CaptionerConfig, pieces: Pieces, guards: Guards, rare: int | None = None):
        self.config, self.limit = config, guards.longest
        self.steps = min(config.longest, guards.longest // int(pieces.lengths.min()) + 1)
        # End and padding say no unit.
        self.units = np.append(pieces.lengths, [0, 0]).astype(np.int32)
        self._never = np.isin(np.arange(config.symbols), [config.padding] + ([] if rare is None else [rare]))
        # No unit is negative, and the two differ: so nothing is forbidden at first, nor is ever the end.
        self._first = np.append(pieces.first, [-2, -2]) if guards.collapsed else np.full(config.symbols, -2)
        self._last = np.append(pieces.last, [-1, -1])

    def allowed(
        self, step: Int[Array, "*#batch"], token: Int[Array, "*batch"], units: Int[Array, "*batch"]
    ) -> Bool[Array, "*batch symbols"]:
        """The tokens that may follow; there always is one.

        Args:
            step: number of the token to come, from 0.
            token: the one before it; the end before the first.
            units: said so far.
        """
        fits = (units[..., None] + self.units <= self.limit) & (step[..., None] + 1 < self.steps)
        differs = self._first != jnp.asarray(self._last)[token][..., None]
        piece = fits & differs & ~jnp.asarray(self._never)
        # A description says something.
        return jnp.where(jnp.arange(self.config.symbols) == self.config.end, step[..., None] > 0, piece)


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


def draw(
    model: Captioner, batch: Any, key: Key[Array, ""], rules: Rules, count: int, temperature: float = 1.0
) -> Draws:
    """Descriptions of each image, independent of each other.

    Args:
        model: the captioner; it is left in evaluation mode.
        batch: of `train.captioner.examples.Examples`.
        key: of the draws.
        rules: what may be said.
        count: descriptions of each image.
        temperature: below 1 the likely becomes likelier.
    """
    encoding = _encode(model, batch, count)
    end, padding, rows = model.config.end, model.config.padding, len(encoding.mask)

    def advance(carry: tuple[Any, Array, Array, Array], inputs: tuple[Array, Array]):
        (state, token, units, alive), (step, key) = carry, inputs
        output, state = model.step(encoding, state, token)
        allowed = rules.allowed(step, token, units)
        log_p = _shared(model.log_probabilities(encoding, output), allowed, temperature)
        # A piece, the end where another piece was possible, or padding after the end.
        drawn = jnp.where(alive, jax.random.categorical(key, log_p).astype(jnp.int32), padding)
        chosen = jnp.where(alive, jnp.take_along_axis(log_p, drawn[:, None], axis=1)[:, 0], 0.0)
        ended = (drawn == end) & allowed[:, : model.config.pieces].any(axis=1)
        alive &= drawn != end
        return (state, drawn, units + jnp.asarray(rules.units)[drawn], alive), (drawn, chosen, ended)

    keys = jax.random.split(key, rules.steps)
    start = (jnp.full(rows, end, jnp.int32), jnp.zeros(rows, jnp.int32), jnp.ones(rows, bool))
    _, (tokens, log_p, ended) = jax.lax.scan(advance, (model.begin(encoding), *start), (jnp.arange(rules.steps), keys))
    tokens, log_p = (leaf.T.reshape(-1, count, rules.steps) for leaf in (tokens, log_p))
    return Draws(tokens, log_p, ended.any(axis=0).reshape(-1, count))


def log_probability(
    model: Captioner, batch: Any, drawn: Int[Array, "images draws steps"], rules: Rules, temperature: float = 1.0
) -> Float[Array, "images draws steps"]:
    """Of each token of some draws, under the rules by which they were drawn; 0 after the end.

    Args:
        model: the captioner; it is left in evaluation mode.
        batch: as of `draw`.
        drawn: with the end, then padding; may be cut after the longest.
        rules: as of `draw`.
        temperature: as of `draw`.
    """
    count, length = drawn.shape[1:]
    encoding, tokens = _encode(model, batch, count), drawn.reshape(-1, length)
    before = jnp.concatenate([jnp.full_like(tokens[:, :1], model.config.end), tokens[:, :-1]], axis=1)
    output, _ = model(encoding, model.begin(encoding), before)
    log_p = jax.vmap(lambda one: model.log_probabilities(encoding, one), in_axes=1, out_axes=1)(output)
    units = jnp.asarray(rules.units)[before].cumsum(axis=1)
    log_p = _shared(log_p, rules.allowed(jnp.arange(length), before, units), temperature)
    chosen = jnp.take_along_axis(log_p, tokens[..., None], axis=-1)[..., 0]
    return jnp.where(tokens != model.config.padding, chosen, 0.0).reshape(drawn.shape)


def _shared(
    log_p: Float[Array, "*batch symbols"], allowed: Bool[Array, "*batch symbols"], temperature: float
) -> Float[Array, "*batch symbols"]:
    """Log-probabilities that sum to 1 over what is allowed."""
    return nnx.log_softmax(jnp.where(allowed, log_p.astype(jnp.float32) / temperature, FORBIDDEN))


def _encode(model: Captioner, batch: Any, count: int) -> Encoding:
    """Encodings without dropout, each image's `count` times in a row."""
    model.eval()
    features = ImageFeatures(batch["cells"].astype(jnp.float32), batch["mask"], batch["boxes"])
    encoding = model.encode(features, batch["retrieved"], batch["similarity"])
    return jax.tree.map(lambda leaf: jnp.repeat(leaf, count, axis=0), encoding)

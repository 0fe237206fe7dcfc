"""Self-critical sequence training: draws that are better than others of the same image are made likelier.

References: Rennie et al., "Self-critical sequence training for image captioning", 2017; the baseline is that of Luo,
"A better variant of self-critical sequence training", 2020: the mean of the other draws, which needs no greedy
description. Differs from both: forbidden tokens have no probability, dropout is off where draws are made and on
where they are learned from, and the cross-entropy of what people say has a share of the loss.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Key

from avnet.captioners.captioner import Captioner
from avnet.captioners.guards import Mask
from train.captioner.drawing import draw, log_probability
from train.captioner.examples import BLOCK
from train.captioner.options import CaptionerOptions
from train.captioner.rewards import Reward
from train.engine.task import Batch, Exploration, Figures, Objective, Tree


class Halves(NamedTuple):
    """Features of both parts of the loss.

    Attributes:
        described: of what people say.
        log_p: of the tokens of the draws.
    """

    described: Tree
    log_p: Float[Array, "images draws steps"]


def self_critical(options: CaptionerOptions, described: Objective, mask: Mask, reward: Reward) -> Objective:
    """The loss of a captioner that learns from its own draws and, with a share, from what people say.

    Args:
        options: of the run.
        described: the loss of what people say.
        mask: what draws may say.
        reward: of draws.
    """
    draws, temperature, share = options.draws, options.temperature, options.cross_entropy_share

    def draw_all(model: Captioner, batch: Any, key: Key[Array, ""]) -> dict[str, Array]:
        tokens, _, ended = draw(model, batch, key, mask, draws, temperature)
        longest = (tokens != model.config.padding).sum(axis=-1).max()
        # The longest of all processes goes to each with its rows.
        return {"drawn": tokens, "ended": ended, "longest": jnp.broadcast_to(longest, len(tokens))}

    def judge(batch: Batch, drawn: Batch) -> Batch:
        # Few lengths, so that few are compiled.
        length = -(-int(drawn["longest"].max(initial=0)) // BLOCK) * BLOCK
        tokens, shape = drawn["drawn"][..., :length], drawn["ended"].shape
        strings = [row[row < mask.config.pieces] for row in tokens.reshape(-1, tokens.shape[-1])]
        scores = reward.scores(strings, np.repeat(batch["image"], draws), drawn["ended"].ravel().tolist())
        return {"drawn": tokens, "ended": drawn["ended"], "reward": scores.reshape(shape).astype(np.float32)}

    def features(model: Captioner, batch: Any, key: Key[Array, ""]) -> Halves:
        said, drawn = jax.random.split(key)
        of_people = described.features(model, batch, said)
        rngs = nnx.Rngs(dropout=drawn)
        return Halves(of_people, log_probability(model, batch, batch["drawn"], mask, temperature, rngs))

    def loss(model: Captioner, features: Halves, batch: Any) -> tuple[Float[Array, ""], Figures]:
        surprise, figures = described.loss(model, features.described, batch)
        said, rewards = batch["drawn"] != model.config.padding, batch["reward"]
        criticism = reinforced(features.log_p, advantage(rewards), said)
        figures |= {
            "reward": rewards.mean(),
            "drawn_length": said.sum(axis=-1).mean() - 1.0,
            "drawn_ended": batch["ended"].mean(),
            "entropy": -(features.log_p * said).sum() / said.sum(),
        }
        return share * surprise + (1 - share) * criticism, figures

    return Objective(features, loss, Exploration(draw_all, judge))


def advantage(rewards: Float[Array, "images draws"]) -> Float[Array, "images draws"]:
    """How much better each draw is than the mean of the others of its image.

    The others do not depend on the draw, so that nothing is added to the gradient but less noise. A greedy description
    need not be made.

    Reference: Luo, "A better variant of self-critical sequence training", 2020, section 3.
    """
    others = (rewards.sum(axis=1, keepdims=True) - rewards) / (rewards.shape[1] - 1)
    return rewards - others


def reinforced(
    log_p: Float[Array, "images draws steps"],
    advantage: Float[Array, "images draws"],
    mask: Bool[Array, "images draws steps"],
) -> Float[Array, ""]:
    """A loss whose gradient makes every token of the better draws likelier, their ends too; the mean over tokens.

    Reference: Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
        1992; Rennie et al., 2017, section 3.
    """
    weights = jax.lax.stop_gradient(advantage)[..., None] * mask
    return -(weights * log_p).sum() / mask.sum()

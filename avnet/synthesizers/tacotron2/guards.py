"""What keeps the attention of a Tacotron 2 on its way in use: bounds of where it may look, and of how long."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from avnet.errors import ConfigError

# Why an utterance ended: the network said so; its last token was attended for so long that there is no more to say; or
# it never ended by itself.
Ending = Literal["stop", "last token attended", "limit"]
# By the number that stands for each on the device; 0 goes on.
ENDINGS: dict[int, Ending] = {1: "stop", 2: "last token attended", 3: "limit"}


@dataclass(frozen=True)
class Guards:
    """Bounds of attention; every utterance ends within them. Numbers of frames are rounded up to whole steps.

    Attributes:
        window: how many tokens before and after the one attended most at the last step may be looked at; None for all.
        frames_per_token: after so many frames without a new token attention must go on to one; None for never. A
            whole utterance has at most so many for each of its tokens.
        last_token_frames: the utterance ends when its last token was attended most for more than so many; None for
            never.
        stop_probability: it ends when the network holds a step for the last one with more than this.
        longest: frames of an utterance, at most.

    Example:
        >>> Guards(frames_per_token=12).limit(10)
        120
    """

    window: tuple[int, int] | None = (1, 3)
    frames_per_token: int | None = 30
    last_token_frames: int | None = 15
    stop_probability: float = 0.5
    longest: int = 2000

    def __post_init__(self):
        if self.window is not None and (self.window[0] < 0 or self.window[1] < 1):
            raise ConfigError("window", f"must be 0 or more before and 1 or more after, got {self.window}")
        for name in ("frames_per_token", "last_token_frames", "longest"):
            if (frames := getattr(self, name)) is not None and frames < 1:
                raise ConfigError(name, f"must be at least 1, got {frames}")
        if not 0 < self.stop_probability < 1:
            raise ConfigError("stop_probability", f"must be between 0 and 1, got {self.stop_probability}")

    @classmethod
    def off(cls, longest: int = 2000) -> "Guards":
        """The network alone, as published: it ends when it says so, or at the limit.

        Args:
            longest: frames of an utterance, at most.
        """
        return cls(window=None, frames_per_token=None, last_token_frames=None, longest=longest)

    def limit(self, tokens: int) -> int:
        """Frames of an utterance of so many tokens, at most."""
        return self.longest if self.frames_per_token is None else min(self.longest, self.frames_per_token * tokens)


class Watch(NamedTuple):
    """What guards know of some utterances.

    Attributes:
        furthest: the last token, in the order of the string, that had the largest weight of a step; -1 at first.
        waited: frames since it was the first time.
        at_last: frames at which the last token of the string had the largest weight.
        frames: so far.
    """

    furthest: Int[Array, " batch"]
    waited: Int[Array, " batch"]
    at_last: Int[Array, " batch"]
    frames: Int[Array, " batch"]

    @classmethod
    def begin(cls, batch: int) -> "Watch":
        """Before the first step."""
        nothing = jnp.zeros(batch, jnp.int32)
        return cls(nothing - 1, nothing, nothing, nothing)

    def after(self, weights: Float[Array, "batch n"], mask: Bool[Array, "batch n"], frames: int) -> "Watch":
        """After one more step.

        Args:
            weights: of the tokens, at that step.
            mask: tokens that exist.
            frames: of a step.
        """
        attended = weights.argmax(axis=1).astype(jnp.int32)
        is_new, is_last = attended > self.furthest, attended == mask.sum(axis=1) - 1
        return Watch(
            jnp.maximum(attended, self.furthest),
            jnp.where(is_new, 0, self.waited) + frames,
            self.at_last + jnp.where(is_last, frames, 0),
            self.frames + frames,
        )


def allowed_tokens(
    guards: Guards, watch: Watch, weights: Float[Array, "batch n"], mask: Bool[Array, "batch n"]
) -> Bool[Array, "batch n"]:
    """Where attention may look at the next step; at one token at least.

    Args:
        guards: the bounds.
        watch: after the last step.
        weights: of the last step; zeros before the first, where the window is around the first token.
        mask: tokens that exist.
    """
    places, center = jnp.arange(mask.shape[1])[None], weights.argmax(axis=1)
    first = jnp.zeros_like(center)
    if guards.window is not None:
        first = center - guards.window[0]
    if guards.frames_per_token is not None:
        # Past the last token there is nothing to go on to.
        must_go_on = (watch.waited >= guards.frames_per_token) & (watch.furthest < mask.sum(axis=1) - 1)
        first = jnp.where(must_go_on, watch.furthest + 1, first)
        # What it goes on to is in the window, wherever it looked last.
        center = jnp.where(must_go_on, watch.furthest, center)
    allowed = mask & (places >= first[:, None])
    return allowed if guards.window is None else allowed & (places <= (center + guards.window[1])[:, None])


def ending_of(
    guards: Guards, watch: Watch, stop: Float[Array, " batch"], mask: Bool[Array, "batch n"]
) -> Int[Array, " batch"]:
    """Whether a step was the last one, and why, as a number of `ENDINGS`; 0 where it was not.

    Args:
        guards: the bounds.
        watch: after the step.
        stop: log-odds that the step is the last.
        mask: tokens that exist.
    """
    count = mask.sum(axis=1)
    limit = jnp.full_like(watch.frames, guards.longest)
    attended = jnp.zeros_like(mask[:, 0])
    if guards.frames_per_token is not None:
        limit = jnp.minimum(limit, guards.frames_per_token * count)
        attended = (watch.furthest >= count - 1) & (watch.waited >= guards.frames_per_token)
    if guards.last_token_frames is not None:
        attended = attended | (watch.at_last > guards.last_token_frames)
    threshold = jnp.log(guards.stop_probability) - jnp.log1p(-guards.stop_probability)
    ending = jnp.where(watch.frames >= limit, 3, 0)
    return jnp.where(stop > threshold, 1, jnp.where(attended, 2, ending)).astype(jnp.int32)

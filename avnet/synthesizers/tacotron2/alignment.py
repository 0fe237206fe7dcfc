"""What an alignment says: whether attention went through the string once, and where it did not."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from avnet.errors import DataError
from avnet.synthesizers.tacotron2.guards import Ending

# Around the diagonal, as a share of the string to either side.
BAND = 0.1
# A token counts as attended too where its weights add up to half a step: one that is shorter than a step shares it.
HALF = 0.5


@dataclass(frozen=True)
class AlignmentFigures:
    """An alignment in numbers.

    Attributes:
        tokens: of the string.
        monotone: share of the moves from step to step at which the token attended most is not an earlier one.
        diagonal: share of all weight within a tenth of the string around the diagonal.
        focus: mean of the largest weight of a step; near 0 where attention is nowhere.
        attended: tokens that had the largest weight of a step, or half a step in sum.
        skipped: numbers of the tokens that were not attended although a later one was.
        missing: tokens at the end that attention never reached.
        repeated: numbers of the tokens that had the largest weight, lost it, and had it again.
        distance: mean distance in tokens from the one attended most to the true one; None where durations are unknown.

    Reference: for the focus, Ren et al., "FastSpeech", 2019, section 3.3.
    """

    tokens: int
    monotone: float
    diagonal: float
    focus: float
    attended: int
    skipped: tuple[int, ...]
    missing: int
    repeated: tuple[int, ...]
    distance: float | None = None

    @property
    def reached(self) -> float:
        """Share of the tokens that were attended."""
        return self.attended / self.tokens


@dataclass(frozen=True)
class Tolerance:
    """What an alignment may be short of before it counts as failed.

    Attributes:
        focus: the least.
        monotone: the least.
        missing: the largest share of tokens at the end that are not reached.
        skipped: the largest share of tokens that are passed over.
        repeated: the largest share of tokens that come again.
    """

    focus: float = 0.3
    monotone: float = 0.9
    missing: float = 0.05
    skipped: float = 0.1
    repeated: float = 0.1


@dataclass(frozen=True)
class AlignmentFailure:
    """That attention failed, so that something else can speak in its place.

    Attributes:
        kind: in one word.
        reason: with the figures, to be shown.
    """

    kind: Literal["endless", "lost", "unfinished", "backward", "skipping", "repeating"]
    reason: str


def measure_alignment(
    alignment: Float[np.ndarray, "steps n"], true_tokens: Int[np.ndarray, " steps"] | None = None
) -> AlignmentFigures:
    """What an alignment says.

    Args:
        alignment: at each step the weight of each token, sum 1, without padding.
        true_tokens: number of the token that each step belongs to, see `tokens_of_steps`; None where it is unknown.

    Raises:
        DataError: there is no step or no token.

    Example:
        >>> figures = measure_alignment(np.array([[0.75, 0.25], [0.25, 0.75]], np.float32))
        >>> figures.monotone, figures.focus, figures.reached
        (1.0, 0.75, 1.0)
    """
    steps, count = alignment.shape
    if not steps or not count:
        raise DataError("alignment", f"must have a step and a token, got {steps} and {count}")
    path = alignment.argmax(axis=1)
    attended = _attended(alignment, path)
    end = int(np.flatnonzero(attended)[-1]) + 1
    runs = np.bincount(path[np.diff(path, prepend=-1) != 0], minlength=count)
    moves = np.diff(path)
    # Both from 0 to 1, in the middle of steps and tokens.
    far = np.abs((np.arange(count) + 0.5) / count - ((np.arange(steps) + 0.5) / steps)[:, None])
    return AlignmentFigures(
        tokens=count,
        monotone=float((moves >= 0).mean()) if len(moves) else 1.0,
        diagonal=float((alignment * (far <= BAND)).sum() / steps),
        focus=float(alignment.max(axis=1).mean()),
        attended=int(attended.sum()),
        skipped=tuple(np.flatnonzero(~attended[:end]).tolist()),
        missing=count - end,
        repeated=tuple(np.flatnonzero(runs > 1).tolist()),
        distance=None if true_tokens is None else float(np.abs(path - true_tokens).mean()),
    )


def failure_of(
    figures: AlignmentFigures, ending: Ending, tolerance: Tolerance | None = None
) -> AlignmentFailure | None:
    """Whether attention failed; None where the utterance can be heard.

    Args:
        figures: of its alignment.
        ending: why it ended.
        tolerance: what is let through, as in `Tolerance()` where there is none.
    """
    tolerance, count = tolerance or Tolerance(), figures.tokens
    if ending == "limit":
        return AlignmentFailure("endless", f"it had not stopped at the limit, with {_of(figures.attended, count)} said")
    if figures.focus < tolerance.focus:
        return AlignmentFailure(
            "lost", f"its attention is nowhere: the largest weight is {figures.focus:.2f} on average"
        )
    if figures.missing > tolerance.missing * count:
        return AlignmentFailure("unfinished", f"it stopped before the last {_of(figures.missing, count)}")
    if figures.monotone < tolerance.monotone:
        return AlignmentFailure("backward", f"it went back at {1 - figures.monotone:.0%} of the steps")
    if len(figures.skipped) > tolerance.skipped * count:
        return AlignmentFailure("skipping", f"it passed over {_of(len(figures.skipped), count)}")
    if len(figures.repeated) > tolerance.repeated * count:
        return AlignmentFailure("repeating", f"it came again to {_of(len(figures.repeated), count)}")
    return None


def tokens_of_steps(durations: Int[np.ndarray, " n"], frames_per_step: int) -> Int[np.ndarray, " steps"]:
    """The token that each step of the decoder belongs to: that of the frame in its middle, of two the earlier.

    Args:
        durations: frames of each token, 1 or more.
        frames_per_step: of the network.

    Example:
        >>> tokens_of_steps(np.array([1, 3, 1]), frames_per_step=2)
        array([0, 1, 2])
    """
    of_frames = np.repeat(np.arange(len(durations)), durations)
    steps = -(-len(of_frames) // frames_per_step)
    # A last step that is not full may have no such frame.
    middles = np.arange(steps) * frames_per_step + (frames_per_step - 1) // 2
    return of_frames[np.minimum(middles, len(of_frames) - 1)]


def _attended(alignment: np.ndarray, path: np.ndarray) -> Bool[np.ndarray, " n"]:
    attended = alignment.sum(axis=0) >= HALF
    attended[path] = True
    return attended


def _of(count: int, tokens: int) -> str:
    return f"{count} of {tokens} tokens"

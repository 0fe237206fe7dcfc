"""What attention shows: how much of it lies in the box of what a word names, and whether it is at one place at all."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from avnet.errors import DataError


class AttentionCorrectness(NamedTuple):
    """Means over the words with a box, each in [0, 1].

    Attributes:
        inside: share of the attention in the box.
        chance: that of attention spread evenly over the image, which is the share of the image that the box covers.
        words: how many have a box.
    """

    inside: float
    chance: float
    words: int


def attention_correctness(
    attention: Float[np.ndarray, "words places"],
    places: Float[np.ndarray, "places 4"],
    boxes: Float[np.ndarray, "words 4"],
) -> AttentionCorrectness:
    """Of the words of one description or of many: attention within the boxes, beside chance.

    The attention of a place is spread evenly over its box, so a place half inside counts half.

    Args:
        attention: of each word over the places, not negative, of any sum but 0.
        places: x0, y0, x1, y1 of each, in fractions of width and height.
        boxes: of what each word names; NaN where it names nothing with a box.

    Raises:
        DataError: no word has a box, or attention is negative or nowhere.

    Reference: Liu et al., "Attention correctness in neural image captioning", 2017, section 3.2.
    """
    named = ~np.isnan(boxes).any(axis=1)
    if not named.any():
        raise DataError("boxes", f"must be of one word or more, got none of {len(boxes)}")
    weights, targets = attention[named], boxes[named]
    if weights.min() < 0 or weights.sum(axis=1).min() <= 0:
        raise DataError("attention", "must not be negative, and of each word somewhere")
    overlap = _areas(
        np.concatenate(
            [
                np.maximum(targets[:, None, :2], places[None, :, :2]),
                np.minimum(targets[:, None, 2:], places[None, :, 2:]),
            ],
            axis=2,
        )
    )
    areas = _areas(places)
    shares = np.divide(overlap, areas, out=np.zeros_like(overlap), where=areas > 0)
    inside = (weights * shares).sum(axis=1) / weights.sum(axis=1)
    return AttentionCorrectness(float(inside.mean()), float(_areas(targets).mean()), int(named.sum()))


def evenness(attention: Float[np.ndarray, "words places"]) -> float:
    """The places that words look at, as a share of all: 1 where each word looks at all places alike.

    A map that is nearly even shows nothing, however good the words are. The number of places is the perplexity of the
    attention, exp of its entropy.

    Args:
        attention: of each word over the places, not negative; each word's is taken to sum to 1.

    Example:
        >>> evenness(np.array([[0.5, 0.5, 0.0, 0.0]]))
        0.5
    """
    shares = attention / np.maximum(attention.sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    surprise = -np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return float(np.exp((shares * surprise).sum(axis=1)).mean() / attention.shape[1])


def _areas(boxes: Float[np.ndarray, "*shape 4"]) -> Float[np.ndarray, "*shape"]:
    """0 where the second corner is not beyond the first."""
    return np.clip(boxes[..., 2] - boxes[..., 0], 0, None) * np.clip(boxes[..., 3] - boxes[..., 1], 0, None)

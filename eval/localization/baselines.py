"""What a predictor reaches that never looks or listens; no figure means anything without these beside it.

* whole image: everything is selected;
* centred disc, half the area: the image's middle, as large as the median threshold makes every heatmap;
* centred disc, area of the truth: the middle, told how large the answer is;
* centre point: the middle, for pointing;
* chance: a random half of the pixels, a random point (expectations);
* oracle, half the area: the best that any heatmap can do under the median threshold. It is the ceiling of the
  protocol.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float

from eval.metrics.localization import SIZE, area_mask, iou, points_inside

CENTRE = (0.5, 0.5)
ROWS = (
    "chance",
    "whole image",
    "centred disc, half the area",
    "centred disc, area of the truth",
    "oracle, half the area",
)


@dataclass(frozen=True)
class BaselineScores:
    """One image's scores without looking at it.

    Attributes:
        ious: IoU of each of `ROWS`.
        centre_hit: whether the centre point lies on the truth.
        random_hit: probability that a random point does.
    """

    ious: dict[str, float]
    centre_hit: bool
    random_hit: float


def score_baselines(truth: Float[np.ndarray, "height width"]) -> BaselineScores:
    """Scores every baseline against the truth of one image."""
    masks = {
        "whole image": np.ones(truth.shape, bool),
        "centred disc, half the area": half_disc(truth.shape[0]),
        "centred disc, area of the truth": area_mask(-_radius(truth.shape[0]), round(float(truth.sum()))),
        "oracle, half the area": oracle_half(truth),
    }
    ious = {"chance": chance_iou(truth), **{name: iou(mask, truth) for name, mask in masks.items()}}
    return BaselineScores(ious, points_inside(CENTRE, truth), float(np.mean(truth > 0)))


@cache
def half_disc(size: int = SIZE) -> Bool[np.ndarray, "height width"]:
    """A centred disc with half the area of the image."""
    # pi r^2 = size^2 / 2.
    return _radius(size) <= size * np.sqrt(0.5 / np.pi)


def oracle_half(truth: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Exactly half of the pixels, those with the most truth first."""
    # Pixels of equal truth count alike in the IoU; a stable sort makes the mask the same on every machine.
    half = np.argsort(-truth, axis=None, kind="stable")[: truth.size // 2]
    mask = np.zeros(truth.size, bool)
    mask[half] = True
    return mask.reshape(truth.shape)


def chance_iou(truth: Float[np.ndarray, "height width"]) -> float:
    """IoU of a random half of the pixels, with its sums at their expectations."""
    inside = float(truth.sum())
    whole = inside + 0.5 * float(np.count_nonzero(truth == 0))
    # On average half of the truth is in the mask, and half of the rest is added to the union.
    return 0.5 * inside / whole


@cache
def _radius(size: int) -> Float[np.ndarray, "height width"]:
    """Distance of every pixel from the image's centre, in pixels."""
    # The centre of an even image lies between its two middle pixels.
    offset = np.arange(size) - (size - 1) / 2.0
    return np.hypot(offset[:, None], offset[None, :])

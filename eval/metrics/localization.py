"""How well a heatmap points at what sounds.

Conventions: maps are compared at 224x224 whatever the image's shape, as all public code does; `truth` is in
[0, 1] (a fraction is the annotators' partial agreement), `mask` is what a heatmap selects. Boxes are [x0, y0,
x1, y1] in fractions of the image's width and height. "cIoU" is the share of images whose IoU reaches 0.5,
as tables print it.

Reference: Senocak et al., "Learning to localize sound source in visual scenes", 2018 (consensus IoU); the
code of Mo and Morgado, "Localizing visual sounds the easy way", 2022, and "A closer look at weakly-supervised
audio-visual source localization", 2022, which later work shares.
"""

import numpy as np
from jaxtyping import Bool, Float

from avnet.pages.heatmap import upsample

SIZE = 224
# Products, as in public code: sums of 0.05 differ in the last bit, which decides where an IoU equals its threshold.
IOU_THRESHOLDS = 0.05 * np.arange(21)


def to_map(grid: Float[np.ndarray, "rows columns"], size: int = SIZE) -> Float[np.ndarray, "size size"]:
    """Scales a heatmap bilinearly to the size at which maps are compared."""
    return upsample(grid, size, size)


def median_mask(heatmap: Float[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The pixels from the median upwards: half of the image, or more where values are equal.

    Public code first normalises the map to [0, 1]; that keeps the order of the pixels and so changes nothing
    here.
    """
    return area_mask(heatmap, heatmap.size - heatmap.size // 2)


def area_mask(heatmap: Float[np.ndarray, "height width"], pixels: int) -> Bool[np.ndarray, "height width"]:
    """The given number of highest pixels, and all that equal the last of them; none for 0."""
    if pixels <= 0:
        return np.zeros(heatmap.shape, bool)
    first = max(heatmap.size - pixels, 0)
    # Not a full sort: several masks are made of every image.
    return heatmap >= np.partition(heatmap, first, axis=None)[first]


def iou(mask: Bool[np.ndarray, "height width"], truth: Float[np.ndarray, "height width"]) -> float:
    """Consensus IoU in [0, 1]: sum(p g) / (sum(g) + sum(p [g = 0])); 0 where both are empty."""
    whole = float(truth.sum()) + float(np.count_nonzero(mask & (truth == 0)))
    return float(truth[mask].sum()) / whole if whole > 0 else 0.0


def success_rates(ious: Float[np.ndarray, " n"]) -> Float[np.ndarray, "21"]:
    """Share of images whose IoU reaches 0, 0.05, ..., 1."""
    return np.mean(ious[:, None] >= IOU_THRESHOLDS, axis=0)


def ciou(ious: Float[np.ndarray, " n"], threshold: float = 0.5) -> float:
    """Share of images whose IoU reaches the threshold."""
    return float(np.mean(ious >= threshold))


def success_auc(ious: Float[np.ndarray, " n"]) -> float:
    """Area under the success rates over 21 IoU thresholds, by the trapezoid rule, in [0, 1]."""
    rates = success_rates(ious)
    return float(np.trapezoid(rates, IOU_THRESHOLDS))


def peak_cell(grid: Float[np.ndarray, "rows columns"]) -> tuple[float, float]:
    """Centre (x, y) of the highest cell, in fractions of the image; of equal cells the first."""
    row, column = np.unravel_index(int(np.argmax(grid)), grid.shape)
    return (float(column) + 0.5) / grid.shape[1], (float(row) + 0.5) / grid.shape[0]


def points_inside(point: tuple[float, float], truth: Float[np.ndarray, "height width"]) -> bool:
    """Whether a point (x, y) in fractions of the image lies on a part of the truth that is not zero."""
    height, width = truth.shape
    # A point on the right or lower edge belongs to the last pixel.
    x, y = min(int(point[0] * width), width - 1), min(int(point[1] * height), height - 1)
    return bool(truth[y, x] > 0)


def confidence(heatmap: Float[np.ndarray, "height width"]) -> float:
    """How sure a map is that something sounds: the mean of its highest quarter, not normalised."""
    quarter = max(heatmap.size // 4, 1)
    return float(np.partition(heatmap, heatmap.size - quarter, axis=None)[-quarter:].mean())


def highlighted_share(heatmap: Float[np.ndarray, "height width"], threshold: float) -> float:
    """Share of the image at or above one threshold that is the same for all images."""
    return float(np.mean(heatmap >= threshold))

"""Localisation that also counts false alarms: images in which nothing sounds are part of the test.

An image is detected when its confidence reaches a threshold. Detected and well placed (IoU of at least 0.5)
is a true positive; detected and ill placed, or detected where nothing sounds, is a false positive; a sounding
image that is not detected is a false negative. So recall is over detected-and-right plus missed, and
ill-placed ones cost precision alone.

Reference: Mo and Morgado, "A closer look at weakly-supervised audio-visual source localization", 2022,
section 3. Their code reads about 200 thresholds for AP and 10 for F1; here every confidence is one.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from avnet.errors import DataError


@dataclass(frozen=True)
class Curve:
    """Precision and recall at every confidence, from the highest downwards; both in [0, 1]."""

    threshold: Float[np.ndarray, " thresholds"]
    precision: Float[np.ndarray, " thresholds"]
    recall: Float[np.ndarray, " thresholds"]


def precision_recall(
    confidences: Float[np.ndarray, " n"],
    ious: Float[np.ndarray, " n"],
    sounding: Bool[np.ndarray, " n"],
    iou_threshold: float = 0.5,
) -> Curve:
    """Precision and recall with every confidence as the threshold.

    Args:
        confidences: that something sounds; higher is surer.
        ious: of the heatmap with the truth; not read where nothing sounds.
        sounding: whether something in the image sounds.
        iou_threshold: what counts as well placed.

    Raises:
        DataError: there is no image, or a confidence is not finite.
    """
    if len(confidences) == 0 or not np.all(np.isfinite(confidences)):
        raise DataError("confidences", "must be finite, for at least one image")
    right = sounding & (ious >= iou_threshold)
    order = np.argsort(-confidences, kind="stable")
    # Equal confidences are detected together: only the last of each run is a threshold.
    thresholds = confidences[order]
    last = np.append(thresholds[1:] != thresholds[:-1], True)
    hits = np.cumsum(right[order])[last]
    detections = np.arange(1, len(order) + 1)[last]
    misses = (sounding.sum() - np.cumsum(sounding[order]))[last]
    # Nothing right and nothing missed: all that sounds was ill placed, and recall stays at 0 (public code
    # says 1).
    sounding_count = hits + misses
    recall = np.divide(hits, sounding_count, out=np.zeros(len(hits)), where=sounding_count > 0)
    return Curve(thresholds[last], hits / detections, recall)


def average_precision(curve: Curve) -> float:
    """Area under the best precision at each recall or higher, from recall 0."""
    # Precision goes up and down as the threshold falls; the envelope is what a chosen threshold can have.
    best = np.maximum.accumulate(curve.precision[::-1])[::-1]
    steps = np.diff(curve.recall, prepend=0.0)
    return float(np.sum(best * steps))


def max_f1(curve: Curve) -> float:
    """The highest harmonic mean of precision and recall."""
    total = curve.precision + curve.recall
    scores = np.divide(2.0 * curve.precision * curve.recall, total, out=np.zeros(len(total)), where=total > 0)
    return float(scores.max())


def localization_accuracy(ious: Float[np.ndarray, " n"], sounding: Bool[np.ndarray, " n"]) -> float:
    """Share of the sounding images that are well placed, whatever the confidence; NaN where none sounds."""
    return float(np.mean(ious[sounding] >= 0.5)) if sounding.any() else float("nan")

"""Scores of heatmaps: one record a frame, and the figures of a whole test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from eval.localization.baselines import ROWS, BaselineScores, score_baselines
from eval.metrics import correspondence, detection, localization

DISC = "centred disc, half the area"
DISC_AREA = "centred disc, area of the truth"
# The last belongs there and should be found in spite of the speech; the others should be answered by darkness.
OTHER_SOUNDS = ("silence", "noise", "wind", "mismatched", "speech over its own")


@dataclass(frozen=True)
class Response:
    """How strongly an image answers to a sound.

    Attributes:
        peak: highest cell, in [0, 1].
        share: of the image at or above the universal threshold.
        confidence: mean of the highest quarter.
        here: whether the peak reaches the universal threshold, so that the verdict is 'sounds here'.
    """

    peak: float
    share: float
    confidence: float
    here: bool


@dataclass(frozen=True)
class Placement:
    """How well a heatmap is placed, where something sounds.

    Attributes:
        iou: with the upper half of the map.
        iou_adapted: with as large a part of the map as the truth is.
        iou_absolute: with what lies at or above the universal threshold.
        hit: whether the centre of the highest cell lies on the truth.
        baselines: what predictors without eyes and ears reach on this truth.
    """

    iou: float
    iou_adapted: float
    iou_absolute: float
    hit: bool
    baselines: BaselineScores


@dataclass(frozen=True)
class FrameScores:
    """One frame's scores.

    Attributes:
        own: answer to its own sound.
        negatives: answers to `OTHER_SOUNDS` by kind; empty where nothing sounds.
        placement: None where nothing in the image sounds.
    """

    own: Response
    negatives: dict[str, Response]
    placement: Placement | None


def respond(grid: Float[np.ndarray, "rows columns"], threshold: float) -> Response:
    """Reads the strength off a heatmap."""
    heatmap = localization.to_map(grid)
    share = localization.highlighted_share(heatmap, threshold)
    # The peak is read off the grid, since interpolation between cells can lower it.
    peak = float(grid.max())
    return Response(peak, share, localization.confidence(heatmap), peak >= threshold)


def place(
    grid: Float[np.ndarray, "rows columns"], truth: Float[np.ndarray, "height width"], threshold: float
) -> Placement:
    """Compares a heatmap with the truth."""
    heatmap = localization.to_map(grid)
    # Told how large the answer is, the map is judged by its place alone.
    area_mask = localization.area_mask(heatmap, round(float(truth.sum())))
    return Placement(
        localization.iou(localization.median_mask(heatmap), truth),
        localization.iou(area_mask, truth),
        localization.iou(heatmap >= threshold, truth),
        localization.points_inside(localization.peak_cell(grid), truth),
        score_baselines(truth),
    )


def placement_rows(
    placements: Sequence[Placement], others: Mapping[str, Sequence[Placement]] | None = None
) -> dict[str, dict[str, float]]:
    """Pointing, cIoU, AUC, and cIoU of other parts of the map, of the model and of every baseline.

    The upper half of the map cannot reach an IoU of 0.5 with what covers less than a quarter of the image;
    'adapted' takes as large a part as the truth is, 'absolute' what lies above the universal threshold.

    Args:
        placements: of the model's heatmaps.
        others: of its heatmaps of the same frames that were made otherwise, by the name of a row.
    """
    answers = {"model": placements, **{name: those for name, those in (others or {}).items() if those}}
    ious = {name: np.array([p.iou for p in those]) for name, those in answers.items()}
    ious |= {name: np.array([p.baselines.ious[name] for p in placements]) for name in ROWS}
    rows: dict[str, dict[str, float]] = {
        name: {"ciou": localization.ciou(values), "auc": localization.success_auc(values)}
        for name, values in ious.items()
    }
    for name, those in answers.items():
        rows[name]["pointing"] = float(np.mean([p.hit for p in those]))
        rows[name]["ciou_adapted"] = localization.ciou(np.array([p.iou_adapted for p in those]))
        rows[name]["ciou_absolute"] = localization.ciou(np.array([p.iou_absolute for p in those]))
    # This disc has the area of the truth by construction.
    rows[DISC_AREA]["ciou_adapted"] = rows[DISC_AREA]["ciou"]
    rows["chance"]["pointing"] = float(np.mean([p.baselines.random_hit for p in placements]))
    rows["centre point"] = {"pointing": float(np.mean([p.baselines.centre_hit for p in placements]))}
    return rows


def success_rates(placements: Sequence[Placement]) -> dict[str, np.ndarray]:
    """Success over IoU thresholds of the model and of the baselines worth drawing."""
    rates = {"model": localization.success_rates(np.array([p.iou for p in placements]))}
    for name in (DISC, "oracle, half the area", "chance"):
        rates[name] = localization.success_rates(np.array([p.baselines.ious[name] for p in placements]))
    return rates


def detection_rows(frames: Sequence[FrameScores]) -> dict[str, dict[str, float]]:
    """AP, max-F1 and LocAcc with false alarms counted.

    Sounding frames with their own sound should be detected; frames in which nothing sounds, and sounding
    frames with a mismatched sound, should not. The model is judged by three parts of its map, as in
    `placement_rows`. Baselines give every frame the same confidence: with the model's map, and with a disc.
    """
    placements = [frame.placement for frame in frames if frame.placement is not None]
    sounding = [frame.own for frame in frames if frame.placement is not None]
    quiet = [frame.own for frame in frames if frame.placement is None]
    # One image is then in the test twice: it should be detected with its own sound and not with another's.
    quiet += [frame.negatives["mismatched"] for frame in frames if "mismatched" in frame.negatives]
    is_sounding = np.arange(len(sounding) + len(quiet)) < len(sounding)
    confidences = np.array([response.confidence for response in sounding + quiet])
    ious = {
        "model, upper half": [p.iou for p in placements],
        "model, area of the truth": [p.iou_adapted for p in placements],
        "model, above the threshold": [p.iou_absolute for p in placements],
        "upper half, constant confidence": [p.iou for p in placements],
        "area of the truth, constant confidence": [p.iou_adapted for p in placements],
        f"{DISC}, constant confidence": [p.baselines.ious[DISC] for p in placements],
        f"{DISC_AREA}, constant confidence": [p.baselines.ious[DISC_AREA] for p in placements],
    }
    rows = {}
    for name, of_sounding in ious.items():
        # With one confidence for all, AP shows how well things are placed, not how well they are detected.
        sure = np.ones(len(confidences)) if "constant" in name else confidences
        # Where nothing sounds no place is right.
        rows[name] = _detection(sure, np.array(of_sounding + [0.0] * len(quiet)), is_sounding)
    return rows


def response_rows(frames: Sequence[FrameScores]) -> dict[str, dict[str, Any]]:
    """Mean peak, share of verdicts 'sounds here', share highlighted and confidence by kind of sound.

    `roc_auc` is the probability that a matched sound's peak is higher than one of this kind; 0.5 means that
    the model does not listen.
    """
    sounding = [frame for frame in frames if frame.placement is not None]
    kinds = {"matched": [frame.own for frame in sounding]}
    kinds["nothing sounding, as recorded"] = [frame.own for frame in frames if frame.placement is None]
    for kind in OTHER_SOUNDS:
        kinds[kind] = [frame.negatives[kind] for frame in sounding if kind in frame.negatives]
    # Matched sounds are compared with themselves too: their row shows 0.5, as it must.
    matched_peaks = np.array([r.peak for r in kinds["matched"]])
    return {kind: _responses(responses, matched_peaks) for kind, responses in kinds.items() if responses}


def _detection(confidences: np.ndarray, ious: np.ndarray, sounding: np.ndarray) -> dict[str, float]:
    curve = detection.precision_recall(confidences, ious, sounding)
    return {
        "ap": detection.average_precision(curve),
        "max_f1": detection.max_f1(curve),
        "loc_acc": detection.localization_accuracy(ious, sounding),
    }


def _responses(responses: Sequence[Response], matched_peaks: np.ndarray) -> dict[str, Any]:
    peaks = np.array([r.peak for r in responses])
    labels = np.arange(len(matched_peaks) + len(peaks)) < len(matched_peaks)
    return {
        "frames": len(responses),
        "mean_peak": float(peaks.mean()),
        "sounds_here": float(np.mean([r.here for r in responses])),
        "share_highlighted": float(np.mean([r.share for r in responses])),
        "mean_confidence": float(np.mean([r.confidence for r in responses])),
        "roc_auc": correspondence.roc_auc(np.concatenate([matched_peaks, peaks]), labels),
    }

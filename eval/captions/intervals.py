"""Intervals of BLEU-4 and CIDEr-D, and of how much two rows differ, by drawing the images again (bootstrap)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from eval.captions.metrics.bleu import bleu_counts, bleu_of_counts
from eval.captions.metrics.cider import cider_d_scores

LEVELS = (2.5, 97.5)


class Resampled(NamedTuple):
    """BLEU-4 and CIDEr-D of each draw of the images.

    Attributes:
        bleu_4: in [0, 1].
        cider_d: in [0, 10]; document frequencies stay those of all images.
    """

    bleu_4: Float[np.ndarray, " draws"]
    cider_d: Float[np.ndarray, " draws"]


def draw_images(count: int, draws: int, seed: int) -> Int[np.ndarray, "draws images"]:
    """How often each image is drawn: as many images as there are, with replacement."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)


def resample(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], times: Int[np.ndarray, "draws images"]
) -> Resampled:
    """The figures of each draw.

    Args:
        hypotheses: one of each image.
        references: of each image, one or more.
        times: how often each draw has each image; the same for rows that are compared.
    """
    counts, scores = bleu_counts(hypotheses, references), cider_d_scores(hypotheses, references)
    return Resampled(bleu_of_counts(times @ counts)[:, 3], times @ scores / len(scores))


def interval(values: Float[np.ndarray, " draws"]) -> tuple[float, float]:
    """Between which 95 % of the draws lie."""
    low, high = np.percentile(values, LEVELS).tolist()
    return low, high


def intervals(rows: dict[str, Resampled], first: str) -> dict[str, dict[str, tuple[float, float]]]:
    """Of each row its own intervals, and those of its difference from one of them on the same draws.

    Args:
        rows: against the same references.
        first: name of the row from which the others differ.
    """
    return {
        name: {
            "BLEU-4": interval(row.bleu_4),
            "CIDEr-D": interval(row.cider_d),
            "BLEU-4 difference": interval(row.bleu_4 - rows[first].bleu_4),
            "CIDEr-D difference": interval(row.cider_d - rows[first].cider_d),
        }
        for name, row in rows.items()
    }

"""What a heatmap says: something in the image sounds, and where; or nothing in it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import numpy as np
from jaxtyping import Float

HERE, NOWHERE, SILENCE = "sounds here", "nothing here makes this sound", "silence"


@dataclass(frozen=True)
class Verdict:
    """One heatmap in numbers.

    Attributes:
        time_s: of the image, and of the middle of the clip of sound.
        peak: highest probability, in [0, 1].
        mean_top_quarter: mean of the highest 25 % of the cells, in [0, 1].
        x, y: the middle of the highest cell as fractions of width and height, from the upper left.
        verdict: whether the peak reaches the threshold; 'silence' where nothing can be heard.
        audible: what the sound is called, by the model's classifier of sounds: name -> probability, the highest first.
    """

    time_s: float
    peak: float
    mean_top_quarter: float
    x: float
    y: float
    verdict: Literal["sounds here", "nothing here makes this sound", "silence"]
    audible: dict[str, float] = field(default_factory=dict)


def judge(
    time_s: float,
    grid: Float[np.ndarray, "rows columns"],
    silent: bool,
    threshold: float,
    audible: Mapping[str, float] | None = None,
) -> Verdict:
    """Puts a heatmap into numbers.

    Args:
        time_s: when.
        grid: probabilities.
        silent: whether nothing can be heard; what the network makes of silence means nothing.
        threshold: least peak for 'sounds here'.
        audible: what the sound is called; of silence nothing.
    """
    # Silence has a highest cell too; its verdict says that the place means nothing.
    row, column = np.unravel_index(int(np.argmax(grid)), grid.shape)
    highest = np.sort(grid, axis=None)[-max(1, round(grid.size / 4)) :]
    peak = float(grid.max())
    return Verdict(
        time_s=round(time_s, 3),
        peak=peak,
        mean_top_quarter=float(highest.mean()),
        x=float((column + 0.5) / grid.shape[1]),
        y=float((row + 0.5) / grid.shape[0]),
        verdict=SILENCE if silent else HERE if peak >= threshold else NOWHERE,
        audible={} if silent else dict(audible or {}),
    )


def stretches(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """Neighboring heatmaps of one verdict, in order of time."""
    return [list(group) for _, group in groupby(verdicts, key=lambda verdict: verdict.verdict)]

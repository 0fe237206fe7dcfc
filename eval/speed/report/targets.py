"""What the project promises of its speed, and whether a run shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eval.speed.config import SuiteName
from eval.speed.figures import Measurement, Spread, by_name
from eval.speed.names import HELP, OURS, SEARCH, SIDE, many, single

# Frames a second of the video that is overlaid.
FPS = 25.0
# Of the index that the targets of search speak of, and of the batch of the GPU's.
ROWS, GPU_BATCH, GPU_SUITE_S = 1_000_000, 1024, 480.0


@dataclass(frozen=True)
class Target:
    """One promise.

    Attributes:
        text: what is measured.
        bound: that the figure is to reach.
        sense: whether it is to be at least that, or at most.
        figure: what was measured; None where it was not.
        unit: of both.
    """

    text: str
    bound: float
    sense: Literal["at least", "at most"]
    figure: float | None
    unit: str

    @property
    def passes(self) -> bool | None:
        """Whether the figure is within the bound; None where there is no figure."""
        if self.figure is None:
            return None
        return self.figure >= self.bound if self.sense == "at least" else self.figure <= self.bound

    def __str__(self):
        verdict = {True: "reached", False: "MISSED", None: "not measured"}[self.passes]
        figure = "" if self.figure is None else f": {self.figure:.3g} {self.unit}".rstrip()
        return f"{verdict:<12}  {self.text}{figure} (target: {self.sense} {self.bound:g})"


def targets(
    suite: SuiteName,
    measurements: Sequence[Measurement],
    ratios: Mapping[str, Spread],
    batch_size: int,
    seconds: float,
) -> list[Target]:
    """All promises of a suite.

    Args:
        suite: of the run.
        measurements: of all parts, in the sizes of the suite.
        ratios: by part, ours to the other's.
        batch_size: of the training step.
        seconds: that the whole run took.
    """
    figures = by_name(measurements)

    def ratio_of(name: str) -> float | None:
        return ratios[name].median if name in ratios else None

    step = figures.get(("step", OURS))
    share = step.share_of_peak.median if step is not None and step.share_of_peak is not None else None
    if suite == "gpu":
        # The promise is for large batches; small ones do not fill an accelerator.
        large = batch_size >= GPU_BATCH
        whole = f"AVE-Net step, batch {batch_size}"
        return [
            Target(f"{whole}: share of the matrix product's rate", 0.40, "at least", share if large else None, ""),
            Target(f"{whole}: times PyTorch's", 1.2, "at least", ratio_of("step") if large else None, "x"),
            Target("whole loop: share of the step alone", 0.90, "at least", ratio_of("loop"), ""),
            Target("the suite itself", GPU_SUITE_S, "at most", seconds, "s"),
        ]

    def seconds_of(part: str, name: str, p95: bool = False) -> float | None:
        item = figures.get((part, name))
        if item is None or item.seconds is None:
            return None
        return item.seconds_p95 if p95 else item.seconds.median

    def times(value: float | None, factor: float) -> float | None:
        return None if value is None else value * factor

    overlay = figures.get(("overlay", OURS))
    frames = overlay.rate.median if overlay is not None and overlay.rate is not None else None
    side = figures.get(("search", SIDE))
    recall = float(side.facts["recall"]) if side is not None and side.facts else None
    batch = figures.get(("search", many(ROWS)))
    # A sample is all queries at once.
    a_query = batch.seconds.median / batch.amount if batch is not None and batch.seconds and batch.amount else None
    p95 = seconds_of("search", single(ROWS), p95=True)
    return [
        Target("AVE-Net step: times PyTorch's", 1.1, "at least", ratio_of("step"), "x"),
        Target("AVE-Net step: share of the matrix product's rate", 0.70, "at least", share, ""),
        Target("AVE-Net inference: times PyTorch's", 1.2, "at least", ratio_of("inference"), "x"),
        Target("descriptions by beam search: times PyTorch's", 3.0, "at least", ratio_of("describe"), "x"),
        Target("overlay, file to file: times real time", 2.0, "at least", times(frames, 1 / FPS), "x"),
        Target("exact search of 1M, one query: p95", 150, "at most", times(p95, 1e3), "ms"),
        Target("exact search of 1M, a query of 1000", 4, "at most", times(a_query, 1e3), "ms"),
        Target("side index of 1M, one query: median", 2, "at most", times(seconds_of("search", SIDE), 1e3), "ms"),
        Target("side index of 1M: recall@10", 0.95, "at least", recall, ""),
        Target("avnet --help", 0.5, "at most", seconds_of("start", HELP), "s"),
        Target("avnet search, fresh process", 3.0, "at most", seconds_of("start", SEARCH), "s"),
    ]

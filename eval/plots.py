"""What the plots of several measures share."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from eval.metrics.correspondence import Reliability
from eval.metrics.localization import IOU_THRESHOLDS


def draw_reliability(axes: Axes, reliability: Reliability) -> None:
    """Belief against frequency, with the diagonal of a calibrated model."""
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1, label="calibrated")
    axes.plot(reliability.belief, reliability.frequency, marker="o", label="model")
    axes.set(xlabel="probability of matching", ylabel="share that matches", xlim=(0, 1), ylim=(0, 1))
    axes.legend()


def draw_histograms(axes: Axes, probabilities: Mapping[str, np.ndarray]) -> None:
    """Distribution of the probability, one outline for each kind of pair."""
    for name, values in probabilities.items():
        axes.hist(values, bins=np.linspace(0, 1, 26).tolist(), histtype="step", label=name)
    axes.set(xlabel="probability of matching", ylabel="pairs", xlim=(0, 1))
    axes.legend()


def draw_bars(axes: Axes, groups: Sequence[str], series: Mapping[str, Sequence[float]], ylabel: str) -> None:
    """Bars side by side: one group a column, one colour a series; values are shares in [0, 1]."""
    # The rest of each group's place is the gap to the next group.
    width = 0.8 / max(len(series), 1)
    for i, (name, values) in enumerate(series.items()):
        places = np.arange(len(groups)) + (i - (len(series) - 1) / 2) * width
        # What could not be computed gets no bar.
        axes.bar(places, np.nan_to_num(np.array(values, float)), width, label=name)
    axes.set_xticks(np.arange(len(groups)), groups)
    axes.set(ylabel=ylabel, ylim=(0, 1))
    axes.legend(fontsize="small")


def draw_success(axes: Axes, rates: Mapping[str, np.ndarray]) -> None:
    """Share of images whose IoU reaches a threshold, over the thresholds."""
    for name, values in rates.items():
        model = name == "model"
        axes.plot(
            IOU_THRESHOLDS,
            values,
            label=name,
            linewidth=2.5 if model else 1,
            linestyle="-" if model else "--",
        )
    axes.set(xlabel="IoU", ylabel="share of images", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize="small")

"""The plot of a run: a panel for each part, and one for the targets."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from eval.speed.figures import Measurement, Spread, short
from eval.speed.names import RATIOS
from eval.speed.report.targets import Target

COLUMNS = 3
# What is better shown by the time it takes than by how often it can be done in a second.
BY_TIME = ("search", "start")


def draw(
    measurements: Sequence[Measurement], ratios: Mapping[str, Spread], promises: Sequence[Target], quick: bool
) -> Figure:
    """Medians as bars, quartiles as whiskers; matrix products are in the shares of the peak, not in bars.

    Args:
        measurements: of all parts.
        ratios: by part, of its first contender to its second.
        promises: the targets; may be empty.
        quick: whether to say that the figures mean nothing.
    """
    parts = list(dict.fromkeys(item.part for item in measurements))
    panels = len(parts) + any(target.figure is not None for target in promises)
    rows = max(1, math.ceil(panels / COLUMNS))
    figure = Figure(figsize=(6.2 * min(COLUMNS, max(panels, 1)), 3.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, min(COLUMNS, max(panels, 1)), squeeze=False).ravel()
    for axes, part in zip(grid, parts, strict=False):
        items = [item for item in measurements if item.part == part and item.unit != "products"]
        _draw_part(axes, part, items, ratios.get(part))
    if panels > len(parts):
        _draw_targets(grid[len(parts)], [target for target in promises if target.figure is not None])
    for axes in grid[panels:]:
        axes.set_axis_off()
    if quick:
        figure.suptitle("a quick run: these figures mean nothing", color="tab:red")
    return figure


def _draw_part(axes: Axes, part: str, items: Sequence[Measurement], ratio: Spread | None) -> None:
    by_time = part in BY_TIME
    for place, item in enumerate(items):
        spread = item.seconds if by_time else item.rate
        if spread is None or item.amount is None:
            axes.text(0.02, place, "not measured", va="center", fontsize="small", color="grey", transform=_rows(axes))
            continue
        # Milliseconds a query, whether queries come one by one or at once.
        scale = {"search": 1000.0 / item.amount}.get(part, 1.0)
        low, median, high = (value * scale for value in (spread.low, spread.median, spread.high))
        colour = "tab:blue" if place == 0 or by_time else "tab:orange"
        axes.barh(place, median, 0.6, color=colour, xerr=[[median - low], [high - median]], capsize=3)
        share = "" if item.share_of_peak is None else f", {100 * item.share_of_peak.median:.0f} % of peak"
        axes.text(high, place, f"  {short(median)}{share}", va="center", fontsize="small")
    axes.set_yticks(range(len(items)), [item.name for item in items], fontsize="small")
    # Room for two at least, so that a lone bar is no wall.
    axes.set_ylim(max(len(items), 2) - 0.4, -0.6)
    if part == "search":
        axes.set_xscale("log")
    # Room for the numbers behind the bars.
    axes.margins(x=0.45)
    unit = {"search": "ms a query", "start": "s"}.get(part, f"{items[0].unit} / s" if items else "")
    title = part
    if ratio is not None:
        first, second = RATIOS[part]
        title = f"{part}: {first} {ratio.median:.2f} [{ratio.low:.2f}-{ratio.high:.2f}] times {second}"
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel(unit)


def _rows(axes: Axes) -> Transform:
    """Across in shares of the panel, down in rows."""
    return axes.get_yaxis_transform()


def _draw_targets(axes: Axes, promises: Sequence[Target]) -> None:
    """How far each figure is on the good side of its bound, on a logarithmic scale: right of 1 is reached."""
    for place, target in enumerate(promises):
        assert target.figure is not None
        # Above 1 is good for both senses.
        margin = target.figure / target.bound if target.sense == "at least" else target.bound / target.figure
        axes.barh(place, margin, 0.6, color="tab:green" if target.passes else "tab:red")
        axes.text(margin, place, f" {target.figure:.3g} {target.unit}", va="center", fontsize="small")
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_yticks(range(len(promises)), [target.text for target in promises], fontsize="x-small")
    axes.set_ylim(len(promises) - 0.4, -0.6)
    axes.set_xscale("log")
    axes.margins(x=0.25)
    axes.set_title("targets", fontsize="medium")
    axes.set_xlabel("times the target (right of 1 is reached)")

"""Figures as files, drawn without a display and without pyplot's global state."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from avnet.files.whole import whole_file


def figure(panels: int) -> tuple[Figure, list[Axes]]:
    """A row of panels."""
    fig = Figure(figsize=(5.5 * panels, 4.5), layout="constrained")
    FigureCanvasAgg(fig)
    return fig, list(fig.subplots(1, panels, squeeze=False)[0])


def save(fig: Figure, path: Path) -> None:
    """Writes a PNG.

    Raises:
        AvnetError: the system refused.
    """
    with whole_file(path) as temporary:
        fig.savefig(temporary, dpi=110, format="png")

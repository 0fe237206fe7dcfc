"""The image of a spoken description: what was seen, where each part looked, and the sound."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avnet.audio.pcm import SPEECH_RATE
from avnet.files.whole import whole_file
from avnet.media.image import resize_short_side
from avnet.pages.attention import attention_overlay, with_box

if TYPE_CHECKING:
    from avnet.describer.describer import Description

PARTS = 6
SIDE = 224


def draw(image: np.ndarray, description: "Description", path: Path) -> None:
    """Draws the image, the attention over consecutive parts of the description if there is any, and the waveform.

    Args:
        image: uint8 RGB [height, width, 3].
        description: of it.
        path: png.
    """
    # Here, since it is slow to import and only figures need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    small = resize_short_side(image, SIDE, max_aspect=2.0)
    attention = description.attention
    units = np.arange(0 if attention is None else len(attention))
    parts = [part for part in np.array_split(units, PARTS) if len(part)]
    figure = Figure(figsize=(2.2 * max(len(parts) + 1, 3), 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, len(parts) + 1, height_ratios=(2, 1))
    panels = [figure.add_subplot(grid[0, i]) for i in range(len(parts) + 1)]
    panels[0].imshow(small if description.region is None else with_box(small, description.region))
    # A network without attention is not drawn as if it looked everywhere.
    looks = ", looks nowhere in particular" if attention is None else ""
    panels[0].set_title(f"confidence {description.confidence:.2f}{looks}", fontsize=9)
    for panel, part in zip(panels[1:], parts, strict=True):
        assert attention is not None
        panel.imshow(attention_overlay(small, attention[part].mean(axis=0), description.boxes))
        panel.set_title(f"units {part[0] + 1} to {part[-1] + 1}", fontsize=9)
    for panel in panels:
        panel.axis("off")
    sound = figure.add_subplot(grid[1, :])
    seconds = np.arange(len(description.waveform)) / SPEECH_RATE
    sound.plot(seconds, description.waveform, linewidth=0.4)
    sound.set(xlabel="seconds", ylim=(-1, 1), xlim=(0, max(seconds[-1] if len(seconds) else 0.0, 0.1)))
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=80)

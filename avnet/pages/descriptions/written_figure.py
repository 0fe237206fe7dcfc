"""The image of a written description: what was seen, and where each word looked."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avnet.files.whole import whole_file
from avnet.media.image import resize_short_side
from avnet.pages.attention import attention_overlay, with_box

if TYPE_CHECKING:
    from avnet.describer.text_describer import TextDescription

# Panels in a row, and at most; words beyond are not drawn.
COLUMNS, MOST = 6, 30
SIDE = 224
# Letters in a line of the title, for each panel of the row.
LETTERS = 26


def draw(image: np.ndarray, description: "TextDescription", path: Path, *, told: bool = True) -> None:
    """Draws the image and, where the captioner attends, the image once more for each word.

    Args:
        image: uint8 RGB [height, width, 3].
        description: of it.
        path: png.
        told: whether words are shown; otherwise the image alone.
    """
    # Here, since it is slow to import and only figures need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    small = resize_short_side(image, SIDE, max_aspect=2.0)
    looks = [] if description.attention is None or not told else list(description.attention[: MOST - 1])
    count = 1 + len(looks)
    columns = min(max(count, 2), COLUMNS)
    rows = -(-count // columns)
    figure = Figure(figsize=(2.2 * columns, 2.4 * rows + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    sentence = textwrap.fill(description.text, LETTERS * columns) if told else "kept silent"
    # Words are no formulas, whatever dollar signs they hold.
    figure.suptitle(sentence, fontsize=11, parse_math=False)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.axis("off")
    panels[0].imshow(small if description.region is None else with_box(small, description.region))
    # A network without attention is not drawn as if it looked everywhere.
    nowhere = ", looks nowhere in particular" if description.attention is None else ""
    panels[0].set_title(f"confidence {description.confidence:.2f}{nowhere}", fontsize=9)
    for panel, weights, word in zip(panels[1:], looks, description.words, strict=False):
        panel.imshow(attention_overlay(small, weights, description.boxes))
        panel.set_title(textwrap.shorten(word, LETTERS, placeholder="..."), fontsize=9, parse_math=False)
    with whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=80)

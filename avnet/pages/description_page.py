"""The page of spoken descriptions: each picture with what is said of it, to look at and to listen to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avnet.pages.html import Html, cards, figure, group, note, page, sound


def page_of(descriptions: Sequence[Html]) -> str:
    """The page, to lie beside the sounds."""
    return page("Spoken descriptions", cards(*descriptions))


def description(row: dict[str, Any], picture: np.ndarray, folder: str = "", *more: Html) -> Html:
    """One picture, and its description to play.

    Args:
        row: of descriptions.json.
        picture: uint8 RGB [height, width, 3].
        folder: in which the sounds lie, relative to the page, with a slash at its end.
        more: what else belongs to it.
    """
    similar = ", ".join(dict.fromkeys(Path(one["picture"]).stem for one in row["neighbours"]))
    heard = sound(f"{folder}{row['sound']}") if row["sound"] else note("kept silent")
    confidence = f"confidence {row['confidence']:.2f}{'' if row['sure'] else ', unsure'}"
    shown = figure(picture, f"{Path(row['picture']).name}: {confidence}", 240)
    return group(shown, heard, *more, note(f"after: {similar}") if similar else Html())

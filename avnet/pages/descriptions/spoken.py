"""A spoken description in the listing and on the page."""

from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.descriptions.spoken import SpokenImage
from avnet.pages.attention import with_box
from avnet.pages.descriptions.spoken_figure import draw
from avnet.pages.html import Html, figure, group, note, sound

TITLE = "Spoken descriptions"


def row(one: SpokenImage, name: str) -> dict[str, Any]:
    """What NAME.json holds.

    Args:
        one: the description.
        name: of its files, without a suffix.
    """
    description = one.description
    return {
        "image": one.file,
        "sound": None if one.sound is None else f"{name}.wav",
        "sure": one.sure,
        "confidence": round(description.confidence, 4),
        "similarity": round(description.similarity, 4),
        "score": round(description.score, 4),
        "seconds": round(one.duration_s, 2),
        "stopped": description.reason,
        "region": None if description.region is None else [round(edge, 4) for edge in description.region],
        "candidates": description.candidates,
        "units": description.units.tolist(),
        "neighbors": [
            {"image": n.image, "recording": n.recording, "similarity": round(n.similarity, 4)}
            for n in description.neighbors
        ],
    }


def card(row: dict[str, Any], image: np.ndarray, folder: str = "", *more: Html) -> Html:
    """One image, and its description to play.

    Args:
        row: of descriptions.json.
        image: uint8 RGB [height, width, 3].
        folder: in which the sounds lie, relative to the page, with a slash at its end.
        more: what else belongs to it.
    """
    similar = ", ".join(dict.fromkeys(Path(one["image"]).stem for one in row["neighbors"]))
    player = sound(f"{folder}{row['sound']}") if row["sound"] else note("kept silent")
    return group(still(row, image), player, *more, note(f"after: {similar}") if similar else Html())


def still(row: dict[str, Any], image: np.ndarray) -> Html:
    """The image, with its region and how sure its description is.

    Args:
        row: of descriptions.json.
        image: uint8 RGB [height, width, 3].
    """
    confidence = f"confidence {row['confidence']:.2f}{'' if row['sure'] else ', unsure'}"
    title = f"{Path(row['image'] or 'image').name}: {confidence}"
    if row["region"] is not None:
        image, title = with_box(image, tuple(row["region"])), f"{title}; of the region in the box"
    return figure(image, title, 240)


def draw_figure(one: SpokenImage, path: Path) -> None:
    """Draws NAME.png."""
    draw(one.image, one.description, path)

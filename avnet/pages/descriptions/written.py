"""A written description in the listing and on the page."""

from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.descriptions.written import WrittenImage
from avnet.pages.descriptions.spoken import still
from avnet.pages.descriptions.written_figure import draw
from avnet.pages.html import Html, group, note, paragraph, sound, table

TITLE = "Written descriptions"


def row(one: WrittenImage, name: str) -> dict[str, Any]:
    """What NAME.json holds.

    Args:
        one: the description.
        name: of its files, without a suffix.
    """
    description = one.description
    return {
        "image": one.file,
        "text": one.text,
        "sound": None if one.sound is None else f"{name}.wav",
        "sure": one.sure,
        "confidence": round(description.confidence, 4),
        "probability": round(description.probability, 6),
        "log_probability": round(description.log_probability, 4),
        "seconds": None if one.duration_s is None else round(one.duration_s, 2),
        "stopped": description.reason,
        "region": None if description.region is None else [round(edge, 4) for edge in description.region],
        "words": list(description.words),
        "alternatives": [
            {
                "text": other.text,
                "probability": round(other.probability, 6),
                "log_probability": round(other.log_probability, 4),
            }
            for other in description.alternatives
        ],
    }


def card(row: dict[str, Any], image: np.ndarray, *, text: bool = True) -> Html:
    """One image, its description to read or to play, and what else it might have been.

    Args:
        row: of descriptions.json.
        image: uint8 RGB [height, width, 3].
        text: whether what is written is shown, not only what is spoken.
    """
    player = sound(row["sound"]) if row["sound"] else Html()
    if row["text"] is None:
        return group(still(row, image), note("kept silent"))
    if not text:
        return group(still(row, image), player)
    others = [(one["text"], f"{one['probability']:.2f}") for one in row["alternatives"]]
    several = table(("alternative", "probability"), others) if len(others) > 1 else Html()
    return group(still(row, image), paragraph(row["text"]), player, several)


def draw_figure(one: WrittenImage, path: Path) -> None:
    """Draws NAME.png."""
    draw(one.image, one.description, path, told=not one.silent)

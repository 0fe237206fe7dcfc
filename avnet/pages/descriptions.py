"""Descriptions as files: for each image a sound, its facts and a figure; of all a listing and a page to listen to."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.describe import SpokenImage
from avnet.audio.pcm import SPEECH_RATE
from avnet.files.whole import write_text
from avnet.media.write import write_wav
from avnet.pages.description_figure import draw
from avnet.pages.html import Html, cards, figure, group, note, page, sound

# The listing and the page of all; the results of no image have this name.
ALL = "descriptions"


def write_descriptions(
    descriptions: Iterable[SpokenImage], folder: Path, *, figures: bool = True
) -> list[dict[str, Any]]:
    """Writes for each image NAME.wav (unless it is kept silent), NAME.json and NAME.png, then the listing and the page.

    Args:
        descriptions: each is written as it comes.
        folder: for them; it must be there.
        figures: whether NAME.png is drawn.

    Returns:
        The rows of the listing, what NAME.json holds of each.

    Raises:
        AvnetError: a file cannot be written, or what making the descriptions raises.
    """
    rows: list[dict[str, Any]] = []
    entries: list[Html] = []
    names = {ALL}
    for one in descriptions:
        name = _distinct(Path(one.file).stem if one.file else "image", names)
        names.add(name.lower())
        row = _row(one, name)
        for suffix in (".wav", ".png"):  # of an earlier run
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
        if one.sound is not None:
            write_wav(folder / row["sound"], one.sound, SPEECH_RATE)
        if figures:
            draw(one.image, one.description, folder / f"{name}.png")
        write_text(folder / f"{name}.json", json.dumps(row, indent=2) + "\n")
        rows.append(row)
        entries.append(card(row, one.image))
    write_text(folder / f"{ALL}.json", json.dumps(rows, indent=2) + "\n")
    write_text(folder / f"{ALL}.html", descriptions_page(entries))
    return rows


def descriptions_page(shown: Sequence[Html]) -> str:
    """The page, to lie beside the sounds."""
    return page("Spoken descriptions", cards(*shown))


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
    confidence = f"confidence {row['confidence']:.2f}{'' if row['sure'] else ', unsure'}"
    shown = figure(image, f"{Path(row['image'] or 'image').name}: {confidence}", 240)
    return group(shown, player, *more, note(f"after: {similar}") if similar else Html())


def _row(one: SpokenImage, name: str) -> dict[str, Any]:
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
        "candidates": description.candidates,
        "units": description.units.tolist(),
        "neighbors": [
            {"image": n.image, "recording": n.recording, "similarity": round(n.similarity, 4)}
            for n in description.neighbors
        ],
    }


def _distinct(stem: str, names: set[str]) -> str:
    """The name, with a number where there is one like it; on some systems A is a."""
    name, number = stem, 2
    while name.lower() in names:
        name, number = f"{stem}-{number}", number + 1
    return name

"""Descriptions as files: for each image a sound, its facts and a figure; of all a listing and a page to listen to."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.describe import SpokenImage
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import AvnetError
from avnet.events import LeftOut, Listener, nobody
from avnet.files.names import distinct_name, name_key
from avnet.files.ownership import remove_result
from avnet.files.whole import write_text
from avnet.media.write import write_wav
from avnet.pages.attention import with_box
from avnet.pages.description_figure import draw
from avnet.pages.html import Html, cards, figure, group, note, page, sound

# The listing and the page of all; the results of no image have this name.
ALL = "descriptions"
# So many in a row that cannot be written are no fault of theirs: the disk is full.
MOST_FAILURES = 5


def write_descriptions(
    descriptions: Iterable[SpokenImage], folder: Path, *, figures: bool = True, on_event: Listener = nobody
) -> list[dict[str, Any]]:
    """Writes for each image NAME.wav (unless it is kept silent), NAME.json and NAME.png, then the listing and the page.

    What cannot be written of one image is left out, and the listing tells of the others whatever ends the run.

    Args:
        descriptions: each is written as it comes.
        folder: for them; it must be there.
        figures: whether NAME.png is drawn.
        on_event: is told of what is left out.

    Returns:
        The rows of the listing, what NAME.json holds of each.

    Raises:
        AvnetError: the listing, several images in a row or all of them cannot be written, or what making the
            descriptions raises.
    """
    rows: list[dict[str, Any]] = []
    entries: list[Html] = []
    keys = {name_key(ALL)}
    refusals: list[AvnetError] = []  # in a row
    try:
        for one in descriptions:
            name = distinct_name(Path(one.file).stem if one.file else "image", keys)
            keys.add(name_key(name))
            row = _row(one, name)
            try:
                _write(one, row, folder / name, figures)
            except AvnetError as error:
                refusals.append(error)
                if len(refusals) == MOST_FAILURES:
                    raise
                on_event(LeftOut(error))
                continue
            refusals.clear()
            rows.append(row)
            entries.append(card(row, one.image))
        if refusals and not rows:
            raise refusals[0]
    finally:
        if rows:
            write_text(folder / f"{ALL}.json", json.dumps(rows, indent=2) + "\n")
            write_text(folder / f"{ALL}.html", descriptions_page(entries))
    return rows


def _write(one: SpokenImage, row: dict[str, Any], path: Path, figures: bool) -> None:
    """The files of one image; `path` has no suffix yet."""
    for suffix in (".wav", ".png"):  # of an earlier run
        remove_result(path.with_name(path.name + suffix))
    if one.sound is not None:
        write_wav(path.with_name(row["sound"]), one.sound, SPEECH_RATE)
    if figures:
        draw(one.image, one.description, path.with_name(f"{path.name}.png"))
    write_text(path.with_name(f"{path.name}.json"), json.dumps(row, indent=2) + "\n")


def descriptions_page(entries: Sequence[Html]) -> str:
    """The page, to lie beside the sounds."""
    return page("Spoken descriptions", cards(*entries))


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
    title = f"{Path(row['image'] or 'image').name}: {confidence}"
    if row["region"] is not None:
        image, title = with_box(image, tuple(row["region"])), f"{title}; of the region in the box"
    still = figure(image, title, 240)
    return group(still, player, *more, note(f"after: {similar}") if similar else Html())


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
        "region": None if description.region is None else [round(edge, 4) for edge in description.region],
        "candidates": description.candidates,
        "units": description.units.tolist(),
        "neighbors": [
            {"image": n.image, "recording": n.recording, "similarity": round(n.similarity, 4)}
            for n in description.neighbors
        ],
    }

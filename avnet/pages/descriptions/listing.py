"""The files of descriptions: for each image its facts, a figure and a sound; of all a listing and a page."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from avnet.apps.descriptions.describe import DescribedImage
from avnet.apps.descriptions.spoken import SpokenImage
from avnet.apps.descriptions.written import WrittenImage
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import AvnetError
from avnet.events import LeftOut, Listener, nobody
from avnet.files.names import distinct_name, name_key
from avnet.files.ownership import remove_result
from avnet.files.whole import write_text
from avnet.media.write import write_wav
from avnet.pages.descriptions import spoken, written
from avnet.pages.html import Html, cards, page

# The listing and the page of all; the results of no image have this name.
ALL = "descriptions"
# So many in a row that cannot be written are no fault of theirs: the disk is full.
MOST_FAILURES = 5


class Shape(NamedTuple):
    """How descriptions of a kind become files.

    Attributes:
        title: of the page.
        row: what NAME.json holds, by the description and the name of its files.
        card: its part of the page, by the description and its row.
        draw: writes NAME.png.
    """

    title: str
    row: Callable[[Any, str], dict[str, Any]]
    card: Callable[[Any, dict[str, Any]], Html]
    draw: Callable[[Any, Path], None]


# By the kind of description; what a describer of a new kind gives is a line here.
SHAPES: dict[type, Shape] = {
    SpokenImage: Shape(spoken.TITLE, spoken.row, lambda one, row: spoken.card(row, one.image), spoken.draw_figure),
    WrittenImage: Shape(
        written.TITLE,
        written.row,
        lambda one, row: written.card(row, one.image, text=one.form != "speech"),
        written.draw_figure,
    ),
}


def write_descriptions(
    descriptions: Iterable[DescribedImage], folder: Path, *, figures: bool = True, on_event: Listener = nobody
) -> list[dict[str, Any]]:
    """Writes for each image NAME.json, NAME.png and, where there is a sound, NAME.wav; then the listing and the page.

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
    title = ""
    keys = {name_key(ALL)}
    refusals: list[AvnetError] = []  # in a row
    try:
        for one in descriptions:
            name = distinct_name(Path(one.file).stem if one.file else "image", keys)
            keys.add(name_key(name))
            shape = SHAPES[type(one)]
            row, title = shape.row(one, name), shape.title
            try:
                _write(one, row, folder / name, shape.draw if figures else None)
            except AvnetError as error:
                refusals.append(error)
                if len(refusals) == MOST_FAILURES:
                    raise
                on_event(LeftOut(error))
                continue
            refusals.clear()
            rows.append(row)
            entries.append(shape.card(one, row))
        if refusals and not rows:
            raise refusals[0]
    finally:
        if rows:
            write_text(folder / f"{ALL}.json", json.dumps(rows, indent=2) + "\n")
            write_text(folder / f"{ALL}.html", page(title, cards(*entries)))
    return rows


def _write(one: DescribedImage, row: dict[str, Any], path: Path, draw: Callable[[Any, Path], None] | None) -> None:
    """The files of one image; `path` has no suffix yet."""
    for suffix in (".wav", ".png"):  # of an earlier run
        remove_result(path.with_name(path.name + suffix))
    if one.sound is not None:
        write_wav(path.with_name(row["sound"]), one.sound, SPEECH_RATE)
    if draw is not None:
        draw(one, path.with_name(f"{path.name}.png"))
    write_text(path.with_name(f"{path.name}.json"), json.dumps(row, indent=2) + "\n")

"""Some images with what every row writes of them, for people to look at."""

from collections.abc import Mapping, Sequence

import numpy as np

from avnet.pages.html import Html, cards, element, figure, group, note, page, section, table
from eval.captions.describers import Row
from eval.captions.tables import SCORES, score_cells
from eval.captions.task import Task


def captions_page(
    task: Task, rows: Mapping[str, Row], scores: Mapping[str, Mapping], pictures: Sequence[int], title: str
) -> str:
    """The table of scores, then a card for each image.

    Args:
        task: the images.
        rows: that describe them, by name.
        scores: figures of the rows, by the same names, and of rows that only repeat texts.
        pictures: places of the images in the task.
        title: of the page.
    """
    lines = [(name, *score_cells(row)) for name, row in scores.items()]
    overview = table(("", *SCORES), [[name, *(element("span", cell) for cell in cells)] for name, *cells in lines])
    return page(
        title,
        overview,
        section("Images", cards(*(_card(task, rows, int(place)) for place in pictures))),
    )


def _card(task: Task, rows: Mapping[str, Row], place: int) -> Html:
    number = int(task.images[place])
    lines = [
        element("p", element("b", f"{name}: "), row.texts[place] or "(nothing)")
        for name, row in rows.items()
        if row.references is None
    ]
    said = [note(text) for text in task.references[place]]
    return group(figure(task.corpus.image(number), task.corpus.names[number], 320), *lines, *said)


def choose_pictures(count: int, pictures: int, seed: int) -> np.ndarray:
    """Places of so many images, drawn, in order; all where there are fewer."""
    return np.sort(np.random.default_rng(seed).permutation(count)[:pictures])

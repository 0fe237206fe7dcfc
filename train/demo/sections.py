"""Parts that the pages of both demos have, and the figures that they read."""

import json
import platform
from dataclasses import replace
from pathlib import Path

from avnet.apps.search import SearchOptions, SearchResult, search
from avnet.correspondence.model import Model
from avnet.pages.html import Html, note, section, table
from avnet.pages.search_page import search_sections
from avnet.workers.cores import available_cores


def results_of(file: Path) -> dict:
    """The figures in a JSON file that a program of `eval` wrote."""
    return json.loads(file.read_text(encoding="utf-8"))["results"]


def of_class(retrieval: dict) -> dict:
    """Of the figures of retrieval those where every video of the same class is a right answer."""
    return next(rows for title, rows in retrieval.items() if title.startswith("A video of the same class"))["model"]


def search_sections_of(model: Path | Model, index: Path, query: Path) -> list[Html]:
    """A held-out video that sounds, as a query both ways among the other held-out videos."""
    # One more than is shown: the query's own video may be among them.
    result = search(model, index, video=query, options=SearchOptions(k=9))
    intro = note("Images by a sound and sounds by an image; the query's own video is left out.")
    return [section("Search", intro), *search_sections(_without(result, query.name))]


def times_section(seconds: dict[str, float]) -> Html:
    """How long each part took, by name."""
    rows = [(name, minutes(value)) for name, value in seconds.items()]
    rows.append(("all", minutes(sum(seconds.values()))))
    machine = f"{platform.machine()}, {available_cores()} cores, Python {platform.python_version()}"
    return section("Time", table(("part", "min:s"), rows), note(machine))


def minutes(seconds: float) -> str:
    """A length of time as minutes and seconds, 2:05."""
    return "{}:{:02d}".format(*divmod(round(seconds), 60))


def _without(result: SearchResult, name: str) -> SearchResult:
    """The eight best matches of each answer that come from other files, counted from 1."""
    answers = []
    for answer in result.answers:
        others = [match for match in answer.matches if Path(match.file).name != name][:8]
        matches = tuple(replace(match, rank=rank) for rank, match in enumerate(others, 1))
        answers.append(replace(answer, matches=matches))
    return replace(result, answers=tuple(answers))

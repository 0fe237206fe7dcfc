"""`avnet search`: what an index holds that goes with an image, a sound or a moment of a video."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.search import Answer, SearchOptions, search
from avnet.cli.model_argument import DEFAULT_INDEX, ModelFirst, ModelOption, show_model
from avnet.errors import ConfigError
from avnet.files.whole import write_text
from avnet.pages.search_page import search_page
from avnet.program.output import check_writable
from avnet.program.progress import show_progress
from avnet.zoo.reference import BASE, locate


@dataclass(frozen=True, kw_only=True)
class SearchConfig(ModelFirst, SearchOptions):
    """Find sounds that go with an image, images that go with a sound, or both for a moment of a video.

    Example: avnet search --image dog.jpg --html dog.html
    """

    places = 1

    model: ModelOption = BASE
    """Model that the index was made with: a folder, a name, or hf://user/model. It may stand first."""
    index: Annotated[Path, tyro.conf.Positional] = DEFAULT_INDEX
    """Folder of the index."""
    where: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Find only in files to which the metadata gives this value, COLUMN=VALUE, in capitals or not. VALUE may be a
    pattern, as in place=Par*. Repeat it for further columns, or for further values of one column."""
    image: Path | None = None
    """Image to search by."""
    sound: Path | None = None
    """Sound to search by; of a video, its sound."""
    video: Path | None = None
    """Video to search by: once by a frame, once by its sound."""
    html: Path | None = None
    """HTML file to write, a page that shows and plays the matches."""
    json: bool = False
    """Print JSON instead of a table."""

    def __post_init__(self):
        super().__post_init__()
        if sum(path is not None for path in (self.image, self.sound, self.video)) != 1:
            raise ConfigError("search", "needs exactly one of --image, --sound and --video")


def run(config: SearchConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, the index, an option or the query cannot be used.
    """
    if config.html is not None:
        check_writable(config.html, ".html")
    image, sound, video = config.image, config.sound, config.video
    with show_progress() as on_event:
        source = locate(config.model, on_event)
    result = search(source.folder, config.index, image=image, sound=sound, video=video, options=config)
    for refusal in result.refusals:
        print(f"searching exactly: {refusal}", file=sys.stderr)
    if config.html is not None:
        write_text(config.html, search_page(result))
    if config.json:
        show_model(source, on_stderr=True)
        print(json.dumps([answer.to_dict() for answer in result.answers], indent=2))
        return
    show_model(source)
    for answer in result.answers:
        print_table(answer)
    if config.html is not None:
        print(f"page: {config.html}")


def print_table(answer: Answer) -> None:
    """One line for each match."""
    query = answer.query
    print(f"by the {query.kind} of {query.file} at {query.time_s:.2f} s")
    if not answer.matches:
        print("  no matches: the index holds none of this kind")
        return
    print("  rank   score  probability  kind       time  file")
    for match in answer.matches:
        probability = "-" if match.probability is None else f"{match.probability:.3f}"
        gone = "  (no longer there)" if match.missing else ""
        place = f"{match.kind:<5}  {match.time_s:7.2f} s  {match.file}{gone}"
        print(f"  {match.rank:4}  {match.score:6.3f}  {probability:>11}  {place}")

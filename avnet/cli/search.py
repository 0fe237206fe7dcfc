"""`avnet search`: what an index holds that goes with an image, a sound or a moment of a video."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.apps.queries import SearchQuery
from avnet.apps.search import Answer, Match, PassageMatch, SearchOptions, search
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

    Several at once: avnet search --sound bark.wav --unlike snow.jpg --like film.mp4@12.5
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
    like: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """More like this: FILE@SECONDS for a moment of an indexed file, a file, or the entry or key of a match. Repeat it
    for several, also beside --image, --sound or --video; what is found is nearest to their mean."""
    unlike: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Less like this, as for --like."""
    html: Path | None = None
    """HTML file to write, a page that shows and plays the matches."""
    format: Literal["table", "json", "csv", "html"] = "table"
    """What to print."""

    def __post_init__(self):
        super().__post_init__()
        media = sum(path is not None for path in (self.image, self.sound, self.video))
        if not media and not self.like:
            raise ConfigError("search", "needs one of --image, --sound, --video and --like")
        if media > 1 and not (self.like or self.unlike) and self.video is not None:
            raise ConfigError("search", "takes --video alone, or beside --like and --unlike")

    def queries(self) -> list[SearchQuery]:
        """All that is combined; empty where a single image, sound or video is searched by."""
        media = [SearchQuery(image=self.image)] if self.image is not None else []
        if self.sound is not None:
            media.append(SearchQuery(sound=self.sound, at=self.at, audio_track=self.audio_track))
        if self.video is not None:
            media.append(SearchQuery(video=self.video, at=self.at, audio_track=self.audio_track))
        named = [SearchQuery(like=text) for text in self.like]
        named += [SearchQuery(like=text, weight=-1.0) for text in self.unlike]
        return [*media, *named] if named or len(media) > 1 else []

    def options(self) -> SearchOptions:
        """What is searched for: by several queries at once all that is like them, if it is not said."""
        if not self.queries():
            return self
        other = {(True, False): "sound", (False, True): "image"}.get((self.image is not None, self.sound is not None))
        kind = self.kind if self.kind != "other" else "both" if self.video or other is None else other
        return replace(self, kind=kind, at=None, audio_track=None)


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
    if queries := config.queries():
        result = search(source.folder, config.index, queries=queries, options=config.options())
    else:
        result = search(source.folder, config.index, image=image, sound=sound, video=video, options=config)
    for refusal in result.refusals:
        print(f"searching exactly: {refusal}", file=sys.stderr)
    if config.html is not None:
        write_text(config.html, search_page(result))
    if config.format != "table":
        show_model(source, on_stderr=True)
    if config.format == "json":
        print(json.dumps([answer.to_dict() for answer in result.answers], indent=2))
    if config.format == "csv":
        print(as_csv(result.answers), end="")
    if config.format == "html":
        print(search_page(result))
    if config.format != "table":
        return
    show_model(source)
    for answer in result.answers:
        print_table(answer)
    if config.html is not None:
        print(f"page: {config.html}")


COLUMNS = ("query", "rank", "score", "probability", "kind", "time_s", "start_s", "end_s", "file", "entry", "key")


def as_csv(answers: Sequence[Answer]) -> str:
    """One line for each match, after a line with the names of the columns."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    for number, answer in enumerate(answers, 1):
        for match in answer.matches:
            table.writerow([number, *(getattr(match, name, match.time_s) for name in COLUMNS[1:])])
    return text.getvalue()


def print_table(answer: Answer) -> None:
    """One line for each match."""
    for query in answer.queries:
        sign = "by" if query.weight > 0 else "away from"
        print(f"{sign} the {query.kind} of {query.file} at {query.time_s:.2f} s")
    if not answer.matches:
        print("  no matches: the index holds none of this kind")
        return
    print("  rank   score  probability  kind       time  file")
    for match in answer.matches:
        probability = "-" if match.probability is None else f"{match.probability:.3f}"
        gone = "  (no longer there)" if match.missing else ""
        place = f"{match.kind:<5}  {_time(match)} s  {match.file}{gone}"
        print(f"  {match.rank:4}  {match.score:6.3f}  {probability:>11}  {place}")


def _time(match: Match) -> str:
    if isinstance(match, PassageMatch):
        return f"{match.start_s:.2f}-{match.end_s:.2f}"
    return f"{match.time_s:7.2f}"

"""`avnet search`: what an index holds that goes with a picture, a sound or a moment of a video."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import tyro

from avnet.apps.inputs import is_picture
from avnet.apps.models import load_aligned
from avnet.apps.query import Found, Query, image_query, sound_query, video_queries
from avnet.errors import ConfigError
from avnet.files.whole import write_text
from avnet.index.index import Index
from avnet.index.segment import Kind
from avnet.index.side_index import SideIndex
from avnet.pages.search_page import search_page
from avnet.program.output import check_writable

if TYPE_CHECKING:
    from avnet.correspondence.model import Model


@dataclass(frozen=True)
class SearchConfig:
    """Find sounds that go with an image, images that go with a sound, or both for a moment of a video.

    Example: avnet search model index --image dog.jpg --html dog.html
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder that the index was made with."""
    index: Annotated[Path, tyro.conf.Positional]
    """Folder of the index."""
    image: Path | None = None
    """Search by this jpg or png picture."""
    sound: Path | None = None
    """Search by this sound (or the sound of this video)."""
    video: Path | None = None
    """Search by a frame of this video, and by its sound."""
    at: float | None = None
    """When in the sound or video, seconds; otherwise its loudest clip."""
    k: int = 10
    """Hits at most."""
    kind: Literal["other", "image", "sound", "both"] = "other"
    """What to find; 'other' finds sounds by pictures and pictures by sounds."""
    per_file: int = 1
    """Hits of one file at most; 0 for any number."""
    exact: bool = False
    """Search exactly also where `avnet accelerate` has made a side index."""
    html: Path | None = None
    """Write a page that shows and plays the hits."""
    json: bool = False
    """Print JSON instead of a table."""

    def __post_init__(self):
        if sum(path is not None for path in (self.image, self.sound, self.video)) != 1:
            raise ConfigError("search", "wants exactly one of --image, --sound and --video")
        if self.at is not None and self.image is not None:
            raise ConfigError("--at", "goes with --sound or --video; a picture has no time")
        if not 1 <= self.k <= 10_000:
            raise ConfigError("--k", f"wants 1 to 10000, got {self.k}")
        if self.per_file < 0:
            raise ConfigError("--per-file", f"wants a number from 0, got {self.per_file}")


def search(config: SearchConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, the index, an option or the query cannot be used.
    """
    if config.html is not None:
        check_writable(config.html, ".html")
    results, clip_s = find(config)
    if config.html is not None:
        write_text(config.html, search_page(results, clip_s))
    if config.json:
        print(json.dumps([_plain(query, found) for query, found in results], indent=2))
        return
    for query, found in results:
        _print_table(query, found)
    if config.html is not None:
        print(f"page: {config.html}")


def find(config: SearchConfig) -> tuple[list[tuple[Query, list[Found]]], float]:
    """What is found by each query that the configuration makes, and the length of a clip in seconds.

    Raises:
        AvnetError: the model, the index or the query cannot be used.
    """
    path = config.image or config.sound or config.video
    assert path is not None
    is_picture(path)  # refuses an address or a missing file before the model is loaded
    model = load_aligned(config.model)
    with Index.open(config.index, model.fingerprint) as store:
        queries = _queries(config, model)
        sides = [] if config.exact else _sides(store)
        return [(query, _find(config, model, store, sides, query)) for query in queries], model.config.clip_s


def _queries(config: SearchConfig, model: "Model") -> list[Query]:
    if config.image is not None:
        return [image_query(config.image)]
    if config.sound is not None:
        return [sound_query(config.sound, model.config, config.at)]
    assert config.video is not None
    return video_queries(config.video, model.config, config.at)


def _sides(store: Index) -> list[SideIndex]:
    sides, refusals = store.sides()
    for reason in dict.fromkeys(map(str, refusals)):
        print(f"searching exactly: {reason}", file=sys.stderr)
    return sides


def _find(config: SearchConfig, model: "Model", store: Index, sides: list[SideIndex], query: Query) -> list[Found]:
    embed = model.embed_images if query.kind == "image" else model.embed_waveforms
    other: Kind = "sound" if query.kind == "image" else "image"
    kind: Kind | None = {"other": other, "both": None, "image": "image", "sound": "sound"}[config.kind]
    hits = store.search(embed(query.content[None])[0], config.k, kind, config.per_file or None, sides)
    probabilities = model.match_probabilities(np.array([hit.score for hit in hits]))
    return [
        Found(rank, hit, float(probability) if hit.kind == other else None)
        for rank, (hit, probability) in enumerate(zip(hits, probabilities, strict=True), 1)
    ]


def _plain(query: Query, found: list[Found]) -> dict:
    return {
        "query": {"file": str(query.file), "time_s": query.time_s, "kind": query.kind},
        "hits": [{"rank": f.rank, **asdict(f.hit), "probability": f.probability} for f in found],
    }


def _print_table(query: Query, found: list[Found]) -> None:
    print(f"by the {query.kind} of {query.file} at {query.time_s:.2f} s")
    if not found:
        print("  nothing found: the index holds none of this kind")
        return
    print("  rank   score  probability  kind       time  file")
    for item in found:
        hit, probability = item.hit, item.probability
        shown = "-" if probability is None else f"{probability:.3f}"
        row = f"  {item.rank:4}  {hit.score:6.3f}  {shown:>11}  {hit.kind:<5}  {hit.time_s:7.2f} s  {hit.file}"
        print(row)

"""Search, tags and the map of an index."""

import json
import os
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.browse import IndexMap, index_map
from avnet.apps.inputs import check_time
from avnet.apps.queries import Query, SearchQuery
from avnet.apps.search import SearchOptions, search
from avnet.apps.tags import tags
from avnet.correspondence.model import Model
from avnet.errors import IndexFolderError, Silent
from avnet.files.storage import is_missing
from avnet.files.whole import whole_file
from avnet.index.catalogue import FILE
from avnet.index.index import Index
from avnet.media.image import read_image
from avnet.media.tracks import probe
from avnet.media.video import video_span
from avnet.moments.moment import Moment
from avnet.moments.walk import moment_at
from avnet.web.tasks.sandbox import decode_in_sandbox
from avnet.web.worker import Context, Tasks

# To which frames of a video are scaled down before they are named; the network looks at less.
SHORT_SIDE = 512


def open_lane(settings: dict[str, Any]) -> Tasks:
    """The lane of searches."""
    decode_in_sandbox(settings["memory_mb"])
    model = Model.load(settings["model"])
    warm_up(model)
    folder = settings["index"]
    shelf = Shelf(model, None if folder is None else Path(folder))
    tasks = {
        "search": shelf.search,
        "entry": shelf.entry,
        "map": shelf.map,
        "refresh": shelf.refresh,
        "tags": shelf.tags,
    }
    return Tasks(tasks, {"index": shelf.facts()})


def warm_up(model: Model) -> None:
    """Embeds gray and silence, so that no visitor waits for what is compiled."""
    size, moment = model.config.image_size, model.config.moment
    gray, silence = np.full((size, size, moment.channels), 127, np.uint8), np.zeros((1, model.config.clip_samples))
    if model.config.kind.aligned:
        model.embed_images([gray])
        model.embed_waveforms(silence)
        model.match_probabilities(np.zeros(24))
    if model.config.kind.named:
        tags(model, image=gray[..., :3])
        model.audible_classes(silence)


class Shelf:
    """A model, and an index that stays open."""

    def __init__(self, model: Model, folder: Path | None):
        self._model, self._folder = model, folder
        self._index: Index | None = None
        self._stamp: tuple[int, int] | None = None
        self._maps: dict[str, tuple[int, int] | None] = {}
        if folder is not None and folder.exists():
            self._open()

    def _open(self) -> Index:
        """The index, opened again where it has changed: other processes may add to it."""
        if self._folder is None:
            raise IndexFolderError("index", "is not offered by this server; start it with --index")
        try:
            state = os.stat(self._folder / FILE)
        except OSError:
            raise IndexFolderError(self._folder.name, "holds nothing yet") from None
        stamp = state.st_mtime_ns, state.st_size
        if self._index is None or stamp != self._stamp:
            index = Index.open(self._folder, self._model.fingerprint)
            if self._index is not None:
                self._index.close()
            self._index, self._stamp = index, stamp
        return self._index

    def facts(self) -> dict[str, Any] | None:
        """What the index holds; None where there is none."""
        if self._index is None or self._folder is None:
            return None
        counts, files = self._index.counts(), self._index.file_count()
        return {"folder": self._folder.name, "images": counts["image"], "sounds": counts["sound"], "files": files}

    def refresh(self, values: dict[str, Any], context: Context) -> dict[str, Any] | None:
        """`facts`, once the index has been read again."""
        self._open()
        return self.facts()

    def search(self, values: dict[str, Any], context: Context) -> dict[str, Any]:
        """Searches by all queries taken together."""
        names = ("k", "kind", "per_file", "source", "after_s", "before_s")
        options = SearchOptions(**{name: values[name] for name in names})
        queries = [query_of(query) for query in values["queries"]]
        result = search(self._model, self._open(), queries=queries, options=options)
        return {
            "answers": [
                {
                    "query": _as_values(answer.query),
                    "queries": [_as_values(query) for query in answer.queries],
                    "matches": [asdict(match) for match in answer.matches],
                }
                for answer in result.answers
            ]
        }

    def entry(self, values: dict[str, Any], context: Context) -> dict[str, Any]:
        """Where an entry comes from."""
        entry, _ = self._open().entry(values["entry"])
        return asdict(entry) | {"entry": values["entry"], "missing": is_missing(entry.file)}

    def map(self, values: dict[str, Any], context: Context) -> None:
        """Writes the map of the index to `out`, unless it is there and nothing has changed."""
        index, out = self._open(), Path(values["out"])
        if self._maps.get(values["method"]) == self._stamp and out.exists():
            return
        with whole_file(out) as temporary:
            temporary.write_bytes(map_as_bytes(index_map(index, values["method"])))
        self._maps[values["method"]] = self._stamp

    def tags(self, values: dict[str, Any], context: Context) -> list[dict[str, Any]]:
        """Names of what is seen and heard, the most probable first."""
        path, at, names = values["path"], values["at"], []
        if values["kind"] == "image":
            names += tags(self._model, image=read_image(path))
        if values["kind"] == "video":
            start, end = video_span(probe(path))
            middle = (start + end) / 2 if at is None else at
            check_time(middle, start, end)
            names += tags(self._model, image=moment_at(path, middle, Moment(), SHORT_SIDE)[1])
        if values["has_sound"]:
            try:
                names += tags(self._model, sound=path, at=at)
            except Silent:
                if values["kind"] == "sound":
                    raise
        return [asdict(name) for name in sorted(names, key=lambda tag: -tag.probability)]


def query_of(values: dict[str, Any]) -> SearchQuery:
    """A query, from what the page says of it and what the server knows of the file."""
    weight = values["weight"]
    if values.get("path") is None:
        return SearchQuery(entry=values["entry"], weight=weight)
    if values["media_kind"] == "image":
        return SearchQuery(image=values["path"], weight=weight)
    if values["media_kind"] == "sound":
        return SearchQuery(sound=values["path"], at=values["at"], weight=weight)
    return SearchQuery(video=values["path"], at=values["at"], part=values["part"], weight=weight)


def _as_values(query: Query) -> dict[str, Any]:
    return {name: getattr(query, name) for name in ("file", "time_s", "kind", "entry", "weight")}


def map_as_bytes(whole: IndexMap) -> bytes:
    """A map as `GET /api/index/map` sends it; spaces fill the header up to four bytes."""
    header = json.dumps({"files": list(whole.names)}).encode()
    header += b" " * (-len(header) % 4)
    kinds = whole.kinds.astype(np.uint8).tobytes()
    return b"".join(
        [
            struct.pack("<II", len(whole.kinds), len(header)),
            header,
            *(np.ascontiguousarray(whole.points[:, axis], "<f4").tobytes() for axis in (0, 1)),
            kinds + bytes(-len(kinds) % 4),
            whole.files.astype("<u4").tobytes(),
            whole.times.astype("<f4").tobytes(),
            whole.segments.astype("<u4").tobytes(),
            whole.rows.astype("<u4").tobytes(),
        ]
    )

"""What an index holds that goes with files, and what files are called."""

import time
from typing import Any

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import JSONResponse  # pyright: ignore[reportMissingImports]

from avnet.web.app import Site, failure
from avnet.web.routes.visit import ask, media_of, site_of
from avnet.web.schemas import Failure, SearchAnswered, SearchAsked, TagsAnswered, TagsAsked

router = APIRouter(tags=["search"])
# Entries of which is remembered where they come from.
MOST_ENTRIES = 20_000


@router.post(
    "/searches", response_model=SearchAnswered, responses={code: {"model": Failure} for code in (404, 422, 503)}
)
async def search(request: Request, asked: SearchAsked) -> dict[str, Any] | JSONResponse:
    """Finds images and sounds of the index that go with all queries taken together."""
    began, site = time.perf_counter(), site_of(request)
    if any((query.media is None) == (query.entry is None) for query in asked.queries):
        return failure(422, "queries", "each need one file that was sent, or one entry of the index")
    media = {query.media: media_of(request, query.media) for query in asked.queries if query.media}
    values = asked.model_dump()
    for query in values["queries"]:
        if query["media"]:
            kept = media[query["media"]]
            query.update(path=str(kept.path), media_kind=kept.kind, has_sound=kept.facts.get("has_sound", False))
    result = await ask(site, "search", "search", *media.values(), **values)
    names = {str(one.path): one.name for one in media.values()}
    for answer in result["answers"]:
        for query in (answer["query"], *answer.get("queries", ())):
            query["file"] = names.get(query["file"], query["file"])
        for match in answer["matches"]:
            remember(site, match)
    return {**result, "took_ms": round(1000 * (time.perf_counter() - began), 1)}


@router.post("/tags", response_model=TagsAnswered, responses={code: {"model": Failure} for code in (404, 422, 503)})
async def tags(request: Request, asked: TagsAsked) -> dict[str, Any]:
    """Names what is seen in an image, or heard in a sound, with probabilities; of a video both at a moment."""
    media = media_of(request, asked.media)
    has_sound = bool(media.facts.get("has_sound"))
    values = {"path": str(media.path), "kind": media.kind, "at": asked.at, "has_sound": has_sound}
    return {"tags": await ask(site_of(request), "search", "tags", media, **values)}


def remember(site: Site, entry: dict[str, Any]) -> None:
    """Remembers where an entry of the index comes from."""
    site.entries[entry["entry"]] = {key: entry[key] for key in ("entry", "file", "time_s", "kind", "missing")}
    site.entries.move_to_end(entry["entry"])
    while len(site.entries) > MOST_ENTRIES:
        site.entries.popitem(last=False)

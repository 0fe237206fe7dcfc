"""What an index holds that goes with files, and what files are called."""

import time
from typing import Any

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]

from avnet.web.app import Site
from avnet.web.routes.visit import ask, media_of, site_of
from avnet.web.schemas import Failure, SearchAnswered, SearchAsked, TagsAnswered, TagsAsked

router = APIRouter(tags=["search"])
# Entries of which is remembered where they come from.
MOST_ENTRIES = 20_000


@router.post(
    "/searches", response_model=SearchAnswered, responses={code: {"model": Failure} for code in (404, 422, 503)}
)
async def search(request: Request, asked: SearchAsked) -> dict[str, Any]:
    """Finds images and sounds of the index that go with all queries taken together."""
    began, site = time.perf_counter(), site_of(request)
    media = {query.media: media_of(request, query.media) for query in asked.queries if query.media}
    values = asked.model_dump()
    for query in values["queries"]:
        if query["media"]:
            kept = media[query["media"]]
            query.update(path=str(kept.path), media_kind=kept.kind, has_sound=kept.facts.get("has_sound", False))
    result = await ask(site, "search", "search", *media.values(), **values)
    names = {str(one.path): one.name for one in media.values()}
    for answer in result["answers"]:
        query = answer["query"]
        query["file"] = names.get(query.get("file"), query.get("file"))
        for match in answer["matches"]:
            remember(site, match)
    return {**result, "took_ms": round(1000 * (time.perf_counter() - began), 1)}


@router.post("/tags", response_model=TagsAnswered, responses={code: {"model": Failure} for code in (404, 422, 503)})
async def tags(request: Request, asked: TagsAsked) -> dict[str, Any]:
    """Names what is seen in an image, or heard in a sound, with probabilities; of a video both at a moment."""
    media = media_of(request, asked.media)
    values = {"path": str(media.path), "kind": media.kind, "at": asked.at, **_sound_of(media.facts)}
    return {"tags": await ask(site_of(request), "search", "tags", media, **values)}


def _sound_of(facts: dict[str, Any]) -> dict[str, bool]:
    return {"has_sound": bool(facts.get("has_sound"))}


def remember(site: Site, entry: dict[str, Any]) -> None:
    """Remembers where an entry of the index comes from."""
    site.entries[entry["entry"]] = {key: entry[key] for key in ("entry", "file", "time_s", "kind", "missing")}
    site.entries.move_to_end(entry["entry"])
    while len(site.entries) > MOST_ENTRIES:
        site.entries.popitem(last=False)

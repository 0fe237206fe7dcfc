"""The index: its map, its entries, and folders that are added to it."""

import os
from typing import Any, Literal

from fastapi import APIRouter, Path, Query, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import FileResponse, JSONResponse, Response  # pyright: ignore[reportMissingImports]

from avnet.web.app import Site, failure
from avnet.web.routes.media import preview
from avnet.web.routes.searches import remember
from avnet.web.routes.visit import ask, session_of, site_of
from avnet.web.schemas import EntryAnswered, Failure, IndexingAsked, Job

router = APIRouter(tags=["index"])
EntryName = Path(pattern=r"^\d{1,12}-\d{1,12}$", description="An entry, as matches and the map name it.")


@router.get("/index/map", response_class=FileResponse)
async def index_map(request: Request, method: Literal["pca", "umap"] = "pca") -> FileResponse:
    """All entries as points in the plane.

    Little-endian: uint32 n, uint32 length of the header, a JSON header with `files`; then float32 x[n], float32 y[n],
    uint8 kind[n] (0 image, 1 sound) filled up to four bytes, uint32 file[n], float32 time_s[n], uint32 segment[n],
    uint32 row[n]. An entry is called SEGMENT-ROW.
    """
    site = site_of(request)
    path = site.folder / f"map-{method}"
    await ask(site, "search", "map", method=method, out=str(path))
    return FileResponse(path, media_type="application/octet-stream", headers={"cache-control": "no-cache"})


@router.get("/index/entries/{entry}", response_model=EntryAnswered, responses={404: {"model": Failure}})
async def entry(request: Request, entry: str = EntryName) -> dict[str, Any]:
    """Where an entry comes from."""
    return await _find(site_of(request), entry)


@router.get("/index/entries/{entry}/thumbnail", response_class=Response)
async def thumbnail(request: Request, entry: str = EntryName, short_side: int = Query(160, ge=16, le=720)) -> Response:
    """The frame of an entry, or that on screen at its sound, made small: JPEG."""
    found = await _find(site_of(request), entry)
    values = {"path": found["file"], "at": found["time_s"], "short_side": short_side}
    return await preview(site_of(request), (entry, short_side), "image/jpeg", "thumbnail", **values)


@router.get("/index/entries/{entry}/sound.wav", response_class=Response)
async def sound(
    request: Request, entry: str = EntryName, length_s: float = Query(2.0, gt=0, le=30, allow_inf_nan=False)
) -> Response:
    """The sound about an entry: WAV, 16 bits."""
    found = await _find(site_of(request), entry)
    values = {"path": found["file"], "at": found["time_s"], "length_s": length_s}
    return await preview(site_of(request), (entry, "sound", length_s), "audio/wav", "sound", **values)


async def _find(site: Site, entry: str) -> dict[str, Any]:
    if entry not in site.entries:
        remember(site, await ask(site, "search", "entry", entry=entry))
    return site.entries[entry]


@router.post(
    "/indexings", status_code=202, response_model=Job, responses={code: {"model": Failure} for code in (403, 422)}
)
async def index_folder(request: Request, asked: IndexingAsked) -> dict[str, Any] | JSONResponse:
    """Starts a job that adds the media in a folder of this machine, or one file, to the index."""
    site = site_of(request)
    if not site.options.allow_indexing:
        return failure(403, "indexing", "is not allowed on this server; start it with --allow-indexing")
    if not os.path.isabs(asked.path) or "\0" in asked.path:
        return failure(422, "path", "must be a whole path, as /home/me/Videos")
    real, own = os.path.realpath(asked.path), os.path.realpath(site.folder)
    if os.path.commonpath([real, own]) in (real, own):
        return failure(422, "path", "holds what visitors sent; choose a folder within it")

    async def refresh(result: dict[str, Any]) -> None:
        site.entries.clear()
        site.lane("search").facts["index"] = await ask(site, "search", "refresh")

    lane = site.lane("index")
    job = site.jobs.start(session_of(request), "indexing", lane, {"path": asked.path}, finish=refresh)
    return site.jobs.to_dict(job)

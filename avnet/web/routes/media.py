"""Files that visitors send."""

import asyncio
import base64
import contextlib
from typing import Any

from fastapi import APIRouter, Query, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import FileResponse, JSONResponse, Response  # pyright: ignore[reportMissingImports]

from avnet.errors import AvnetError
from avnet.web.app import Site, failure
from avnet.web.content_types import content_type
from avnet.web.lanes import Refused
from avnet.web.routes.visit import ask, media_of, session_of, site_of
from avnet.web.schemas import Failure, Media
from avnet.web.uploads import Media as Kept
from avnet.web.uploads import NotTaken, TooManyBytes, name_as_text

router = APIRouter(prefix="/media", tags=["media"])
# What a browser may do with a file of somebody: look at it.
SANDBOX = {"content-security-policy": "sandbox; default-src 'none'"}
# A client that does not wait for permission is listened to for so long after a refusal, or it would not hear it.
LINGER_S, LINGER_BYTES = 2.0, 16 << 20
# Before one who asks for a playable copy is told to come again.
PLAYABLE_S = 0.2
RAW = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def to_schema(site: Site, media: Kept) -> Media:
    """What a visitor is told of a file."""
    facts = {"duration_s": None, "width": None, "height": None, "has_sound": False, **media.facts}
    expires_s = max(0.0, round(site.uploads.expires_s(media), 1))
    return Media(id=media.id, name=media.name, kind=media.kind, bytes=media.size, expires_s=expires_s, **facts)


@router.post(
    "",
    status_code=201,
    responses={status: {"model": Failure} for status in (408, 413, 415, 429, 503)},
    openapi_extra={"requestBody": {"content": RAW, "required": True}},
)
async def send(request: Request, name: str = Query("upload", description="What the file is called.")) -> Media:
    """Sends a video, an image or a sound: the body is the file, as it is."""
    site, session, name = site_of(request), session_of(request), name_as_text(name)
    length, body = request.headers.get("content-length"), request.stream()
    try:
        path = await site.uploads.receive(session, name, int(length) if length else None, body)
    except TooManyBytes:
        if "expect" not in request.headers:
            await _linger(body)
        raise
    try:
        facts = await site.lane("media").call("probe", path=str(path), longest_s=site.options.duration_s)
    except AvnetError as error:
        site.uploads.discard(path)
        kind = NotTaken if isinstance(error, Refused) else type(error)
        raise kind(error.subject.replace(str(path), name), error.reason.replace(str(path), name)) from None
    except BaseException:  # the client has gone, or the fault is ours
        site.uploads.discard(path)
        raise
    return to_schema(site, site.uploads.add(session, name, path, facts))


async def _linger(body: Any) -> None:
    size = 0
    with contextlib.suppress(Exception):
        async with asyncio.timeout(LINGER_S):
            async for part in body:
                size += len(part)
                if size > LINGER_BYTES:
                    return


@router.get("/{id}", responses={404: {"model": Failure}})
async def facts(request: Request, id: str) -> Media:
    """What was found in a file."""
    return to_schema(site_of(request), media_of(request, id))


@router.delete("/{id}", status_code=204, responses={404: {"model": Failure}, 409: {"model": Failure}})
async def forget(request: Request, id: str) -> Response:
    """Deletes a file, unless a job still needs it."""
    media = media_of(request, id)
    if media.users:
        return failure(409, media.name, "is needed by a job; cancel that first")
    site_of(request).uploads.forget(media)
    return Response(status_code=204)


@router.get("/{id}/file", response_class=FileResponse)
async def original(request: Request, id: str) -> FileResponse:
    """A file as it was sent."""
    media = media_of(request, id)
    return FileResponse(media.path, media_type=content_type(media.path, media.kind), headers=SANDBOX)


@router.get("/{id}/playable", response_class=FileResponse, responses={202: {}})
async def playable(request: Request, id: str) -> Response:
    """A copy that every browser plays, mp4 or wav; 202 while it is being made: ask again after Retry-After."""
    site, media = site_of(request), media_of(request, id)
    if media.kind == "image":
        return failure(422, media.name, "is an image, which is shown as it is")
    out = media.path.parent / ("playable.mp4" if media.kind == "video" else "playable.wav")
    work = media.playable
    if work is None:
        site.uploads.check_disk(media.name)

        async def make() -> None:
            await ask(site, "playable", "playable", media, path=str(media.path), out=str(out))
            media.copy_size = out.stat().st_size

        work = media.playable = asyncio.ensure_future(make())
    with contextlib.suppress(TimeoutError):
        try:
            await asyncio.wait_for(asyncio.shield(work), PLAYABLE_S)
        except AvnetError:
            media.playable = None
            raise
    if not work.done():
        return JSONResponse({"state": "being made"}, 202, {"Retry-After": "1"})
    return FileResponse(out, media_type="video/mp4" if media.kind == "video" else "audio/wav", headers=SANDBOX)


@router.get("/{id}/thumbnail", response_class=Response)
async def thumbnail(
    request: Request,
    id: str,
    at: float | None = Query(None, allow_inf_nan=False),
    short_side: int = Query(160, ge=16, le=720),
) -> Response:
    """A frame of a video, or an image, made small: JPEG."""
    media = media_of(request, id)
    key = (media.id, at, short_side)
    values = {"path": str(media.path), "at": at, "short_side": short_side}
    return await preview(site_of(request), key, "image/jpeg", "thumbnail", media, **values)


async def preview(site: Site, key: tuple, kind: str, task: str, *media: Kept, **values: Any) -> Response:
    """What the media lane makes to be shown, or what it made lately."""
    data = site.previews.get(key)
    if data is None:
        data = base64.b64decode(await ask(site, "media", task, *media, **values))
        site.previews.put(key, data)
    return Response(data, media_type=kind, headers={"cache-control": "private, max-age=3600", **SANDBOX})

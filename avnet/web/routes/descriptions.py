"""What a describer says of an image."""

import asyncio
import struct
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse  # pyright: ignore[reportMissingImports]

from avnet.web.app import failure
from avnet.web.jobs import OVER, Job
from avnet.web.routes.visit import Missing, job_of, media_of, session_of, site_of
from avnet.web.schemas import DescriptionAsked, Failure
from avnet.web.schemas import Job as JobAnswered

router = APIRouter(tags=["descriptions"])
SAMPLE_RATE = 16_000
DRAFT, FINAL = "draft.pcm", "speech.wav"
# How long one who listens waits for more, seconds: less than is heard.
WAIT_S = 0.02
UNKNOWN = 0xFFFFFFFF


@router.post(
    "/descriptions",
    status_code=202,
    response_model=JobAnswered,
    responses={code: {"model": Failure} for code in (404, 422, 429, 503)},
)
async def describe(request: Request, asked: DescriptionAsked) -> dict[str, Any] | JSONResponse:
    """Starts a job that describes an image, or a frame of a video; it can be listened to at once (speech.wav)."""
    site = site_of(request)
    media = media_of(request, asked.media)
    if media.kind == "sound":
        return failure(422, media.name, "is a sound; images and videos are described")
    lane = site.lane("describe")
    voices = (site.facts["describer"] or {}).get("voices", [])
    if asked.voice is not None and asked.voice not in voices:
        return failure(422, "voice", f"is not known here; there are {', '.join(voices) or 'no others'}")
    values = asked.model_dump() | {"media": str(media.path), "kind": media.kind}
    job = site.jobs.start(session_of(request), "description", lane, values, (media,))
    return site.jobs.to_dict(job)


@router.get("/jobs/{id}/speech.wav", response_class=Response, tags=["jobs"])
async def speech(request: Request, id: str) -> Response:
    """The speech of a description: while it is being made as much as there is and what comes, then the chosen one."""
    job = job_of(request, id)
    if job.task != "description":
        raise Missing
    if job.state in OVER:
        if FINAL not in job.files:
            raise Missing
        return FileResponse(job.files[FINAL], media_type="audio/wav")
    return StreamingResponse(_follow(job), media_type="audio/wav")


async def _follow(job: Job) -> AsyncIterator[bytes]:
    """A WAV file of unknown length: the likeliest description while it is being made."""
    path, at = job.folder / DRAFT, 0
    front = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", UNKNOWN, b"WAVE", b"fmt ", 16, 1, 1, SAMPLE_RATE, 32_000, 2, 16)
    yield front + struct.pack("<4sI", b"data", UNKNOWN)
    while True:
        over = job.state in OVER or FINAL in job.files  # before reading, or its last part would be missed
        if path.is_file():
            with path.open("rb") as file:
                file.seek(at)
                data = file.read()
            data = data[: len(data) // 2 * 2]
            at += len(data)
            if data:
                yield data
        if over:
            return
        await asyncio.sleep(WAIT_S)

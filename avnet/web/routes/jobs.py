"""Jobs: how far they are, what they give, and their end."""

from typing import Any

from fastapi import APIRouter, Request  # pyright: ignore[reportMissingImports]
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse  # pyright: ignore[reportMissingImports]

from avnet.web.jobs import OVER
from avnet.web.routes.media import SANDBOX
from avnet.web.routes.visit import Missing, job_of, site_of
from avnet.web.schemas import Failure, Job

router = APIRouter(prefix="/jobs", tags=["jobs"], responses={404: {"model": Failure}})
TYPES = {".mp4": "video/mp4", ".png": "image/png", ".json": "application/json", ".wav": "audio/wav"}


@router.get("/{id}", response_model=Job)
async def job(request: Request, id: str) -> dict[str, Any]:
    """How far a job is, and what it gave."""
    return site_of(request).jobs.to_dict(job_of(request, id))


@router.delete("/{id}", responses={202: {"model": Job}, 204: {}})
async def cancel(request: Request, id: str) -> Response:
    """Stops a job (202), or forgets one that is over (204)."""
    site, job = site_of(request), job_of(request, id)
    over = job.state in OVER
    site.jobs.cancel(job)
    return Response(status_code=204) if over else JSONResponse(site.jobs.to_dict(job), 202)


@router.get("/{id}/events", response_class=StreamingResponse)
async def events(request: Request, id: str) -> StreamingResponse:
    """All that happened in a job and what happens from now on, as server-sent events; Last-Event-ID goes on."""
    last = request.headers.get("last-event-id", "")
    after = int(last) if last.isascii() and last.isdigit() and len(last) < 10 else 0
    return StreamingResponse(job_of(request, id).log.follow(after), media_type="text/event-stream")


@router.get("/{id}/files/{name:path}", response_class=FileResponse)
async def file(request: Request, id: str, name: str) -> FileResponse:
    """A file of a job, by a name that the job lists."""
    path = job_of(request, id).files.get(name)
    if path is None or not path.is_file():
        raise Missing
    kind = TYPES.get(path.suffix, "application/octet-stream")
    return FileResponse(path, media_type=kind, headers=SANDBOX, filename=path.name, content_disposition_type="inline")

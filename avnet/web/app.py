"""The application: what all requests share, its routes, and its refusals."""

import asyncio
import contextlib
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request  # pyright: ignore[reportMissingImports]
from fastapi.exceptions import RequestValidationError  # pyright: ignore[reportMissingImports]
from fastapi.responses import JSONResponse  # pyright: ignore[reportMissingImports]
from starlette.exceptions import HTTPException  # pyright: ignore[reportMissingImports]
from starlette.requests import ClientDisconnect  # pyright: ignore[reportMissingImports]

import avnet
from avnet.errors import AvnetError
from avnet.web import jobs, lanes, uploads
from avnet.web.config import WebOptions
from avnet.web.jobs import Jobs
from avnet.web.lanes import Lane
from avnet.web.uploads import Uploads

STATUS: dict[type[AvnetError], int] = {
    jobs.TooManyJobs: 429,
    lanes.Broken: 500,
    lanes.Busy: 503,
    lanes.Refused: 422,
    lanes.Unavailable: 503,
    uploads.DiskFull: 503,
    uploads.NotTaken: 415,
    uploads.TooManyBytes: 413,
    uploads.TooManyUploads: 429,
    uploads.TooSlow: 408,
}
PHRASES = {404: "there is no such address", 405: "does not take this method"}
# Of pictures and sounds that were shown lately, bytes.
MOST_PREVIEWS = 64 << 20
EXPIRE_S = 5.0


@dataclass(frozen=True)
class LanePlan:
    """A lane to be.

    Attributes:
        opener: `module:function`, as `avnet.web.worker.run` takes it.
        settings: of it.
        when_needed: start with the first task.
    """

    opener: str
    settings: dict[str, Any] = field(default_factory=dict)
    when_needed: bool = False


@dataclass
class Site:
    """What all requests share.

    Attributes:
        options: what is served.
        facts: `model` and `describer`, as the status tells them, and `can`.
        folder: private, of everything that is kept; gone when the server ends.
        lanes: by name.
        uploads: files of visitors.
        jobs: of visitors.
        previews: pictures and sounds that were shown lately.
        entries: where entries of the index come from, as far as somebody asked.
    """

    options: WebOptions
    facts: dict[str, Any]
    folder: Path
    lanes: dict[str, Lane]
    uploads: Uploads
    jobs: Jobs
    previews: "Previews" = field(default_factory=lambda: Previews(MOST_PREVIEWS))
    entries: OrderedDict[str, dict[str, Any]] = field(default_factory=OrderedDict)

    def lane(self, name: str) -> Lane:
        """A lane that is wanted.

        Raises:
            Unavailable: this server was started without what it needs.
        """
        if name not in self.lanes:
            raise lanes.Unavailable(name, "is not offered by this server")
        return self.lanes[name]


class Previews:
    """Bytes that are held up to a total, those unused for longest going first."""

    def __init__(self, most: int):
        self._most, self._size = most, 0
        self._held: OrderedDict[tuple, bytes] = OrderedDict()

    def get(self, key: tuple) -> bytes | None:
        """What is held, which is now used."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: tuple, data: bytes) -> None:
        """Holds something."""
        self._size += len(data) - len(self._held.pop(key, b""))
        self._held[key] = data
        while self._size > self._most:
            self._size -= len(self._held.popitem(last=False)[1])


def create_app(options: WebOptions, plans: dict[str, LanePlan], facts: dict[str, Any]) -> FastAPI:
    """The application; its lanes start with it, and its files end with it.

    Args:
        options: what is served.
        plans: of the lanes, by name.
        facts: as of `Site`.
    """
    from avnet.web.routes import descriptions, index, jobs, localizations, media, page, searches, status

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="avnet-serve-", ignore_cleanup_errors=True) as folder:
            results = Jobs(Path(folder) / "jobs", options)
            app.state.site = site = Site(
                options,
                facts,
                Path(folder),
                {name: Lane(name, p.opener, p.settings, when_needed=p.when_needed) for name, p in plans.items()},
                Uploads(Path(folder) / "media", options, lambda: results.size),
                results,
            )
            running = [asyncio.create_task(lane.run()) for lane in site.lanes.values()]
            running.append(asyncio.create_task(_expire(site)))
            try:
                yield
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    app = FastAPI(
        title="avnet",
        version=avnet.__version__,
        summary="Where a sound comes from, what goes with what, and what an image shows.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # the usual pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    for routes in (status, media, localizations, searches, descriptions, index, jobs):
        app.include_router(routes.router, prefix="/api")
    app.include_router(page.router())
    app.add_exception_handler(AvnetError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    app.add_exception_handler(ClientDisconnect, _gone)
    return app


async def _expire(site: Site) -> None:
    while True:
        await asyncio.sleep(min(EXPIRE_S, 6 * site.options.keep_minutes))
        with contextlib.suppress(OSError):
            site.uploads.expire()
            site.jobs.expire()


def failure(status: int, subject: str, reason: str, **headers: str) -> JSONResponse:
    """A refusal as an answer."""
    return JSONResponse({"error": {"reason": reason, "subject": subject}}, status, headers)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AvnetError)
    status = STATUS.get(type(error), 422)
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    if status in (408, 413):  # the rest of the body would be taken for the next request
        headers["Connection"] = "close"
    # Where our files lie is nobody's business.
    folder = f"{request.app.state.site.folder}/"
    return failure(status, error.subject.replace(folder, ""), error.reason.replace(folder, ""), **headers)


async def _invalid(request: Request, error: Any) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "body"
    return failure(422, place[:200], str(first["msg"])[:500])


async def _unknown(request: Request, error: Any) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return failure(error.status_code, request.url.path[:200], PHRASES.get(error.status_code, str(error.detail)))


async def _gone(request: Request, error: Exception) -> JSONResponse:
    return failure(400, request.url.path, "broke off")  # nobody hears it

"""The HTTP interface of `avnet serve` with answers that are known beforehand and cost nothing, for tests of the page.

Media are really taken apart; heatmaps, matches and descriptions are made up: a blob that goes from left to right,
silence in the last fifth of a medium, nothing that fits in the fifth before it.
"""

import asyncio
import io
import json
import struct
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn  # pyright: ignore[reportMissingImports]
from fastapi import FastAPI, HTTPException, Request, Response  # pyright: ignore[reportMissingImports]
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse  # pyright: ignore[reportMissingImports]
from fastapi.staticfiles import StaticFiles  # pyright: ignore[reportMissingImports]
from PIL import Image

import avnet
from avnet.errors import AvnetError
from avnet.media.image import is_image, read_image
from avnet.media.tracks import probe
from avnet.media.write import write_wav
from web.canned_answers import COLUMNS, ROWS, blob, encoded, picture, verdict

STATIC = Path(avnet.__file__).parent / "web" / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FPS = 5.0
SPEECH_S, UNITS, RATE = 1.0, 10, 16_000
WORDS = ("a", "brown", "dog", "runs", "over", "the", "grass", "near", "a", "house")
NAMES = ("dog", "rain", "speech")


@dataclass
class Job:
    """A job and all of its events."""

    id: str
    task: str
    state: str = "queued"
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    files: dict[str, str] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    work: "asyncio.Task[None] | None" = None

    def public(self) -> dict[str, Any]:
        names = ("id", "task", "state", "result", "error", "files")
        return {name: getattr(self, name) for name in names} | {"position": 0, "progress": None, "expires_s": 600}

    async def tell(self, name: str, data: dict[str, Any]) -> None:
        async with self.changed:
            self.events.append((name, data))
            self.changed.notify_all()

    async def end(self, state: str) -> None:
        self.state = state
        await self.tell(state, self.public())


class StandInServer:
    """Runs in a thread; attributes may be changed while it runs.

    Attributes:
        url: of the page.
        pace_s: between two steps of a job.
        held: jobs stop after their first step until this is cleared.
        can: as in the status.
        points: entries of the index.
        requests: (method, path) of all so far.
        bodies: of the requests with JSON.
        uploads: bytes of media by id.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.pace_s, self.held, self.points = 0.01, False, 300
        names = ("localize", "search", "browse", "describe", "tags", "index_folders")
        self.can = dict.fromkeys(names, True)
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.media: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self.jobs: dict[str, Job] = {}
        self.server = uvicorn.Server(
            uvicorn.Config(self._app(), port=0, log_level="error", timeout_graceful_shutdown=1)
        )
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> "StandInServer":
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(5)

    def restore(self) -> None:
        """Makes it as it was at first, for the next test; media and jobs stay."""
        self.pace_s, self.held, self.points = 0.01, False, 300
        self.can = dict.fromkeys(self.can, True)
        self.requests.clear()
        self.bodies.clear()

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.mount("/static", StaticFiles(directory=STATIC))

        @app.middleware("http")
        async def guard(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
            self.requests.append((request.method, request.url.path))
            response = await go_on(request)
            response.headers["Content-Security-Policy"] = CSP
            response.headers["X-Content-Type-Options"] = "nosniff"
            return response

        @app.exception_handler(HTTPException)
        async def refuse(_: Request, error: HTTPException) -> Response:
            return JSONResponse({"error": error.detail}, error.status_code)

        app.get("/")(lambda: FileResponse(STATIC / "index.html"))
        app.get("/api/status")(self.status)
        app.post("/api/media", status_code=201)(self.add_media)
        app.get("/api/media/{media}")(lambda media: self._medium(media))
        app.get("/api/media/{media}/file")(lambda media: FileResponse(self.folder / self._medium(media)["id"]))
        app.get("/api/media/{media}/playable")(lambda media: FileResponse(self.folder / self._medium(media)["id"]))
        app.get("/api/media/{media}/thumbnail")(self.thumbnail)
        app.post("/api/localizations", status_code=202)(self.localize)
        app.post("/api/descriptions", status_code=202)(self.describe)
        app.post("/api/indexings", status_code=202)(self.index_folder)
        app.post("/api/searches")(self.search)
        app.post("/api/tags")(lambda: {"tags": self._tags()})
        app.get("/api/index/map")(self.map)
        app.get("/api/index/entries/{entry}/thumbnail")(self.entry_thumbnail)
        app.get("/api/index/entries/{entry}/sound.wav")(lambda entry: self._sound(300 + 20 * self._row(entry)))
        app.get("/api/jobs/{job}")(lambda job: self._job(job).public())
        app.delete("/api/jobs/{job}")(self.cancel)
        app.get("/api/jobs/{job}/events")(self.events)
        app.get("/api/jobs/{job}/speech.wav")(self.speech)
        app.get("/api/jobs/{job}/files/speech.wav")(lambda job: self._sound(330, SPEECH_S))
        app.get("/api/jobs/{job}/files/{name}")(lambda job, name: Response(f"{job} {name}", media_type="text/plain"))
        return app

    def status(self) -> dict[str, Any]:
        lane = {"state": "ready", "reason": None, "queued": 0}
        return {
            "version": "0.0",
            "model": {"name": "base", "sha256": "5e" * 32, "title": "AVOL-Net, base"},
            "lanes": dict.fromkeys(("localize", "search", "describe"), lane),
            "index": {"folder": "archive", "images": 200, "sounds": 100, "files": 20},
            "describer": {"name": "flickr", "title": "Flickr8k", "words": True, "voices": ["another"]},
            "can": self.can,
            "limits": {"upload_mb": 500, "duration_s": 3600, "image_pixels": 100_000_000},
        }

    async def add_media(self, request: Request, name: str) -> dict[str, Any]:
        content = await request.body()
        media = f"m{len(self.media)}"
        path = self.folder / media
        path.write_bytes(content)
        facts: dict[str, Any] = {"width": None, "height": None, "duration_s": None, "fps": None, "has_sound": False}
        try:
            if is_image(path):
                height, width = read_image(path).shape[:2]
                facts |= {"kind": "image", "width": width, "height": height}
            else:
                tracks = probe(path)
                facts |= {"duration_s": tracks.duration_s, "has_sound": tracks.audio is not None, "kind": "sound"}
                if video := tracks.video:
                    facts |= {"kind": "video", "width": video.width, "height": video.height, "fps": video.fps}
        except AvnetError as error:
            raise HTTPException(415, {"reason": error.reason, "subject": name}) from None
        self.uploads[media] = content
        self.media[media] = {"id": media, "name": name, "bytes": len(content), "expires_s": 600} | facts
        return self.media[media]

    def thumbnail(self, media: str, at: float = 0.0, short_side: int = 160) -> Response:
        medium = self._medium(media)
        if medium["kind"] == "image":
            image = Image.open(self.folder / media).convert("RGB")
            image.thumbnail((2 * short_side, 2 * short_side))
        else:
            image = picture(round(10 * at), short_side)
        return jpeg(image)

    async def localize(self, request: Request) -> dict[str, Any]:
        body = await self._body(request)
        medium = self._medium(body["media"])
        span = medium["duration_s"] or 1.0
        still = medium["kind"] == "image"

        async def work(job: Job) -> None:
            times = np.asarray([span / 2]) if still else (np.arange(max(1, round(span * FPS))) + 0.5) / FPS
            for some in np.array_split(times, max(1, len(times) // 4)):
                grids = np.stack([blob(at, span) for at in some])
                verdicts = [verdict(at, grid, span, body["threshold"]) for at, grid in zip(some, grids, strict=True)]
                await job.tell(
                    "moments",
                    {"times": some.tolist(), "rows": ROWS, "columns": COLUMNS, "class": None, "verdicts": verdicts}
                    | {"heatmaps": encoded(grids)},
                )
                done = int(np.searchsorted(times, some[-1])) + 1
                step = {"task": "localizing", "count": done, "total": len(times), "unit": "moments"}
                await job.tell("progress", step)
                await self._step()
            names = ["overlay.png" if still else "overlay.mp4", "heatmaps.npz", "scores.json"]
            job.files = {name: f"/api/jobs/{job.id}/files/{name}" for name in names}
            job.result = {"span_s": [0.0, span], "threshold": body["threshold"], "count": len(times), "classes": []}

        return self._start("localization", work)

    async def describe(self, request: Request) -> dict[str, Any]:
        body = await self._body(request)

        async def work(job: Job) -> None:
            await job.tell("progress", {"task": "describing", "count": 0, "total": 1, "unit": "images"})
            await job.tell("speech", {"seconds": SPEECH_S})
            await self._step()
            columns = np.arange(49) % 7
            attention = np.stack([np.exp(-((columns - 6 * unit / (UNITS - 1)) ** 2)) for unit in range(UNITS)])
            medium = self._medium(body["media"])
            across, down = (1 - min(medium["width"], medium["height"]) / medium[side] for side in ("width", "height"))
            box = [across / 2, down / 2, 1 - across / 2, 1 - down / 2]
            maps = {"units": UNITS, "rows": 7, "columns": 7, "box": box, "maps": encoded(attention)}
            words = list(WORDS)
            job.files = {"speech.wav": f"/api/jobs/{job.id}/files/speech.wav"}
            job.result = {"sure": True, "confidence": 0.83, "duration_s": SPEECH_S, "words": words} | {
                "units": list(range(UNITS)),
                "attention": maps,
                "text": " ".join(words),
                "alternatives": [
                    {"text": " ".join(words), "probability": 0.75},
                    {"text": "a dog runs", "probability": 0.25},
                ],
                "neighbors": [{"image": "dog_12.jpg", "recording": 3, "similarity": 0.71}],
                "reason": "end",
            }

        return self._start("description", work)

    async def speech(self, job: str) -> Response:
        """While the job runs, as it comes and of unknown length."""
        found, sound = self._job(job), bytes(memoryview(self._sound(220, SPEECH_S).body))
        unknown = b"\xff" * 4
        front = sound[:4] + unknown + sound[8:40] + unknown

        async def stream() -> AsyncIterator[bytes]:
            yield front
            yield sound[44:]
            while found.state == "running":
                await asyncio.sleep(0.02)

        return StreamingResponse(stream(), media_type="audio/wav")

    async def index_folder(self, request: Request) -> dict[str, Any]:
        body = await self._body(request)
        if not Path(body["path"]).is_dir():
            raise HTTPException(404, {"reason": "is no folder", "subject": body["path"]})

        async def work(job: Job) -> None:
            for i in range(3):
                await job.tell("progress", {"task": "indexing", "count": i, "total": 3, "unit": "files"})
                await self._step()
            await job.tell("left_out", {"reason": "is damaged", "subject": "<b>broken</b>.mp4"})
            job.result = {"folder": body["path"], "images": 20, "sounds": 10, "files_added": 2, "left_out": 1}

        return self._start("indexing", work)

    async def search(self, request: Request) -> dict[str, Any]:
        body = await self._body(request)
        kinds = {"image": ["image"], "sound": ["sound"]}.get(body["kind"], ["image", "sound"])
        matches = [self._match(i, kinds[i % len(kinds)]) for i in range(min(body["k"], 8))]
        matches = [match for match in matches if body["source"] in match["file"]]
        return {"answers": [{"query": {"kind": "combined"}, "matches": matches}], "took_ms": 3.4}

    def map(self, method: str = "pca") -> Response:
        if method != "pca":
            raise HTTPException(422, {"reason": "UMAP is not installed", "subject": "method"})
        count, rng = self.points, np.random.default_rng(0)
        middles = rng.uniform(-0.8, 0.8, (12, 2))
        points = middles[rng.integers(0, 12, count)] + rng.normal(0, 0.07, (count, 2))
        points = np.clip(points, -1, 1).astype("<f4")
        kinds = np.zeros(-(-count // 4) * 4, np.uint8)
        kinds[:count] = rng.integers(0, 3, count) == 0
        header = json.dumps({"files": [f"videos/clip {i:02}.mp4" for i in range(20)]}).encode()
        rows = np.arange(count)
        arrays = [points[:, 0].tobytes(), points[:, 1].tobytes(), kinds.tobytes(), (rows % 20).astype("<u4").tobytes()]
        arrays += [(rows / 10).astype("<f4").tobytes(), np.zeros(count, "<u4").tobytes(), rows.astype("<u4").tobytes()]
        content = struct.pack("<II", count, len(header)) + header + b"".join(arrays)
        return Response(content, media_type="application/octet-stream")

    def entry_thumbnail(self, entry: str, short_side: int = 240) -> Response:
        if entry.endswith("7"):
            return Response(status_code=204)  # of a file without a picture
        return jpeg(picture(self._row(entry), short_side))

    async def cancel(self, job: str) -> dict[str, Any]:
        found = self._job(job)
        if found.work and not found.work.done():
            found.work.cancel()
            await found.end("cancelled")
        else:
            del self.jobs[job]
        return {}

    async def events(self, job: str, request: Request) -> StreamingResponse:
        found = self._job(job)
        first = int(request.headers.get("Last-Event-ID", 0))

        async def stream() -> AsyncIterator[str]:
            at = first
            while True:
                async with found.changed:
                    while len(found.events) <= at:
                        await found.changed.wait()
                name, data = found.events[at]
                at += 1
                yield f"id: {at}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
                if name in ("done", "failed", "cancelled"):
                    return

        return StreamingResponse(stream(), media_type="text/event-stream")

    async def _body(self, request: Request) -> dict[str, Any]:
        body = await request.json()
        self.bodies.append(body)
        return body

    async def _step(self) -> None:
        await asyncio.sleep(self.pace_s)
        while self.held:
            await asyncio.sleep(0.02)

    def _start(self, task: str, work: Callable[[Job], Awaitable[None]]) -> dict[str, Any]:
        job = Job(f"j{len(self.jobs)}-{time.monotonic_ns()}", task)

        async def run() -> None:
            job.state = "running"
            await job.tell("state", job.public())
            await work(job)
            await job.end("done")

        self.jobs[job.id] = job
        job.work = asyncio.create_task(run())
        return job.public()

    def _medium(self, media: str) -> dict[str, Any]:
        if media not in self.media:
            raise HTTPException(404, {"reason": "is not known here", "subject": media})
        return self.media[media]

    def _job(self, job: str) -> Job:
        if job not in self.jobs:
            raise HTTPException(404, {"reason": "is not known here", "subject": job})
        return self.jobs[job]

    def _row(self, entry: str) -> int:
        return int(entry.split("-")[1])

    def _match(self, i: int, kind: str) -> dict[str, Any]:
        match = {"rank": i + 1, "entry": f"0-{i}", "file": f"videos/clip {i:02}.mp4", "time_s": 1.5 * i, "kind": kind}
        return match | {"score": 0.9 - 0.05 * i, "probability": 0.95 - 0.1 * i, "missing": False}

    def _tags(self) -> list[dict[str, Any]]:
        return [{"name": name, "probability": 0.9 - 0.3 * i} for i, name in enumerate(NAMES)]

    def _sound(self, hz: float, seconds: float = 1.0) -> Response:
        path = self.folder / "tone.wav"
        time_s = np.arange(round(seconds * RATE)) / RATE
        write_wav(path, (0.2 * np.sin(2 * np.pi * hz * time_s)).astype(np.float32), RATE)
        return Response(path.read_bytes(), media_type="audio/wav")


def jpeg(image: Image.Image) -> Response:
    """An image as an answer."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return Response(buffer.getvalue(), media_type="image/jpeg")

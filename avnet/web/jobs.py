"""Jobs: what takes longer than a request, with a queue, progress, files, cancel and expiry."""

import asyncio
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from avnet.errors import AvnetError
from avnet.web.config import WebOptions
from avnet.web.events import EventLog
from avnet.web.lanes import Lane, Order, Stopped
from avnet.web.uploads import Media, in_use

State = Literal["queued", "running", "done", "failed", "cancelled"]
OVER = ("done", "failed", "cancelled")
# Jobs that are over and kept, of all visitors; the oldest go first.
MOST_KEPT = 500


class TooManyJobs(AvnetError):
    """A visitor has too many jobs waiting."""


@dataclass(eq=False)
class Job:
    """Something that a lane does for a visitor.

    Attributes:
        id: by which it is known; nobody guesses it.
        session: whose it is.
        task: 'localization', 'description' or 'indexing'.
        folder: of its files.
        log: all that happened.
        names: what paths of ours are called in words for the visitor.
        place: in the queue, from 1; 0 when it is not waiting.
        files: that may be fetched, by name.
        size: bytes of all that it left, once it is over.
    """

    id: str
    session: str
    task: str
    folder: Path
    log: EventLog
    names: dict[str, str]
    state: State = "queued"
    place: int = 0
    progress: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    result: Any = None
    files: dict[str, Path] = field(default_factory=dict)
    last_use: float = field(default_factory=time.monotonic)
    order: Order | None = None
    lane: Lane | None = None
    size: int = 0


class Jobs:
    """All jobs that are known.

    Attributes:
        folder: where their files lie.
    """

    def __init__(self, folder: Path, options: WebOptions):
        self.folder, self._options = folder, options
        folder.mkdir(mode=0o700)
        self._jobs: dict[str, Job] = {}
        self._tasks: set[asyncio.Task] = set()

    @property
    def size(self) -> int:
        """Bytes that the jobs left that are over."""
        return sum(job.size for job in self._jobs.values())

    def get(self, id: str, session: str) -> Job | None:
        """A job of a visitor; None where this visitor has none of this name."""
        job = self._jobs.get(id)
        if job is None or job.session != session:
            return None
        job.last_use = time.monotonic()
        return job

    def start(
        self,
        session: str,
        task: str,
        lane: Lane,
        values: dict[str, Any],
        media: tuple[Media, ...] = (),
        finish: Callable[[dict[str, Any]], Any] | None = None,
    ) -> Job:
        """Puts a job into the queue of a lane.

        Args:
            session: whose it is.
            task: its kind, and the name of the lane's task.
            lane: that does it.
            values: that the lane's task takes.
            media: which must not expire before.
            finish: awaited with the result, to add to it.

        Raises:
            TooManyJobs: too many of this visitor wait.
            AvnetError: as of `Lane.submit`.
        """
        waiting = sum(job.session == session and job.state == "queued" for job in self._jobs.values())
        if waiting >= self._options.jobs_queued:
            raise TooManyJobs(task, f"comes while {waiting} others of yours are waiting; try again later")
        id = secrets.token_urlsafe(16)
        folder = self.folder / id
        folder.mkdir(mode=0o700)
        (folder / "out").mkdir(mode=0o700)
        names = {str(one.path): one.name for one in media}
        job = Job(id, session, task, folder / "out", EventLog(folder / "events"), names, lane=lane)
        job.order = Order(task, values, job.folder, lambda *event: self._on_event(job, *event))
        job.order.on_place = lambda place: self._on_place(job, place)
        try:
            lane.submit(job.order)
        except AvnetError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._jobs[id] = job
        running = asyncio.get_running_loop().create_task(self._run(job, media, finish))
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)
        return job

    async def _run(self, job: Job, media: tuple[Media, ...], finish: Callable | None) -> None:
        assert job.order is not None
        with ExitStack() as stack:
            stack.enter_context(in_use(*media))
            try:
                result = await job.order.outcome
                if finish is not None:
                    await finish(result)
                job.files |= {name: job.folder / name for name in result.pop("files", ())}
                job.result = result
                self._end(job, "done")
            except Stopped:
                self._end(job, "cancelled")
            except AvnetError as error:
                job.error = self.in_words(job, {"reason": error.reason, "subject": error.subject})
                self._end(job, "failed")
            except Exception as error:  # a fault of ours, which must not leave those waiting who follow the job
                job.error = {"reason": f"met a fault of the server's own ({type(error).__name__})", "subject": job.task}
                self._end(job, "failed")
                raise
            finally:
                self._make_room()

    def _end(self, job: Job, state: State) -> None:
        job.state, job.place, job.order = state, 0, None
        job.last_use = time.monotonic()
        job.log.append(state, self.to_dict(job))
        job.log.close()
        job.size = sum(file.stat().st_size for file in job.folder.parent.rglob("*") if file.is_file())

    def _on_event(self, job: Job, kind: str, data: Any) -> None:
        if kind == "files":  # that are ready before the job is over
            job.files |= {name: job.folder / name for name in data}
            job.log.append("state", self.to_dict(job))
            return
        if kind == "progress":
            job.progress = data
        job.log.append(kind, self.in_words(job, data) if kind == "left_out" else data)

    def _on_place(self, job: Job, place: int) -> None:
        state: State = "queued" if place else "running"
        if (state, place) != (job.state, job.place):
            job.state, job.place = state, place
            job.log.append("state", self.to_dict(job))

    def cancel(self, job: Job) -> None:
        """Stops a job that waits or runs; forgets one that is over."""
        if job.state in OVER:
            self._forget(job)
        elif job.order is not None and job.lane is not None:
            job.lane.cancel(job.order)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        job.log.close()
        shutil.rmtree(job.folder.parent, ignore_errors=True)

    def _make_room(self) -> None:
        """Forgets the results that nobody has looked at for longest, where there are too many or they are too large."""
        over = sorted((job for job in self._jobs.values() if job.state in OVER), key=lambda job: job.last_use)
        for number, job in enumerate(over[:-1]):
            if len(over) - number <= MOST_KEPT and self.size <= self._options.disk_mb * 10**6:
                break
            self._forget(job)

    def expire(self) -> None:
        """Deletes jobs that are over and that nobody has looked at for long."""
        for job in list(self._jobs.values()):
            if job.state in OVER and self._expires_s(job) <= 0:
                self._forget(job)

    def _expires_s(self, job: Job) -> float:
        return job.last_use + 60 * self._options.keep_minutes - time.monotonic()

    def in_words(self, job: Job, error: dict[str, str]) -> dict[str, str]:
        """A refusal with the names that the visitor gave in place of our paths."""
        return {key: in_words(text, job.names) for key, text in error.items()}

    def to_dict(self, job: Job) -> dict[str, Any]:
        """What the visitor is told of a job."""
        return {
            "id": job.id,
            "task": job.task,
            "state": job.state,
            "position": job.place,
            "progress": job.progress,
            "error": job.error,
            "result": job.result,
            "files": {name: f"/api/jobs/{job.id}/files/{name}" for name in job.files},
            "expires_s": max(0.0, round(self._expires_s(job), 1)),
        }


def in_words(text: str, names: dict[str, str]) -> str:
    """A text with names in place of paths."""
    for path, name in names.items():
        text = text.replace(path, name)
    return text

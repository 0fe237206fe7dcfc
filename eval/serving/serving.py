"""`python -m eval serve`: the times that matter to those who use the page."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from avnet.errors import AvnetError
from eval.serving.config import ServeConfig
from eval.serving.visitor import Visitor

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Jobs before memory is first looked at: by then everything has been imported, compiled and allocated once.
SETTLED = 20


class Figure(NamedTuple):
    """One line of the table.

    Attributes:
        name: what was measured.
        values: of each round, in the unit.
        unit: s, ms, MB or %.
        target: at most so much for the worst of them; None for none.
    """

    name: str
    values: list[float]
    unit: str
    target: float | None


def serve(config: ServeConfig) -> list[Figure]:
    """Runs the whole command.

    Raises:
        AvnetError: the server does not start, or refuses what it is asked.
    """
    figures = list(_figures(config))
    print(f"{'avnet serve':<58}{'median':>9}{'p95':>9}{'most':>9}{'target':>9}")
    for figure in figures:
        values = sorted(figure.values)
        p95 = values[min(len(values) - 1, round(0.95 * (len(values) - 1)))]
        target = "-" if figure.target is None else f"{figure.target:g}"
        name = f"{figure.name}, {figure.unit}"
        print(f"{name:<58}{statistics.median(values):>9.2f}{p95:>9.2f}{values[-1]:>9.2f}{target:>9}")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return figures


def _figures(config: ServeConfig) -> Iterator[Figure]:
    with _server(config) as (process, address, began):
        visitor = Visitor(address)
        yield Figure("from the start of the command to the page", [time.perf_counter() - began], "s", 1.0)
        lanes = ["media", "localize"] + ["search"] * (config.index is not None)
        lanes += ["describe"] * (config.describer is not None)
        yield Figure("until all models are loaded and warm", [_ready(visitor, lanes) - began], "s", None)
        yield from _localizations(config, visitor)
        if config.index is not None and config.image is not None:
            yield from _searches(config, visitor, address)
        if config.describer is not None and config.image is not None:
            yield from _descriptions(config, visitor)
        yield _uploads(config, visitor)
        if config.image is not None and config.jobs > SETTLED:
            yield _memory(config, visitor, process.pid)


@contextlib.contextmanager
def _server(config: ServeConfig) -> Iterator[tuple[subprocess.Popen, str, float]]:
    command = [sys.executable, "-m", "avnet", "serve", "--model", config.model, "--port", "0"]
    command += [] if config.index is None else ["--index", str(config.index)]
    command += [] if config.describer is None else ["--describer", config.describer]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().strip()
        if not address:
            raise AvnetError("avnet serve", process.stderr.read().strip().removeprefix("error: "))
        yield process, address, began
    finally:
        process.terminate()
        process.communicate()


def _ready(visitor: Visitor, lanes: list[str]) -> float:
    while True:
        status = visitor.ask("GET", "/api/status")["lanes"]
        for name in lanes:
            if status[name]["state"] in ("failed", "off"):
                raise AvnetError(name, status[name]["reason"] or "is off")
        if all(status[name]["state"] == "ready" for name in lanes):
            return time.perf_counter()
        time.sleep(0.05)


def _jobs(rounds: int, visitor: Visitor, file: Path, jobs: str, event: str) -> tuple[list[float], list[float]]:
    """Seconds from the upload of a file to the first event of a kind, and to the end of the job, of each round."""
    first, whole = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        job = visitor.post(f"/api/{jobs}", {"media": visitor.send(file)})["id"]
        first.append(visitor.follow(job, event) - began)
        whole.append(visitor.follow(job) - began)
    return first, whole


def _localizations(config: ServeConfig, visitor: Visitor) -> Iterator[Figure]:
    first, whole = _jobs(config.rounds, visitor, config.video, "localizations", "moments")
    yield Figure("from the upload of the video to its first heatmaps", first, "s", 3.0)
    yield Figure("from the upload of the video to all files", whole, "s", 8.0)


def _searches(config: ServeConfig, visitor: Visitor, address: str) -> Iterator[Figure]:
    assert config.image is not None
    count = 4 * config.rounds

    def search(one: Visitor, media: str) -> float:
        began = time.perf_counter()
        one.post("/api/searches", {"queries": [{"media": media}]})
        return 1000 * (time.perf_counter() - began)

    media = visitor.send(config.image)
    index = visitor.ask("GET", "/api/status")["index"]
    entries = f"{index['images'] + index['sounds']:,} entries"
    yield Figure(f"a search among {entries}", [search(visitor, media) for _ in range(count)], "ms", 300.0)
    visitors = [Visitor(address) for _ in range(config.clients)]
    files = [one.send(config.image) for one in visitors]
    with ThreadPoolExecutor(config.clients) as pool:
        rows = pool.map(lambda pair: [search(*pair) for _ in range(count)], zip(visitors, files, strict=True))
        times = [value for row in rows for value in row]
    yield Figure(f"a search while {config.clients} visitors search", times, "ms", 1000.0)


def _descriptions(config: ServeConfig, visitor: Visitor) -> Iterator[Figure]:
    assert config.image is not None
    first, whole = _jobs(config.rounds, visitor, config.image, "descriptions", "speech")
    yield Figure("from the upload of the image to its first sound", first, "s", 2.0)
    yield Figure("from the upload of the image to its description", whole, "s", None)


def _uploads(config: ServeConfig, visitor: Visitor) -> Figure:
    began = time.perf_counter()
    with ThreadPoolExecutor(config.uploads) as pool:
        media = list(pool.map(lambda _: visitor.send(config.video), range(config.uploads)))
    seconds = time.perf_counter() - began
    kept = sum(visitor.ask("GET", f"/api/media/{one}")["id"] == one for one in media)
    return Figure(f"{config.uploads} uploads at once, of which {kept} were taken", [seconds], "s", None)


def _memory(config: ServeConfig, visitor: Visitor, pid: int) -> Figure:
    assert config.image is not None
    values, sizes = {"media": visitor.send(config.image), "sound": visitor.send(config.video)}, []
    for number in range(1, config.jobs + 1):
        visitor.follow(visitor.post("/api/localizations", values)["id"])
        if number in (SETTLED, config.jobs):
            sizes.append(_resident_mb(pid))
    growth = 100 * (sizes[1] / sizes[0] - 1)
    return Figure(f"growth of {sizes[0]:.0f} MB of memory from job {SETTLED} to {config.jobs}", [growth], "%", 5.0)


def _resident_mb(pid: int) -> float:
    """Memory of a process and all that it started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    pages = 0
    for member in family:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{member}/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6

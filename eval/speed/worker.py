"""The program's end of the pipe: starts a worker, asks it, ends it."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avnet.program.bounds import flag
from eval.speed.protocol import Facts, Ready, Refusal, Timing, from_line

# A worker that takes longer to get ready, or for one repetition, is ended.
LIMIT_S = 600.0


@dataclass(frozen=True)
class WorkerSpec:
    """How to start a worker.

    Attributes:
        module: that Python runs.
        options: its `Options`, a dataclass or a mapping.
        program: of the module, where it has several; its options are those of a command line, else they are JSON.
    """

    module: str
    options: Any
    program: str | None = None

    def command(self) -> list[str]:
        """The command line."""
        start = [sys.executable, "-m", self.module]
        if self.program is None:
            return [*start, json.dumps(self._values())]
        # As a user types them, so that the same program serves both.
        flags = [part for name, value in self._values().items() for part in (flag(name), str(value))]
        return [*start, self.program, *flags]

    def with_label(self, label: str) -> "WorkerSpec":
        """The same with other folders for what it makes, so that two can run side by side."""
        values = self._values()
        folders = {name: f"{values[name]}{label}" for name in ("folder", "out") if name in values}
        return WorkerSpec(self.module, {**values, **folders}, self.program)

    def _values(self) -> dict[str, Any]:
        return dict(self.options) if isinstance(self.options, Mapping) else asdict(self.options)


class Unavailable(Exception):
    """A worker cannot measure; the message is the reason, in one line."""


class Worker:
    """A worker in a process of its own; use it as a context.

    Args:
        spec: how to start it.
        root: checkout whose code it runs.
        environment: variables beside our own.
        log: file for what it prints.

    Attributes:
        facts: what it runs on and with.
    """

    def __init__(self, spec: WorkerSpec, root: Path, environment: Mapping[str, str], log: Path):
        self._log = log
        # Into a file: a pipe that nobody reads would fill up and stop the worker.
        with log.open("w") as stderr:
            self._process = subprocess.Popen(
                spec.command(),
                cwd=root,
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.facts: Facts = {}

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(OSError):
            # The end of its stdin tells it that there are no more requests.
            self._stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()

    @property
    def _stdin(self):
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stdout(self):
        assert self._process.stdout is not None
        return self._process.stdout

    def wait_ready(self) -> None:
        """Waits until it has warmed up.

        Raises:
            Unavailable: it cannot do what it is for.
        """
        answer = self._answer()
        assert isinstance(answer, Ready), answer
        self.facts = answer.facts

    def measure(self, way: str) -> Timing:
        """Asks for one repetition.

        Raises:
            Unavailable: it failed.
        """
        try:
            self._stdin.write(way + "\n")
            self._stdin.flush()
        except OSError:
            raise self._unavailable() from None
        answer = self._answer()
        assert isinstance(answer, Timing), answer
        return answer

    def _answer(self) -> Ready | Timing:
        # A read has no time limit; the end of the process ends the read.
        watch = threading.Timer(LIMIT_S, self._process.kill)
        watch.start()
        try:
            line = self._stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise self._unavailable()
        answer = from_line(line)
        if isinstance(answer, Refusal):
            raise Unavailable(answer.reason)
        return answer

    def _unavailable(self) -> Unavailable:
        code = self._process.wait()
        rows = [row for row in self._log.read_text(errors="replace").splitlines() if row.strip()]
        last_line = rows[-1].strip() if rows else "it printed nothing"
        return Unavailable(f"its process ended with {code} ({last_line}); see {self._log}")

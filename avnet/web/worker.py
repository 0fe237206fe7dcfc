"""A worker process: opens what a lane needs, then does one task after the other until the server hangs up.

Messages are JSON, in both directions. The server sends `{"task", "values", "folder"}` and, while a task runs,
`{"cancel": true}`; the worker sends `{"ready": {...}}` or `{"failed": reason}` once, and for each task any number of
`{"event", "data"}` and then one of `{"result"}`, `{"refusal"}`, `{"cancelled"}` and `{"broken"}`.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from avnet.errors import AvnetError
from avnet.events import Event, LeftOut, Progress

# Progress is told at most so often, seconds; its first and last step always.
PROGRESS_S = 0.2
END = object()


class Cancelled(BaseException):
    """The server wants no more of a task; not an Exception, since nothing on the way shall take it for a fault."""


@dataclass
class Context:
    """What a task knows of the world.

    Attributes:
        emit: tells the server of something: a kind, and plain values.
        cancelled: raises `Cancelled` where the server wants no more.
    """

    emit: Callable[[str, Any], None]
    cancelled: Callable[[], None]
    _folder: Path | None = None
    _told: dict[str, float] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the files of a job go."""
        assert self._folder is not None, "only jobs leave files"
        return self._folder

    def on_event(self, event: Event) -> None:
        """The listener of an app.

        Raises:
            Cancelled: the server wants no more.
        """
        self.cancelled()
        if isinstance(event, LeftOut):
            self.emit("left_out", {"reason": event.refusal.reason, "subject": event.refusal.subject})
        elif isinstance(event, Progress):
            now = time.monotonic()
            if event.count not in (0, event.total) and now - self._told.get(event.task, 0.0) < PROGRESS_S:
                return
            self._told[event.task] = now
            self.emit("progress", asdict(event))


Task = Callable[[dict[str, Any], Context], Any]
"""Takes plain values, and gives plain values."""


@dataclass(frozen=True)
class Tasks:
    """What a lane can do.

    Attributes:
        tasks: by name.
        facts: plain values that the server tells those who ask for its status.
        idle: what is done a step at a time while nobody asks for anything, such as compiling for further shapes.
    """

    tasks: Mapping[str, Task]
    facts: dict[str, Any] = field(default_factory=dict)
    idle: Iterable[None] = ()


def run(connection: Connection, opener: str, settings: dict[str, Any]) -> None:
    """Runs a worker; the target of its process.

    Args:
        connection: to the server.
        opener: `module:function` that takes the settings and gives `Tasks`.
        settings: plain values.
    """
    # Ctrl-C is for the server, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _end_with_parent()
    try:
        module, _, name = opener.partition(":")
        tasks: Tasks = getattr(import_module(module), name)(settings)
    except AvnetError as error:
        _send(connection, {"failed": str(error)})
        return
    except Exception as error:
        traceback.print_exc()
        _send(connection, {"failed": f"could not be opened ({type(error).__name__})"})
        return
    _send(connection, {"ready": tasks.facts})
    with contextlib.suppress(EOFError, OSError):
        idle = iter(tasks.idle)
        while True:
            while not connection.poll() and next(idle, END) is not END:
                pass
            request = json.loads(connection.recv_bytes())
            if "task" in request:  # else a task is cancelled that was done already
                _send(connection, _outcome(connection, tasks.tasks[request["task"]], request))


def _outcome(connection: Connection, task: Task, request: dict[str, Any]) -> dict[str, Any]:
    def emit(kind: str, data: Any) -> None:
        _send(connection, {"event": kind, "data": data})

    def cancelled() -> None:
        # While a task runs, the server sends nothing else.
        if connection.poll():
            connection.recv_bytes()
            raise Cancelled

    folder = Path(request["folder"]) if request["folder"] else None
    try:
        return {"result": task(request["values"], Context(emit, cancelled, folder))}
    except Cancelled:
        return {"cancelled": True}
    except AvnetError as error:
        return {"refusal": {"reason": error.reason, "subject": error.subject, "kind": type(error).__name__}}
    except Exception as error:  # a fault of ours in one task is no reason to end the others
        traceback.print_exc()
        return {"broken": type(error).__name__}


def _send(connection: Connection, message: dict[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _end_with_parent() -> None:
    """Ends this process when its parent is killed, be it in the middle of a task."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        sys.stderr.flush()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

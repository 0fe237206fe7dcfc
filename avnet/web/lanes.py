"""Lanes: worker processes that each do one task at a time, in the order in which they were asked.

A lane opens its model in the background, is started again when its process dies, and refuses what it cannot do in
words. All of this happens on the loop of the server; a thread for each process waits for its messages.
"""

import asyncio
import contextlib
import json
import multiprocessing
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from avnet.errors import AvnetError
from avnet.web import worker

State = Literal["loading", "ready", "failed", "off"]
# A worker that is told to stop and does not is killed after so many seconds.
OBEY_S = 3.0
# Workers that import and load take all cores; the first page, which is wanted at once, comes before them. Seconds.
PAGE_FIRST_S = 0.2
# A worker that dies before it is ready is started again so often.
STARTS = 3
SPAWN = multiprocessing.get_context("spawn")


class Busy(AvnetError):
    """A lane has as many tasks waiting as it takes."""


class Unavailable(AvnetError):
    """A lane cannot work: what it needs is not there, or could not be opened."""


class Stopped(Exception):
    """A task was cancelled."""


class Broken(AvnetError):
    """The worker of a task died of it, or met a fault of ours."""


class Refused(AvnetError):
    """An app refused what it was given."""


def _nothing(*_: Any) -> None:
    """The listener that does nothing."""


@dataclass(eq=False)
class Order:
    """A task in a lane.

    Attributes:
        task: its name.
        values: plain values.
        folder: for its files; None where it leaves none.
        on_event: is told of what the worker emits: a kind, and plain values.
        on_place: is told of its place in the queue, from 1; 0 when it begins.
        outcome: its result, or why there is none.
    """

    task: str
    values: dict[str, Any]
    folder: Path | None = None
    on_event: Callable[[str, Any], None] = _nothing
    on_place: Callable[[int], None] = _nothing
    outcome: asyncio.Future = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    cancelled: bool = False


class Lane:
    """One worker process and those who wait for it.

    Attributes:
        name: of the lane.
        state: 'loading' until its worker is ready; 'off' for one that is not wanted, or starts when it is needed.
        reason: why it failed.
        facts: what its worker says of itself.
    """

    def __init__(self, name: str, opener: str, settings: dict[str, Any], most: int = 256, *, when_needed: bool = False):
        """Starts nothing yet.

        Args:
            name: of the lane.
            opener: `module:function`, as `avnet.web.worker.run` takes it.
            settings: of it.
            most: tasks that may wait.
            when_needed: start with the first task, not at once.
        """
        self.name, self.most, self.when_needed = name, most, when_needed
        self.state: State = "off" if when_needed else "loading"
        self.reason: str | None = None
        self.facts: dict[str, Any] = {}
        self._opener, self._settings = opener, settings
        self._waiting: deque[Order] = deque()
        self._arrived = asyncio.Event()
        self._current: Order | None = None
        self._process: _Process | None = None

    @property
    def queued(self) -> int:
        """Tasks that wait."""
        return len(self._waiting)

    def submit(self, order: Order) -> None:
        """Puts a task into the queue.

        Raises:
            Unavailable: the lane failed to start.
            Busy: too many wait already.
        """
        if self.state == "failed":
            raise Unavailable(self.name, f"is not available: {self.reason}")
        if len(self._waiting) >= self.most:
            raise Busy(self.name, f"has {self.most} tasks waiting; try again in a moment")
        self._waiting.append(order)
        self._arrived.set()
        self._tell_places()

    async def call(self, task: str, **values: Any) -> Any:
        """Has a task done that leaves no files, and waits for its result.

        Raises:
            AvnetError: as `submit`; the app refused it, or the worker died of it.
        """
        order = Order(task, values)
        self.submit(order)
        try:
            return await order.outcome
        except asyncio.CancelledError:
            self.cancel(order)
            raise

    def cancel(self, order: Order) -> None:
        """Stops a task: at once if it waits, else as soon as its worker obeys or is killed."""
        order.cancelled = True
        if order in self._waiting:
            self._waiting.remove(order)
            _settle(order, Stopped())
            self._tell_places()
        elif order is self._current and self._process is not None:
            self._process.stop_task(OBEY_S)

    async def run(self) -> None:
        """Keeps a worker at work until this is cancelled."""
        deaths = 0
        if self.when_needed:
            await self._arrived.wait()
        else:
            await asyncio.sleep(PAGE_FIRST_S)
        try:
            while self.state != "failed":
                self.state = "loading"
                self._process = _Process(self._opener, self._settings)
                first = await self._process.messages.get()
                if first is None:
                    deaths += 1
                    if deaths == STARTS:
                        self._fail("its process died while it was being opened")
                    self._process.end()
                    continue
                if "failed" in first:
                    self._fail(first["failed"])
                    continue
                self.state, self.facts, deaths = "ready", first["ready"], 0
                await self._work(self._process)
                self._process.end()
        finally:
            if self._process is not None:
                self._process.end()

    async def _work(self, process: "_Process") -> None:
        """Does tasks until the process dies."""
        while True:
            while not self._waiting:
                self._arrived.clear()
                if await process.ended_before(self._arrived):
                    return
            self._current = order = self._waiting.popleft()
            order.on_place(0)
            self._tell_places()
            process.send({"task": order.task, "values": order.values, "folder": str(order.folder or "")})
            if order.cancelled:
                process.stop_task(OBEY_S)
            alive = await self._follow(process, order)
            self._current = None
            if not alive:
                return

    async def _follow(self, process: "_Process", order: Order) -> bool:
        """Passes on what a worker says of a task; whether the worker lives on."""
        while (message := await process.messages.get()) is not None:
            if "event" in message:
                order.on_event(message["event"], message["data"])
                continue
            process.obeyed()
            if "result" in message:
                _settle(order, message["result"])
            elif "refusal" in message:
                _settle(order, Refused(message["refusal"]["subject"], message["refusal"]["reason"]))
            elif "cancelled" in message:
                _settle(order, Stopped())
            else:
                _settle(order, Broken(self.name, f"met a fault of its own ({message['broken']}); it goes on"))
            return True
        died = Broken(self.name, "died of this task; it is started again and others go on")
        _settle(order, Stopped() if order.cancelled else died)
        return False

    def _fail(self, reason: str) -> None:
        self.state, self.reason = "failed", reason
        while self._waiting:
            _settle(self._waiting.popleft(), Unavailable(self.name, f"is not available: {reason}"))

    def _tell_places(self) -> None:
        for place, order in enumerate(self._waiting, 1):
            order.on_place(place)


class _Process:
    """A worker process, and a thread that waits for what it says.

    Attributes:
        messages: from it; None once it has ended.
    """

    def __init__(self, opener: str, settings: dict[str, Any]):
        self._connection, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=worker.run, args=(theirs, opener, settings), daemon=True)
        self._process.start()
        theirs.close()
        self.messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        arguments = (self._connection, self.messages, asyncio.get_running_loop())
        threading.Thread(target=_receive, args=arguments, daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message; one that has died is noticed by what it says."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(json.dumps(message).encode())

    def stop_task(self, obey_s: float) -> None:
        """Asks the worker to stop its task, and kills it if it does not."""
        if self._timer is None:
            self.send({"cancel": True})
            self._timer = asyncio.get_running_loop().call_later(obey_s, self._process.kill)

    def obeyed(self) -> None:
        """The task is over; the worker lives."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def ended_before(self, event: asyncio.Event) -> bool:
        """Waits for an event; whether the process ended first."""
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self.messages.get())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return waits[1].done()
        finally:
            for wait in waits:
                wait.cancel()

    def end(self) -> None:
        """Kills the process."""
        self.obeyed()
        if self._process.is_alive():
            self._process.kill()
        self._process.join(5.0)
        # The thread that reads sees the end of the pipe and closes it.


def _receive(connection: Connection, messages: asyncio.Queue, loop: asyncio.AbstractEventLoop) -> None:
    def put(message: dict[str, Any] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server ends
            loop.call_soon_threadsafe(messages.put_nowait, message)

    with contextlib.suppress(EOFError, OSError), connection:
        while True:
            put(json.loads(connection.recv_bytes()))
    put(None)


def _settle(order: Order, outcome: Any) -> None:
    if order.outcome.done():
        return
    if isinstance(outcome, Exception):
        order.outcome.set_exception(outcome)
        order.outcome.exception()  # nobody may be waiting any more
    else:
        order.outcome.set_result(outcome)

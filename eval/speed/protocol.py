"""How the program and a worker talk: one JSON object a line.

A worker makes ready and says so; then it answers every request, the name of one of its ways, with the times of one
repetition, and it ends when there are no more. Requests come on its stdin, answers go to its stdout; whatever else it
prints goes to stderr.
"""

import contextlib
import faulthandler
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO, TypeVar

from avnet.errors import AvnetError

# Bytes in one of `ru_maxrss`.
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
# A worker that is not ready by then writes where it is to its log, and again after each such time.
TRACE_S = 60.0

Facts = Mapping[str, str | int | float]
Way = Callable[[], "Repetition"]
Options = TypeVar("Options")


@dataclass(frozen=True)
class Repetition:
    """One repetition.

    Attributes:
        seconds: of every sample in it, at least one.
        amount: pairs, frames, queries, ... that were done in each sample.
        peak_bytes: most memory of the processes that did it; None where it was the worker itself.
    """

    seconds: tuple[float, ...]
    amount: float
    peak_bytes: int | None = None


@dataclass(frozen=True)
class Ready:
    """A worker can be asked.

    Attributes:
        facts: what it runs on and with.
    """

    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Timing:
    """What one repetition took.

    Attributes:
        seconds: as in `Repetition`.
        amount: as in `Repetition`.
        peak_bytes: the most memory that the process has held so far.
        device_peak_bytes: the same on its accelerator; None where it has none.
    """

    seconds: tuple[float, ...]
    amount: float
    peak_bytes: int
    device_peak_bytes: int | None = None


@dataclass(frozen=True)
class Refusal:
    """A worker cannot do what it is for.

    Attributes:
        reason: in one line.
    """

    reason: str


Answer = Ready | Timing | Refusal
_KINDS: dict[str, type[Answer]] = {kind.__name__: kind for kind in (Ready, Timing, Refusal)}


def to_line(answer: Answer) -> str:
    """An answer as it goes over the pipe."""
    return json.dumps({"kind": type(answer).__name__, **asdict(answer)}) + "\n"


def from_line(line: str) -> Answer:
    """The answer that `to_line` wrote.

    Raises:
        ValueError: it is none.
    """
    values = json.loads(line)
    if not isinstance(values, dict) or values.get("kind") not in _KINDS:
        raise ValueError(f"{line[:80]!r} is not an answer of a worker")
    kind = _KINDS[values.pop("kind")]
    if "seconds" in values:
        values["seconds"] = tuple(values["seconds"])
    return kind(**values)


class Line:
    """The worker's end.

    Args:
        requests: a name on each line.
        answers: where answers go.

    Attributes:
        device_peak: the most memory held on an accelerator so far, bytes; None without one.
    """

    def __init__(self, requests: TextIO, answers: TextIO):
        self._requests, self._answers = requests, answers
        # A worker on an accelerator puts its own in here; the protocol imports no library that knows of devices.
        self.device_peak: Callable[[], int | None] = lambda: None

    def ready(self, facts: Facts) -> None:
        """Says that requests can come."""
        faulthandler.cancel_dump_traceback_later()
        self._send(Ready(facts))

    def next_request(self) -> str | None:
        """Waits for the next request; None when there are no more."""
        return self._requests.readline().strip() or None

    def answer(self, repetition: Repetition) -> None:
        """Answers a request."""
        peak = peak_bytes() if repetition.peak_bytes is None else repetition.peak_bytes
        self._send(Timing(repetition.seconds, repetition.amount, peak, self.device_peak()))

    def refuse(self, reason: str) -> None:
        """Says why nothing can be measured."""
        # An answer is one line.
        self._send(Refusal(" ".join(reason.split())))

    def _send(self, answer: Answer) -> None:
        self._answers.write(to_line(answer))
        # The program waits for this very line.
        self._answers.flush()


@contextlib.contextmanager
def line_of_process() -> Iterator[Line]:
    """The line of this process; what stops the worker becomes its last answer."""
    # Libraries and the code under test print, and no print may come between answers.
    answers = os.fdopen(os.dup(1), "w")
    # From here on what is printed goes to stderr.
    os.dup2(2, 1)
    # Compiling and the first run of a program are where an accelerator can hang without a word.
    faulthandler.dump_traceback_later(TRACE_S, repeat=True, file=sys.__stderr__ or 2)
    line = Line(sys.stdin, answers)
    try:
        yield line
    except (AvnetError, ImportError, MemoryError, RuntimeError) as error:
        # RuntimeError is what JAX and PyTorch raise when a device has no memory left.
        line.refuse(f"{error}".strip()[:400] or type(error).__name__)
    finally:
        faulthandler.cancel_dump_traceback_later()


def serve(line: Line, ways: Mapping[str, Way], facts: Facts) -> None:
    """Answers requests until there are no more.

    Args:
        line: of the worker.
        ways: what can be asked for, by name; all have been warmed up.
        facts: of the worker.
    """
    line.ready(facts)
    while (name := line.next_request()) is not None:
        line.answer(ways[name]())


def options_of_process(kind: type[Options]) -> Options:
    """The worker's options, a JSON object in its first argument.

    Args:
        kind: a dataclass whose fields they are.
    """
    return kind(**json.loads(sys.argv[1]))


def way_of(work: Callable[[], Any], amount: float, samples: int = 1) -> Way:
    """A way that does the same work so many times, each timed by itself.

    Args:
        work: returns when all is done, on a device too.
        amount: done by it.
        samples: in a repetition.
    """

    def way() -> Repetition:
        seconds = []
        for _ in range(samples):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
        return Repetition(tuple(seconds), amount)

    return way


def peak_bytes() -> int:
    """The most memory that this process has held."""
    with contextlib.suppress(OSError, StopIteration):
        # ru_maxrss begins with what the process that started this one held; the kernel's own mark does not.
        status = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(row.split()[1]) for row in status if row.startswith("VmHWM:"))
    return MAXRSS_UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

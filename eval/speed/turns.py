"""Taking turns: the workers of a part are asked one after the other, round by round."""

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from avnet.program.progress import progress
from eval.speed.figures import Measurement, Rounds, Spread, measurement, peaks_of, ratio
from eval.speed.names import RATIOS
from eval.speed.parts import Contender, Part
from eval.speed.protocol import Timing
from eval.speed.worker import Unavailable, Worker


@dataclass(frozen=True)
class Checkout:
    """Code to measure.

    Attributes:
        root: folder that Python runs in.
        label: behind the names of its contenders; empty for the code as it is.
    """

    root: Path
    label: str = ""


@dataclass(frozen=True)
class PartResult:
    """What a part showed.

    Attributes:
        measurements: in the order of the contenders.
        ratio: of the two that the part compares; None where one could not be measured.
        to_other: by name, how many times as fast as the other checkout; empty without one.
    """

    measurements: list[Measurement]
    ratio: Spread | None
    to_other: dict[str, Spread]


class Turns:
    """The workers of a part, in one process each.

    Args:
        part: what is measured.
        checkouts: whose code; the first is ours.
        environment: variables for the workers.
        logs: folder for what they print.
    """

    def __init__(self, part: Part, checkouts: list[Checkout], environment: Mapping[str, str], logs: Path):
        self.part = part
        self._environment, self._logs = environment, logs
        self._entries = [
            (_contender_of(item, checkout), checkout) for item in part.contenders for checkout in checkouts
        ]
        if len(checkouts) > 1:
            # What does not depend on the checkout would be measured twice for nothing.
            self._entries = [(item, checkout) for item, checkout in self._entries if _differs(item)]
        self._workers: dict[tuple[str, ...], Worker] = {}
        self._timings: dict[str, list[Timing]] = {item.name: [] for item, _ in self._entries}
        self._reasons = {item.name: item.without for item, _ in self._entries if item.without}

    def run(self) -> PartResult:
        """Starts all, asks them in turn, and ends them."""
        with contextlib.ExitStack() as stack:
            for item, checkout in self._entries:
                self._start(item, checkout, stack)
            for _ in progress(range(self.part.rounds), self.part.name, self.part.rounds, "rounds"):
                for item, checkout in self._entries:
                    if item.name not in self._reasons:
                        self._ask(item, checkout)
        return self._result()

    def _start(self, item: Contender, checkout: Checkout, stack: contextlib.ExitStack) -> None:
        key = _key(item, checkout)
        # Contenders with the same command share a process.
        if item.name in self._reasons or key in self._workers:
            return
        print(f"{self.part.name}: getting ready: {item.name}", file=sys.stderr, flush=True)
        log = self._logs / f"{self.part.name}-{len(self._workers)}.log"
        worker = stack.enter_context(Worker(item.worker, checkout.root, self._environment, log))
        self._workers[key] = worker
        try:
            worker.wait_ready()
        except Unavailable as unavailable:
            self._refuse(key, str(unavailable))

    def _ask(self, item: Contender, checkout: Checkout) -> None:
        key = _key(item, checkout)
        try:
            self._timings[item.name].append(self._workers[key].measure(item.way))
        except Unavailable as unavailable:
            self._refuse(key, str(unavailable))

    def _refuse(self, key: tuple[str, ...], reason: str) -> None:
        print(f"{self.part.name}: {reason}", file=sys.stderr, flush=True)
        # All that share the process are lost with it.
        names = [item.name for item, checkout in self._entries if _key(item, checkout) == key]
        self._reasons |= dict.fromkeys(names, reason)

    def _result(self) -> PartResult:
        rounds = {}
        for item, checkout in self._entries:
            if self._timings[item.name] and item.name not in self._reasons:
                facts = self._workers[_key(item, checkout)].facts
                rounds[item.name] = Rounds(
                    item.name, item.unit, self._timings[item.name], item.flop, item.is_peak, facts
                )
        peaks = peaks_of(list(rounds.values()))
        measurements = []
        for item, _ in self._entries:
            if item.name in rounds:
                measurements.append(measurement(self.part.name, rounds[item.name], peaks))
            else:
                reason = self._reasons[item.name]
                measurements.append(Measurement(self.part.name, item.name, item.unit, reason=reason))
        # A ratio needs both; without PyTorch there is none.
        pair = [rounds[name] for name in RATIOS.get(self.part.name, ()) if name in rounds]
        to_other = {}
        for item, checkout in self._entries:
            name = item.name.removesuffix(checkout.label)
            if checkout.label and name in rounds and item.name in rounds:
                to_other[name] = ratio(rounds[name], rounds[item.name])
        return PartResult(measurements, ratio(*pair) if len(pair) == 2 else None, to_other)


def _key(item: Contender, checkout: Checkout) -> tuple[str, ...]:
    return (str(checkout.root), *item.worker.command())


def _contender_of(item: Contender, checkout: Checkout) -> Contender:
    """The contender of a checkout; its worker gets folders of its own."""
    if not checkout.label:
        return item
    return replace(item, name=item.name + checkout.label, worker=item.worker.with_label(checkout.label.strip()))


def _differs(item: Contender) -> bool:
    """Whether what is measured depends on the checkout's code."""
    return not item.is_peak and not item.worker.module.endswith(".pytorch")

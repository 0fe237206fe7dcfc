"""What a person sees of a run: a bar on stderr with loss, examples per second and time left."""

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from train.engine.options import RunOptions


class Display:
    """The progress bar, and the clock behind its rates; use as a context."""

    def __init__(self, title: str, options: RunOptions, step: int, *, visible: bool = True):
        self._batch_size = options.batch_size
        self._step, self._since, self._wait_s = step, time.perf_counter(), 0.0
        text = TextColumn("{task.description} loss {task.fields[loss]} {task.fields[rate]}")
        columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not visible)
        self._task = self._bar.add_task(title, total=options.steps, completed=step, loss="-", rate="")

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(self, *_) -> None:
        self._bar.stop()

    def add_wait(self, seconds: float) -> None:
        """Counts time in which the step had no data."""
        self._wait_s += seconds

    def advance(self, step: int, values: dict[str, float]) -> dict[str, float]:
        """Moves the bar; returns examples_per_s and data_wait (share of the time) since the last call."""
        now = time.perf_counter()
        seconds = max(now - self._since, 1e-9)
        rate = (step - self._step) * self._batch_size / seconds
        share = self._wait_s / seconds
        # Rates are of the time since the last call, so that a slow start does not lower them for good.
        self._step, self._since, self._wait_s = step, now, 0.0
        self._bar.update(self._task, completed=step, loss=f"{values['loss']:.3f}", rate=f"{rate:.0f} examples/s")
        return {"examples_per_s": rate, "data_wait": share}

    def compare(self, name: str, before: dict[str, float], now: dict[str, float]) -> None:
        """Says how far a run that started from a model has come."""
        change = now[name] - before[name]
        verb = "is higher" if change > 0 else "is lower" if change < 0 else "has not changed"
        self.tell(f"step {now['step']:.0f}: validation {name} {verb}, {now[name]:.3f}; {before[name]:.3f} at first")

    def tell(self, text: str) -> None:
        """Prints a line above the bar."""
        if not self._bar.disable:
            self._bar.console.print(text, highlight=False, markup=False)

"""Training of anything, from a task to a model folder."""

import signal
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from avnet.errors import Interruption, TrainingError
from avnet.workers.memory import keep_memory
from train.engine.checkpoint import Checkpoints
from train.engine.devices import Devices, together
from train.engine.display import Display
from train.engine.metrics import MetricsLog
from train.engine.options import RunOptions
from train.engine.run_folder import MODEL, claim, folder_lock, refuse_foreign
from train.engine.step import create
from train.engine.task import Figures, Task

AfterStep = Callable[[int, Figures], None]


def train(
    out: Path,
    options: RunOptions,
    make_task: Callable[[Devices], Task],
    after_step: AfterStep | None = None,
    beside: Collection[str] = (),
) -> Path:
    """Runs, or resumes, a training run; with several processes, what each of them does.

    Args:
        out: folder of the run.
        options: of the run; all of them enter `run.json`.
        make_task: reads the data and builds the network, for the devices that there are.
        after_step: called after every update with its number, from 1, and its figures, which may not be computed yet.
        beside: names of what the task itself puts into the folder before the run.

    Returns:
        The model folder, `out / "model"`: the best network on validation.

    Raises:
        TrainingError: the folder is another run's, or busy, or the loss is no longer finite.
        Interruption: SIGTERM or Ctrl-C ended the run early; its state is saved and the same command goes on.
    """
    keep_memory()
    with together(options.coordinator, options.processes, options.process, out):
        devices = Devices()
        devices.check(options.batch_size, options.accumulate)
        # Before the lock, which is a file in that folder.
        refuse_foreign(out, beside)
        with folder_lock(out, active=devices.first):
            run(out, options, make_task(devices), devices, after_step)
    return out / MODEL


def run(out: Path, options: RunOptions, task: Task, devices: Devices, after_step: AfterStep | None = None) -> None:
    """The loop; arguments and refusals as of `train`."""
    first, alone = devices.first, devices.shard[1] == 1
    batches = task.batches(devices.shard)
    devices.meet()  # all have looked at the folder before any writes into it
    # Before the folder is claimed: a network that cannot compute as asked has begun no run.
    state, program = create(task.network, task.objective, task.optimizer, options, devices)
    claim(out, {**asdict(options), **task.fingerprints}, options.ADJUSTABLE, options.default)
    state = devices.everywhere(state)
    best: dict[str, float] = {}
    figures: Figures = {}
    step, stopping = 0, False

    def keep_best() -> dict[str, float]:
        """Validates, and writes the model if it is the best so far; returns the figures of the best."""
        network = program.network(devices.local(state))
        validation = task.validate(network)
        row = {"step": step, **validation.figures}
        log.write(step, "validation", row)
        if best.get("step") == 0:
            display.compare(task.measure.name, best, row)
        if not task.measure.better(row, best):
            return best
        if first:
            task.write(network, validation._replace(figures=row))
        return row

    with Checkpoints(out / "checkpoints") as checkpoints, StopSignal() as stop:
        if (checkpoint := checkpoints.restore(state)) is not None:
            step, state, progress = checkpoint
            best = progress["best"]
            batches.restore(progress["batches"])
        log = MetricsLog(out, step, tensorboard=options.tensorboard, first=first)
        with log, Display(task.title, options, step, visible=first) as display:
            if step == 0 and options.from_model:
                best = keep_best()
            while step < options.steps and not stopping:
                waiting = time.perf_counter()
                batch = next(batches)
                display.add_wait(time.perf_counter() - waiting)
                before, batch = figures, program.explore(state, batch, step)
                state, figures = program.update(state, devices.split(batch), jnp.int32(step))
                # One step ahead keeps the device busy; further ahead would only drain the batches that were read.
                jax.block_until_ready(before)
                step += 1
                if after_step is not None:
                    after_step(step, figures)
                due = (options.log_every, options.validate_every, options.checkpoint_every)
                if step == options.steps or any(step % every == 0 for every in due):
                    values = finite(figures, step, out)
                    log.write(step, "train", {**values, **display.advance(step, values)})
                if step % options.validate_every == 0 or step == options.steps:
                    best = keep_best()
                # After the validation of the same step, so that a resumed run knows the best.
                if step % options.checkpoint_every == 0:
                    checkpoints.save(step, state, {"batches": batches.state, "best": best})
                # To agree, all processes wait for each other, which is too slow for every step.
                if alone or step % options.log_every == 0:
                    stopping = devices.agree(stop.is_set)
            # The checkpoint remembers the best figures, but the model that had them may have been deleted since.
            if step == options.steps and devices.agree(first and not (out / MODEL).exists()):
                best = {}
                best = keep_best()
            checkpoints.save(step, state, {"batches": batches.state, "best": best})
            if step == options.steps and best["step"] == 0:
                display.tell("validation never rose: the model is the one that the run started from; try more data")
    batches.close()
    if step < options.steps:
        raise Interruption(f"stopped at step {step} of {options.steps}; the same command goes on from there")


def finite(figures: Figures, step: int, out: Path) -> dict[str, float]:
    """Fetches the figures of a step, or ends the run where they are no numbers.

    Raises:
        TrainingError: the loss or the gradient is not finite.
    """
    values = {name: float(value) for name, value in figures.items()}
    if all(np.isfinite(value) for value in values.values()):
        return values
    reason = f"loss or gradient is not finite at step {step}; the last good checkpoint is kept"
    raise TrainingError(out, f"{reason}, try a smaller --learning-rate")


class StopSignal:
    """Turns SIGTERM and Ctrl-C into a request that the loop honors after the current step; use as a context."""

    def __init__(self):
        self.is_set = False
        # Put back at the end, since the caller may have handlers of its own.
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, *_) -> None:
        self.is_set = True

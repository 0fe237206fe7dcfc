"""The loop of the speech programs: updates, validation, the best state kept, and a stop that loses nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from avnet.errors import Stopped, TrainingError
from train.engine.checkpoint import Checkpoints
from train.engine.loop import StopSignal
from train.engine.metrics import MetricsLog
from train.engine.run_folder import claim, refuse_foreign

LOG_EVERY = 20


@dataclass(frozen=True)
class Fit:
    """A run.

    Attributes:
        out: its folder; it goes on from the last checkpoint there.
        plan: all that decides the result, as plain values; a folder with another plan is refused.
        steps: updates.
        validate_every: updates between validations; a checkpoint follows each.
        measure: name of the validation figure by which the best state is kept.
        lowest: whether a lower figure is better.
    """

    out: Path
    plan: dict[str, Any]
    steps: int
    validate_every: int
    measure: str
    lowest: bool = False

    def run(
        self,
        state: Any,
        update: Callable[[Any, dict[str, np.ndarray], Any], tuple[Any, dict[str, Any]]],
        batch_at: Callable[[int], dict[str, np.ndarray]],
        validate: Callable[[Any], dict[str, float]],
        keep: Callable[[Any, dict[str, float]], None],
    ) -> None:
        """Updates until all steps are done.

        Args:
            state: before the first step, any tree of arrays.
            update: jitted: state, batch, number of the step -> state and figures, of which 'loss' is shown.
            batch_at: the batch of a step, a function of its number alone.
            validate: figures of a state.
            keep: writes a state that is the best so far, with its figures.

        Raises:
            TrainingError: the folder holds another run, or the loss is no longer finite.
            Stopped: SIGTERM or Ctrl-C ended the run early; the same command goes on.
        """
        refuse_foreign(self.out)
        claim(self.out, self.plan)
        stop, step, best = StopSignal(), 0, {}
        with Checkpoints(self.out / "checkpoints") as checkpoints, stop:
            if (restored := checkpoints.restore(state)) is not None:
                step, state, best = restored
            with MetricsLog(self.out, step) as log, self._bar() as bar:
                task = bar.add_task(self.out.name, total=self.steps, completed=step, loss="-")
                while step < self.steps and not stop.requested:
                    state, metrics = update(state, batch_at(step), jnp.int32(step))
                    step += 1
                    due = step % self.validate_every == 0 or step == self.steps
                    if due or step % LOG_EVERY == 0:
                        values = self._finite(metrics, step)
                        log.write(step, "train", values)
                        bar.update(task, completed=step, loss=f"{values['loss']:.3f}")
                    if due:
                        row = {"step": step, **validate(state)}
                        log.write(step, "validation", row)
                        if not best or self._better(row, best):
                            keep(state, row)
                            best = row
                        checkpoints.save(step, state, best)
            checkpoints.save(step, state, best)
        if step < self.steps:
            raise Stopped(f"stopped at step {step} of {self.steps}; the same command goes on from there")

    def _better(self, row: dict[str, float], best: dict[str, float]) -> bool:
        ours, theirs = row[self.measure], best[self.measure]
        return ours < theirs if self.lowest else ours > theirs

    def _finite(self, metrics: dict[str, Any], step: int) -> dict[str, float]:
        values = {name: float(value) for name, value in metrics.items()}
        if all(np.isfinite(value) for value in values.values()):
            return values
        raise TrainingError(self.out, f"the loss is not finite at step {step}; try a smaller --learning-rate")

    def _bar(self) -> Progress:
        text = TextColumn("{task.description} loss {task.fields[loss]}")
        columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True))
        return Progress(*columns, console=Console(stderr=True))


def schedule_of(learning_rate: float, steps: int):
    """Warm-up over a twentieth of the steps, then a cosine to zero."""
    return optax.schedules.warmup_cosine_decay_schedule(0.0, learning_rate, max(1, steps // 20), max(2, steps))

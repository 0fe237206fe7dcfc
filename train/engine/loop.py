"""Training, from records to a model folder."""

import signal
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from avnet.correspondence.model import Model
from avnet.correspondence.network import build
from avnet.errors import Stopped, TrainingError
from data.corpus.collection import records_of
from data.records.listing import evaluation_pairs
from data.records.loader import load_batches
from data.records.pairs import PairConfig
from data.records.records import fingerprint, open_split
from train.correspondence.card import model_card
from train.correspondence.config import TrainConfig
from train.correspondence.step import Metrics, Program, TrainState, create
from train.correspondence.validation import ValidationSet, score_all, summarize, validation_set
from train.correspondence.warm_start import start_from
from train.engine.calibration import fit_calibration
from train.engine.checkpoint import Checkpoints, has_checkpoint
from train.engine.devices import Devices, together
from train.engine.display import Display
from train.engine.metrics import MetricsLog
from train.engine.run_folder import claim, refuse_foreign

# In the folder of a run, where it was given videos.
RECORDS = "records"


def train(config: TrainConfig, after_step: Callable[[int, Metrics], None] | None = None) -> Path:
    """Runs, or resumes, a training run.

    Args:
        config: the run.
        after_step: called after every update with its number, from 1, and its metrics, which may not be computed yet.

    Returns:
        The model folder, `config.out / "model"`: the best state on validation.

    Raises:
        DataError: the records cannot be used.
        TrainingError: the run folder is another run's, or the loss is no longer finite.
        Stopped: SIGTERM or Ctrl-C ended the run early; its state is saved and the same command goes on.
    """
    config = config.resolved()
    with together(config.coordinator, config.processes, config.process, config.out):
        return run(config, Devices(), after_step)


def train_and_print(config: TrainConfig) -> None:
    """As `train`, and prints the model folder."""
    print(train(config))


def run(config: TrainConfig, devices: Devices, after_step: Callable[[int, Metrics], None] | None = None) -> Path:
    """What each process of a run does; arguments, result and refusals as of `train`."""
    first, alone = devices.first, devices.shard[1] == 1
    devices.check(config.batch_size, config.accumulate)
    refuse_foreign(config.out, (RECORDS,))
    network = build(config.model, rngs=nnx.Rngs(config.seed))
    canvas = round(network.config.image_size * 256 / 224)
    config = replace(config, data=records_of(config.data, config.out / RECORDS if alone else None, canvas))
    source = open_split(config.data, "train", network.config.spectrogram.sample_rate)
    clip_samples, size = network.config.clip_samples, network.config.image_size
    listed = evaluation_pairs(
        config.data, "validation", clip_samples, one_per_video=False, limit=config.validation_pairs
    )
    held_out = validation_set(listed, size)
    pairs = PairConfig(
        clip_samples,
        canvas=canvas,
        misalignment_s=config.misalignment_s,
        negatives=0.0 if config.loss == "contrastive" else 0.5,
        snap=config.snap_negatives,
    )
    batches = load_batches(source, pairs, config.batch_size, config.seed, threads=config.threads, shard=devices.shard)
    if config.init_from is not None and not has_checkpoint(config.out / "checkpoints"):
        start_from(network, config.init_from, held_out)
    devices.meet()  # all have looked at the folder before any writes into it
    claim(config.out, {**asdict(config), "records": fingerprint(config.data)}, ADJUSTABLE)
    state, program = create(config, network, len(source) / config.batch_size, devices)
    state = devices.everywhere(state)
    stop = StopSignal()
    best: dict[str, float] = {}
    metrics: Metrics = {}
    step, stopped = 0, False
    with Checkpoints(config.out / "checkpoints") as checkpoints, stop:
        if (restored := checkpoints.restore(state)) is not None:
            step, state, progress = restored
            best = progress["best"]
            batches.restore(progress["batches"])
        log = MetricsLog(config.out, step, tensorboard=config.tensorboard, first=first)
        with log, Display(config, step, shown=first) as display:
            while step < config.steps and not stopped:
                waiting = time.perf_counter()
                batch = next(batches)
                display.waited(time.perf_counter() - waiting)
                before = metrics
                state, metrics = program.train_step(state, devices.split(batch), jnp.int32(step))
                # One step ahead keeps the device busy; further ahead would only drain the batches that were read.
                jax.block_until_ready(before)
                step += 1
                if after_step is not None:
                    after_step(step, metrics)
                due = (config.log_every, config.validate_every, config.checkpoint_every)
                if step == config.steps or any(step % every == 0 for every in due):
                    values = finite(metrics, step, config)
                    log.write(step, "train", {**values, **display.advance(step, values)})
                if step % config.validate_every == 0 or step == config.steps:
                    best = keep_best(config, program, state, held_out, step, best, log, first)
                if step % config.checkpoint_every == 0:
                    checkpoints.save(step, state, {"batches": batches.state, "best": best})
                if alone or step % config.log_every == 0:
                    stopped = devices.agree(stop.requested)
        if step == config.steps and devices.agree(first and not (config.out / "model").exists()):
            with MetricsLog(config.out, step, first=first) as log:
                best = keep_best(config, program, state, held_out, step, {}, log, first)
        checkpoints.save(step, state, {"batches": batches.state, "best": best})
    batches.close()
    if step < config.steps:
        raise Stopped(f"stopped at step {step} of {config.steps}; the same command goes on from there")
    return config.out / "model"


def keep_best(
    config: TrainConfig,
    program: Program,
    state: TrainState,
    held_out: ValidationSet,
    step: int,
    best: dict[str, float],
    log: MetricsLog,
    first: bool,
) -> dict[str, float]:
    """Validates, and writes the model folder, calibrated, if this state is the best so far; returns the best row.

    Every process of a run on several machines does it, and the first one writes.
    """
    scores = score_all(program, state, held_out)
    row = {"step": step, **summarize(scores, held_out.same_video)}
    log.write(step, "validation", row)
    if best and row["auc"] <= best["auc"]:
        return best
    slope, shift = fit_calibration(scores, held_out.same_video)
    network = nnx.merge(program.eval_graph, state.params, state.stats, copy=True)
    network.rescale(slope, shift)
    row = {"step": step, **summarize(slope * scores + shift, held_out.same_video)}
    if first:
        Model(network.config, network).save(config.out / "model", model_card(config, row, len(scores)))
    return row


def finite(metrics: Metrics, step: int, config: TrainConfig) -> dict[str, float]:
    """Fetches the metrics of a step, or ends the run where they are no numbers.

    Raises:
        TrainingError: the loss or the gradient is not finite.
    """
    values = {name: float(value) for name, value in metrics.items()}
    if all(np.isfinite(value) for value in values.values()):
        return values
    raise TrainingError(
        config.out,
        f"loss or gradient is not finite at step {step}; the last good checkpoint is kept, "
        f"try a --learning-rate below {config.learning_rate:g}",
    )


# Options that change neither the mathematics nor the data (whose fingerprint counts, not their place): they may differ
# when a run is resumed.
ADJUSTABLE = {
    *("out", "data", "log_every", "threads", "tensorboard", "checkpoint_every", "remat"),
    *("coordinator", "processes", "process"),
}


class StopSignal:
    """Turns SIGTERM and Ctrl-C into a request that the loop honours after the current step; use as a context."""

    def __init__(self):
        self.requested = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._request)
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _request(self, *_) -> None:
        self.requested = True

"""`python -m train pace`: how fast training is, asked by `python -m eval speed` for our step and for the whole loop.

Evaluation imports nothing of training, so it starts this as a user would start training, and talks to it over a pipe.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx

from avnet.correspondence.network import build
from data.records.pairs import canvas_of
from eval.speed import protocol
from eval.speed.config import PaceConfig
from eval.speed.protocol import Facts, Line, Repetition
from eval.speed.workers import on_jax
from eval.speed.workers.synthetic import random_images, sounds
from train.correspondence.backbones import network_config
from train.correspondence.config import TrainConfig
from train.correspondence.objective import objective_of, optimizer_of
from train.correspondence.program import train
from train.engine.step import create
from train.engine.task import Figures

# More than is ever measured; also between validations, checkpoints and lines of the log, which are not measured.
ENDLESS = 10**9


class EndOfRequests(Exception):
    """There are no more requests."""


def train_config(options: PaceConfig) -> TrainConfig:
    """The run that is measured."""
    config = TrainConfig(
        "ave",
        Path(options.records),
        Path(options.out),
        preset=options.preset,
        loss="correspondence",
        steps=ENDLESS,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        compute=options.compute,
        augmentation="paper",
        validate_every=ENDLESS,
        checkpoint_every=ENDLESS,
        log_every=ENDLESS,
        threads=options.threads,
    ).with_defaults()
    return config


def steps_of(config: TrainConfig, count: int) -> Callable[[], None]:
    """So many training steps as the loop does them, on one fixed batch that lies on the device."""
    network = build(network_config(config), rngs=nnx.Rngs(config.seed))
    state, program = create(network, objective_of(config), optimizer_of(config, steps_per_epoch=1.0), config)
    canvas = canvas_of(network.config.image_size)
    # On the device from the start: the step alone is measured, not the transfer.
    batch = jax.device_put(
        {
            "image": random_images(config.batch_size, canvas),
            "waveform": sounds(config.batch_size, network.config.clip_samples),
            "label": jnp.arange(config.batch_size) % 2,
            "video": jnp.arange(config.batch_size),
        }
    )
    number = 0

    def steps() -> None:
        nonlocal state, number
        figures: Figures = {}
        for _ in range(count):
            state, figures = program.update(state, batch, jnp.int32(number))
            number += 1
        jax.block_until_ready((state, figures))

    return steps


class BetweenSteps:
    """What `train` calls after each of its steps: it waits there for requests, and times the steps between them.

    Args:
        line: of the worker.
        facts: of the worker, told when the first step has been done.
        options: how many steps count.
    """

    def __init__(self, line: Line, facts: Facts, options: PaceConfig):
        assert options.lead >= 1
        self._line, self._facts, self._options = line, facts, options
        self._first, self._last = 0, 1  # of the steps that count; step 1 compiles
        self._began = 0.0

    def __call__(self, step: int, figures: Figures) -> None:
        """Takes the number of a step, from 1, and its figures.

        Raises:
            EndOfRequests: there are no more requests.
        """
        if step == self._first:
            jax.block_until_ready(figures)
            # Steps that lead have ended on the device by now; JAX returns before it has computed.
            self._began = time.perf_counter()
        if step < self._last:
            return
        jax.block_until_ready(figures)
        seconds = time.perf_counter() - self._began
        if step == 1:
            self._line.ready(self._facts)
        else:
            self._line.answer(Repetition((seconds,), self._options.batch_size * self._options.repeats))
        if self._line.next_request() is None:
            raise EndOfRequests
        self._first = step + self._options.lead
        self._last = self._first + self._options.repeats


def pace(config: PaceConfig) -> None:
    """Answers the request "step" or "loop", in pairs, until there are no more."""
    with protocol.line_of_process() as line:
        line.device_peak = on_jax.device_peak
        run = train_config(config)
        facts = {**on_jax.facts(), "compute": run.compute}
        if config.way == "loop":
            with contextlib.suppress(EndOfRequests):
                train(run, BetweenSteps(line, {**facts, "threads": config.threads}, config))
            return
        steps = steps_of(run, config.repeats)
        steps()
        way = protocol.way_of(steps, config.batch_size * config.repeats)
        protocol.serve(line, {"step": way}, facts)

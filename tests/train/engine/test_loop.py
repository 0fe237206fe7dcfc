import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from metrics_rows import read_metrics

from avnet.errors import ConfigError, Interruption, TrainingError
from train.engine import loop
from train.engine.options import RunOptions
from train.engine.run_folder import LOCK, MODEL, RUN, claim, folder_lock
from train.engine.step import warmup_cosine
from train.engine.task import BatchesByStep, Measure, Objective, Validation

ROOT = Path(__file__).parents[3]


Scores = Iterable[float] | Callable[["Point"], float]


class Point(nnx.Module):
    """Moves to where its batches are."""

    def __init__(self):
        self.place = nnx.Param(jnp.zeros(3))


def batch_at(step: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(step).normal(size=(4, 3)).astype(np.float32)}


def features(model, batch, key):
    return batch["x"] - model.place[...]


def loss(model, features, batch):
    return jnp.square(features).mean(), {}


class Toy:
    """A task whose validation gives one score after the other, and which remembers what was written."""

    title = "toy"

    def __init__(self, out: Path, scores: Scores, measure: Measure, batches=batch_at, loss=loss):
        self.scores = scores if callable(scores) else iter(scores)
        self.out, self.measure, self.batch_at = out, measure, batches
        self.objective, self.fingerprints = Objective(features, loss), {"data": "a"}
        self.network, self.optimizer = Point(), optax.adam(0.1)
        self.written: list[tuple[int, float]] = []

    def batches(self, shard):
        return BatchesByStep(self.batch_at, shard)

    def validate(self, network) -> Validation:
        score = self.scores(network) if callable(self.scores) else next(self.scores)
        return Validation({"score": score}, "evidence")

    def write(self, network, validation: Validation) -> None:
        assert validation.evidence == "evidence"
        self.written.append((int(validation.figures["step"]), float(network.place[...].sum())))
        (self.out / MODEL).mkdir(exist_ok=True)


def run(out: Path, scores: Scores, lowest: bool = False, batches=batch_at, loss=loss, **changes):
    """Trains the toy; the steps at which it was written, with the sum of its place."""
    sizes: dict[str, Any] = {"steps": 6, "validate_every": 2, "checkpoint_every": 2, "batch_size": 4}
    toy = Toy(out, scores, Measure("score", lowest), batches, loss)
    assert loop.train(out, RunOptions(**sizes | changes), lambda devices: toy) == out / MODEL
    return toy.written


@pytest.mark.parametrize(("lowest", "best"), [(False, [2, 6]), (True, [2, 4])])
def test_the_best_network_on_validation_is_written(tmp_path, lowest, best):
    writes = run(tmp_path / "run", [0.5, 0.2, 0.7], lowest)
    assert [step for step, _ in writes] == best
    # Adam with a constant rate moves by 0.1 to where the gradient's sign says, at first.
    assert abs(writes[0][1]) <= 3 * 2 * 0.1 + 1e-6


def test_an_equal_figure_replaces_nothing(tmp_path):
    assert [step for step, _ in run(tmp_path / "run", [0.5, 0.5, 0.5])] == [2]


def test_a_last_step_that_is_no_whole_stretch_is_validated_too(tmp_path):
    assert [step for step, _ in run(tmp_path / "run", [1.0, 2.0, 3.0], steps=5)] == [2, 4, 5]
    assert [row["step"] for row in read_metrics(tmp_path / "run", "validation")] == [2, 4, 5]


class FromModel(RunOptions):
    """A run whose network is a trained one before the first step."""

    @property
    def from_model(self):
        return True


@pytest.mark.parametrize(
    ("scores", "written", "said"),
    [
        ([0.6, 0.5, 0.6, 0.4], [0], "validation never rose: the model is the one that the run started from"),
        ([0.6, 0.8, 0.7, 0.9], [0, 2, 6], "step 2: validation score is higher, 0.800; 0.600 at first"),
    ],
)
def test_a_trained_network_stays_where_validation_does_not_rise(tmp_path, capsys, scores, written, said):
    toy = Toy(tmp_path, scores, Measure("score"))
    options = FromModel(steps=6, validate_every=2, checkpoint_every=2, batch_size=4)
    loop.train(tmp_path, options, lambda devices: toy)
    assert [step for step, _ in toy.written] == written
    assert [row["step"] for row in read_metrics(tmp_path, "validation")] == [0, 2, 4, 6]
    assert toy.written[0][1] == 0
    words = " ".join(capsys.readouterr().err.split())
    assert said in words and (len(written) > 1) != ("never rose" in words)


def test_a_model_that_was_deleted_is_written_again(tmp_path):
    run(tmp_path / "run", [1.0, 2.0, 3.0])
    (tmp_path / "run" / "model").rmdir()
    assert [step for step, _ in run(tmp_path / "run", [0.0])] == [6]


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_run_that_is_stopped_goes_on_to_the_same_numbers(tmp_path, stop_at):
    def writes(name: str, stop: int | None = None) -> list[tuple[int, float]]:
        def batch(step: int) -> dict[str, np.ndarray]:
            if step + 1 == stop:
                os.kill(os.getpid(), signal.SIGTERM)
            return batch_at(step)

        return run(tmp_path / name, lambda network: -float(jnp.abs(network.place[...] - 1).sum()), batches=batch)

    whole = writes("whole")
    with pytest.raises(Interruption, match=f"stopped at step {stop_at} of 6; the same command goes on"):
        writes("cut", stop_at)
    after = writes("cut")
    assert after == [row for row in whole if row[0] > stop_at]
    ours, theirs = (read_metrics(tmp_path / name, "validation") for name in ("cut", "whole"))
    assert ours == theirs
    assert writes("cut") == []


def test_a_loss_that_is_not_finite_ends_the_run_before_anything_is_written(tmp_path):
    def with_nan(model, features, batch):
        return jnp.nan * features.sum(), {}

    with pytest.raises(TrainingError, match=r"not finite at step 2; .* try a smaller --learning-rate"):
        run(tmp_path / "run", [], loss=with_nan)
    assert not any(path.name.isdigit() for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert not (tmp_path / "run" / "model").exists()


def test_parts_of_a_batch_come_to_what_the_whole_does(tmp_path):
    rows = {}
    for parts in (1, 2):
        run(tmp_path / str(parts), [1.0, 2.0, 3.0], accumulate=parts, log_every=1)
        rows[parts] = [row["loss"] for row in read_metrics(tmp_path / str(parts), "train")]
    assert rows[1] == pytest.approx(rows[2], abs=1e-5) and len(rows[1]) == 6


def test_a_network_with_one_way_to_compute_refuses_another(tmp_path):
    options: list[dict[str, Any]] = [{"compute": "bfloat16"}, {"remat": True}]
    for option in options:
        with pytest.raises(ConfigError, match="--compute, --remat: this network computes in float32 only"):
            run(tmp_path / "run", [], **option)
    assert not (tmp_path / "run").exists()


def test_processes_share_each_batch():
    whole = batch_at(7)["x"]
    parts = []
    for process in range(2):
        batches = BatchesByStep(batch_at, (process, 2))
        batches.restore({"step": 7})
        parts.append(next(batches)["x"])
        assert batches.state == {"step": 8}
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_folder_of_something_else_is_refused_in_one_line(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    assert_refusal(tmp_path, "is not empty and not the folder of a run")
    assert_refusal(tmp_path / "photo.jpg", "cannot be created as a folder")
    (tmp_path / "run").mkdir()
    for content in ("{", "3", "null"):
        (tmp_path / "run" / RUN).write_text(content)
        assert_refusal(tmp_path / "run", "is damaged")


def assert_refusal(out: Path, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason) as refusal:
        run(out, [])
    assert "\n" not in str(refusal.value)


def test_another_run_is_refused_and_names_what_differs(tmp_path):
    run(tmp_path / "run", [1, 2, 3])
    with pytest.raises(TrainingError, match="holds a run with another seed, validate_every; choose another --out"):
        run(tmp_path / "run", [], seed=1, validate_every=3)
    (tmp_path / "run" / RUN).write_text((tmp_path / "run" / RUN).read_text().replace('"a"', '"b"'))
    with pytest.raises(TrainingError, match="another data;"):
        run(tmp_path / "run", [])


@dataclass(frozen=True)
class NewerOptions(RunOptions):
    """A program that has got options since a run was begun."""

    width: int = 8
    learning_rate: float | None = None
    margin: float | None = None

    def with_defaults(self) -> "NewerOptions":
        return NewerOptions(width=self.width, margin=2.0 * self.width if self.margin is None else self.margin)


def test_an_option_that_is_newer_than_the_run_counts_as_its_default(tmp_path):
    run(tmp_path, [1, 2, 3])
    listing = json.loads((tmp_path / RUN).read_text())
    del listing["accumulate"]
    (tmp_path / RUN).write_text(json.dumps(listing))
    assert run(tmp_path, []) == []
    assert json.loads((tmp_path / RUN).read_text())["accumulate"] == 1

    claim(tmp_path / "other", {"width": 8})
    newer = NewerOptions().with_defaults()
    claim(tmp_path / "other", {"width": 8, "margin": newer.margin}, default=newer.default)
    (tmp_path / "other" / RUN).write_text('{"width": 8}')
    with pytest.raises(TrainingError, match="another margin;"):
        claim(tmp_path / "other", {"width": 8, "margin": 5.0}, default=newer.default)


HOLD = """
import sys
from pathlib import Path
from train.engine.run_folder import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_into_a_busy_folder_is_refused_and_not_after_the_first_was_killed(tmp_path):
    out = tmp_path / "run"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], cwd=ROOT, **pipes)
    assert other.stdout is not None and other.stdout.readline() == "locked\n"
    assert_refusal(out, "another process is training into this folder")
    assert [path.name for path in out.iterdir()] == [LOCK]
    other.kill()
    other.communicate()
    run(out, [1, 2, 3])
    assert (out / RUN).is_file()


def test_a_lock_that_nothing_came_of_leaves_no_trace(tmp_path):
    (tmp_path / "old").mkdir()
    for name in ("new", "old"):
        with pytest.raises(ConfigError), folder_lock(tmp_path / name):
            raise ConfigError("--data", "is no folder")
    assert [path.name for path in tmp_path.iterdir()] == ["old"] and not any((tmp_path / "old").iterdir())


def test_the_rate_rises_over_the_warm_up_and_falls_to_zero():
    def rate(step: int, warmup: int = 5, steps: int = 100) -> float:
        return float(np.asarray(warmup_cosine(0.01, warmup, steps)(step)))

    assert [rate(step) for step in (0, 5, 100)] == pytest.approx([0.0, 0.01, 0.0])
    assert 0 < rate(3) < 0.01 and 0 < rate(60) < 0.01
    assert rate(0, warmup=1, steps=1) == 0.0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"steps": 0}, "--steps: must be at least 1, got 0"),
        ({"log_every": 0}, "--log-every: must be at least 1"),
        ({"seed": -1}, "--seed: must be at least 0"),
        ({"learning_rate": 0.0}, "--learning-rate: must be more than 0"),
        ({"batch_size": 6, "accumulate": 4}, "--accumulate: must divide --batch-size 6, got 4"),
    ],
)
def test_impossible_options_are_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        RunOptions(**options)

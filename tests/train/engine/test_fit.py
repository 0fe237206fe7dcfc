import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avnet.errors import Stopped, TrainingError
from train.engine.fit import Fit, schedule_of
from train.engine.metrics import read_metrics
from train.engine.run_folder import RUN


@jax.jit
def update(state, batch, step):
    state = {"total": 0.9 * state["total"] + batch["x"].sum() + 0.1 * step}
    return state, {"loss": state["total"]}


def batch_at(step: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(step).normal(size=3).astype(np.float32)}


def begin() -> dict[str, jax.Array]:
    return {"total": jnp.zeros(())}


def fit(out: Path, **changes) -> Fit:
    return replace(Fit(out, {"seed": 0, "out": out.parent}, steps=6, validate_every=2, measure="score"), **changes)


def never(state, row) -> None:
    pytest.fail(f"{row} was kept")


def figures(*scores: float):
    """Validation that gives one score after the other."""
    rest = iter(scores)
    return lambda state: {"score": next(rest)}


@pytest.mark.parametrize(("lowest", "best"), [(False, [1, 3]), (True, [1, 2])])
def test_the_best_state_is_kept(tmp_path, lowest, best):
    kept = []

    def keep(state, row):
        kept.append((row["step"], row["score"], float(state["total"])))

    fit(tmp_path / "run", lowest=lowest).run(begin(), update, batch_at, figures(0.5, 0.2, 0.7), keep)
    assert [row[:2] for row in kept] == [(2 * i, (0.5, 0.2, 0.7)[i - 1]) for i in best]
    state = begin()
    for step in range(2):
        state, _ = update(state, batch_at(step), jnp.int32(step))
    assert kept[0][2] == float(state["total"])


def test_an_equal_figure_replaces_nothing(tmp_path):
    kept = []
    run = fit(tmp_path / "run")
    run.run(begin(), update, batch_at, figures(0.5, 0.5, 0.5), lambda _, row: kept.append(row["step"]))
    assert kept == [2]


def test_a_last_step_that_is_no_whole_stretch_is_validated_too(tmp_path):
    kept = []
    fit(tmp_path / "run", steps=5).run(
        begin(), update, batch_at, figures(1.0, 2.0, 3.0), lambda _, row: kept.append(row["step"])
    )
    assert kept == [2, 4, 5]
    assert [row["step"] for row in read_metrics(tmp_path / "run", "validation")] == [2, 4, 5]


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_run_that_is_stopped_goes_on_to_the_same_numbers(tmp_path, stop_at):
    def told(name: str, stop: int | None = None) -> list[tuple[int, float]]:
        rows = []

        def batch(step: int) -> dict[str, np.ndarray]:
            if step + 1 == stop:
                os.kill(os.getpid(), signal.SIGTERM)
            return batch_at(step)

        def score(state) -> dict[str, float]:
            return {"score": -abs(float(state["total"]))}

        fit(tmp_path / name).run(
            begin(), update, batch, score, lambda state, row: rows.append((row["step"], float(state["total"])))
        )
        return rows

    whole = told("whole")
    with pytest.raises(Stopped, match=f"stopped at step {stop_at} of 6; the same command goes on"):
        told("cut", stop_at)
    after = told("cut")
    assert after == [row for row in whole if row[0] > stop_at]
    for kind in ("train", "validation"):
        ours, theirs = (read_metrics(tmp_path / name, kind) for name in ("cut", "whole"))
        assert ours == theirs
    assert told("cut") == []


def test_a_folder_of_something_else_is_refused_in_one_line(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    refused(fit(tmp_path), "is not empty and not the folder of a run")
    refused(fit(tmp_path / "photo.jpg"), "cannot be made a folder for the run")
    (tmp_path / "run").mkdir()
    for content in ("{", "3", "null"):
        (tmp_path / "run" / RUN).write_text(content)
        refused(fit(tmp_path / "run"), "is damaged")


def test_another_plan_is_refused_and_names_what_differs(tmp_path):
    run = fit(tmp_path / "run")
    run.run(begin(), update, batch_at, figures(1, 2, 3), lambda *_: None)
    assert json.loads((tmp_path / "run" / RUN).read_text()) == {"seed": 0, "out": str(tmp_path)}
    refused(replace(run, plan={"seed": 1, "rate": 2.0, "out": tmp_path}), "holds a run with another rate, seed;")
    run.run(begin(), update, batch_at, figures(), lambda *_: None)


def test_a_loss_that_is_not_finite_ends_the_run_before_anything_is_kept(tmp_path):
    def broken(state, batch, step):
        return {"total": state["total"] + jnp.nan}, {"loss": jnp.nan}

    with pytest.raises(TrainingError, match="not finite at step 2; try a smaller --learning-rate"):
        fit(tmp_path / "run").run(begin(), broken, batch_at, figures(), never)
    assert not any(path.name.isdigit() for path in (tmp_path / "run" / "checkpoints").iterdir())


def test_the_rate_rises_over_a_twentieth_and_falls_to_zero():
    def rate(step: int, steps: int = 100) -> float:
        return float(np.asarray(schedule_of(0.01, steps)(step)))

    assert [rate(step) for step in (0, 5, 100)] == pytest.approx([0.0, 0.01, 0.0])
    assert 0 < rate(3) < 0.01 and 0 < rate(60) < 0.01
    assert rate(0, steps=1) == 0.0


def refused(run: Fit, reason: str) -> None:
    with pytest.raises(TrainingError, match=reason) as refusal:
        run.run(begin(), update, batch_at, figures(), never)
    assert "\n" not in str(refusal.value)

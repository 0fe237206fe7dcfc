import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import jax
import numpy as np
import pytest
from flax import nnx
from media.media_files import make_video, tone
from metrics_rows import read_metrics
from spoken.tiny_corpus import write_corpus

import avnet
from avnet.correspondence.kinds import LearnedName
from avnet.correspondence.network import build
from avnet.errors import ConfigError, DataError, ModelFolderError, TrainingError
from data.records.listing import evaluation_pairs
from data.records.records import split_sizes
from train.correspondence.backbones import network_config
from train.correspondence.config import TrainConfig
from train.correspondence.objective import ANSWERS, objective_of, optimizer_of
from train.correspondence.program import train
from train.engine.checkpoint import Checkpoints
from train.engine.step import Program, TrainState, create

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "records")


@pytest.fixture(scope="module")
def ave(corpus, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "ave"
    return train(TrainConfig("ave", corpus, out, steps=40, batch_size=16, validate_every=20))


def test_a_tiny_run_learns_which_colour_has_which_pitch(ave):
    best = max(row["auc"] for row in read_metrics(ave.parent, "validation"))
    assert best > 0.85  # others of the same colour and pitch keep it below .91
    losses = [row["loss"] for row in read_metrics(ave.parent, "train")]
    assert losses[-1] < losses[0]


def test_the_model_that_is_written_answers_as_the_card_says(ave, corpus):
    model = avnet.load(ave)
    pairs = evaluation_pairs(corpus, "validation", model.config.clip_samples)
    matrix = model.correspondence_matrix(pairs.images, pairs.waveforms)
    kinds = np.arange(len(matrix)) % 4
    same = kinds[:, None] == kinds[None, :]
    assert matrix[same].mean() > matrix[~same].mean() + 0.3
    assert "AVC" in (ave / "README.md").read_text()


def test_avol_can_start_from_ave_and_then_scores_like_it(ave, corpus, tmp_path):
    out = train(TrainConfig("avol", corpus, tmp_path / "avol", init_from=ave, steps=2, batch_size=8))
    rows = read_metrics(tmp_path / "avol", "validation")
    assert [row["step"] for row in rows] == [0, 2] and rows[-1]["auc"] > 0.75
    grid = avnet.load(out).heatmaps([np.zeros((112, 112, 3), np.uint8)], np.zeros((1, 48_000), np.float32))[0]
    assert grid.shape == (7, 7)


def test_a_folder_of_videos_is_prepared_on_the_way_and_once(tmp_path, monkeypatch):
    (tmp_path / "films").mkdir()
    for i in range(10):
        make_video(tmp_path / "films" / f"{i}.mp4", 1.3, sound=tone(300 + 50 * i))
    config = TrainConfig("ave", tmp_path / "films", tmp_path / "run", steps=2, batch_size=4)
    model = train(config)
    assert avnet.load(model).config.network == "ave"
    assert split_sizes(tmp_path / "run" / "records") == {"train": 7, "validation": 2, "test": 1}
    monkeypatch.setattr("data.corpus.prepare.run_jobs", lambda *_: pytest.fail("prepared again"))
    assert train(config) == model


def test_three_short_videos_are_enough_to_train_on(tmp_path):
    (tmp_path / "films").mkdir()
    for i in range(3):
        make_video(tmp_path / "films" / f"{i}.mp4", 4.5, sound=tone(300 + 50 * i))
    model = train(TrainConfig("ave", tmp_path / "films", tmp_path / "run", steps=2, batch_size=4))
    assert avnet.load(model).config.network == "ave"
    assert split_sizes(tmp_path / "run" / "records") == {"train": 6, "validation": 3}


def test_a_run_on_videos_leaves_no_records_in_a_folder_of_something_else(tmp_path):
    (tmp_path / "films").mkdir()
    make_video(tmp_path / "films" / "a.mp4", 1.3)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").touch()
    with pytest.raises(TrainingError, match="not the folder of a run"):
        train(TrainConfig("ave", tmp_path / "films", tmp_path / "home"))
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["thesis.txt"]


def test_a_model_of_other_sizes_is_no_start(ave, corpus, tmp_path):
    config = TrainConfig("avol", corpus, tmp_path / "avol", preset="paper", init_from=ave, batch_size=2)
    with pytest.raises(TrainingError, match="another image_size"):
        train(config)


@pytest.mark.parametrize("network", ["ave", "avol", "l3"])
def test_every_network_takes_a_step_of_its_published_loss(network, corpus, tmp_path):
    config = TrainConfig(network, corpus, tmp_path, loss="correspondence", steps=1, batch_size=4, validation_pairs=4)
    assert (train(config) / "weights.safetensors").is_file()


def begin(config: TrainConfig) -> tuple[TrainState, Program]:
    network = build(network_config(config), rngs=nnx.Rngs(0))
    return create(network, objective_of(config), optimizer_of(config, 1.0), config)


def test_the_step_compiles_once(corpus, tmp_path):
    config = TrainConfig("ave", corpus, tmp_path, batch_size=4).with_defaults()
    state, program = begin(config)
    batch = {
        "image": np.zeros((4, 128, 128, 3), np.uint8),
        "waveform": np.zeros((4, 48_000), np.int16),
        "label": np.ones(4, np.int32),
        "video": np.arange(4, dtype=np.int32),
    }
    for step in range(3):
        state, figures = program.update(state, batch, jax.numpy.int32(step))
    assert program.update._cache_size() == 1
    assert np.isfinite(float(figures["loss"]))


def command(corpus: Path, out: Path, *more: str) -> list[str]:
    options = ["--steps", "9", "--batch-size", "4", "--checkpoint-every", "3", "--validate-every", "9"]
    extra = ["--log-every", "1", "--validation-pairs", "8", *more]
    return [sys.executable, "-m", "train", "ave", "--data", str(corpus), "--out", str(out), *options, *extra]


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("jax"))}
    return {**os.environ, **cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


def run(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def stop_at(step: int, number: signal.Signals, arguments: list[str], environment: dict[str, str], out: Path) -> int:
    """Sends a signal once the run has logged a step, and returns its exit code."""
    process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.PIPE)
    log = out / "metrics.jsonl"
    while process.poll() is None:
        if log.exists() and f'"step": {step},' in log.read_text():
            process.send_signal(number)
            break
        time.sleep(0.002)
    process.communicate(timeout=300)
    return process.returncode


def final_state(corpus: Path, out: Path) -> list[np.ndarray]:
    config = TrainConfig("ave", corpus, out, steps=9, batch_size=4).with_defaults()
    fresh, _ = begin(config)
    with Checkpoints(out / "checkpoints") as checkpoints:
        checkpoint = checkpoints.restore(fresh)
    assert checkpoint is not None
    assert checkpoint[0] == 9
    return [np.asarray(leaf) for leaf in jax.tree.leaves(checkpoint[1])]


@pytest.fixture(scope="module")
def whole_run(corpus, environment, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    result = run(command(corpus, out), environment)
    assert result.returncode == 0, result.stderr
    return out


@pytest.mark.parametrize("step", [2, 4, 8])
def test_a_killed_run_goes_on_to_the_same_bits(step, corpus, environment, whole_run, tmp_path):
    assert stop_at(step, signal.SIGKILL, command(corpus, tmp_path), environment, tmp_path) == -signal.SIGKILL
    result = run(command(corpus, tmp_path), environment)
    assert result.returncode == 0, result.stderr
    for ours, theirs in zip(final_state(corpus, tmp_path), final_state(corpus, whole_run), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    weights = (tmp_path / "model" / "weights.safetensors").read_bytes()
    assert weights == (whole_run / "model" / "weights.safetensors").read_bytes()
    steps = [row["step"] for row in read_metrics(tmp_path, "train")]
    assert steps == list(range(1, 10))


def test_sigterm_saves_and_exits_with_0_and_the_run_goes_on(corpus, environment, whole_run, tmp_path):
    assert stop_at(4, signal.SIGTERM, command(corpus, tmp_path), environment, tmp_path) == 0
    last_step = max(int(folder.name) for folder in (tmp_path / "checkpoints").iterdir() if folder.name.isdigit())
    assert 4 <= last_step < 9
    assert run(command(corpus, tmp_path), environment).returncode == 0
    for ours, theirs in zip(final_state(corpus, tmp_path), final_state(corpus, whole_run), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_number_of_threads_and_the_labels_change_nothing(corpus, environment, whole_run, tmp_path):
    (corpus / "labels.json").write_text(json.dumps({"train_0.mp4": ["nonsense"]}))
    try:
        assert run(command(corpus, tmp_path, "--threads", "1"), environment).returncode == 0
    finally:
        (corpus / "labels.json").unlink()
    weights = (tmp_path / "model" / "weights.safetensors").read_bytes()
    assert weights == (whole_run / "model" / "weights.safetensors").read_bytes()


def test_a_loss_that_is_no_number_stops_with_the_last_good_checkpoint(corpus, tmp_path):
    config = TrainConfig("ave", corpus, tmp_path, steps=8, batch_size=4, checkpoint_every=1, learning_rate=1e35)
    with pytest.raises(TrainingError, match="not finite at step"):
        train(config)
    fresh, _ = begin(config.with_defaults())
    with Checkpoints(tmp_path / "checkpoints") as checkpoints:
        checkpoint = checkpoints.restore(fresh)
    assert checkpoint is not None
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(checkpoint[1].params))


def test_fewer_clips_than_a_batch_are_refused(corpus, tmp_path):
    with pytest.raises(DataError, match="fewer than a batch of 64"):
        train(TrainConfig("ave", corpus, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_folder_of_another_run_is_refused(ave, corpus):
    config = TrainConfig("ave", corpus, ave.parent, steps=40, batch_size=16, validate_every=20)
    with pytest.raises(TrainingError, match="another seed"):
        train(dataclasses.replace(config, seed=1))
    assert train(config) == ave


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"steps": 0}, "--steps: must be at least 1"),
        ({"learning_rate": -1.0}, "--learning-rate: must be more than 0"),
        ({"network": "l3", "loss": "contrastive"}, "--loss: L3-Net"),
    ],
)
def test_impossible_options_are_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        TrainConfig(**{"network": "ave", "data": Path("x"), "out": Path("y"), **options})


def test_a_folder_without_records_is_refused_in_one_line(environment, tmp_path):
    result = run(command(tmp_path, tmp_path / "run"), environment)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "holds no video that can be used" in result.stderr


def test_options_that_may_change_on_resume_are_options():
    assert {field.name for field in dataclasses.fields(TrainConfig)} >= TrainConfig.ADJUSTABLE


def test_a_folder_that_holds_something_else_is_refused_and_kept(corpus, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").touch()
    with pytest.raises(TrainingError, match="not the folder of a run"):
        train(TrainConfig("ave", corpus, tmp_path, steps=1, batch_size=4))
    assert (tmp_path / "model" / "thesis.txt").exists()


def test_a_finished_run_does_not_go_on_with_other_records(ave, tmp_path):
    other = write_corpus(tmp_path / "records", train=20)
    config = TrainConfig("ave", other, ave.parent, steps=40, batch_size=16, validate_every=20)
    with pytest.raises(TrainingError, match="another data"):
        train(config)


def test_no_snap_negatives_wants_a_loss_that_has_negatives(corpus, tmp_path):
    with pytest.raises(ConfigError, match="needs --loss correspondence"):
        train(TrainConfig("ave", corpus, tmp_path / "run", snap_negatives=False))


def test_a_start_that_cannot_be_read_leaves_no_run_behind(corpus, tmp_path):
    config = TrainConfig("avol", corpus, tmp_path / "run", batch_size=8, init_from=tmp_path / "nowhere")
    with pytest.raises(ModelFolderError):
        train(config)
    assert not (tmp_path / "run").exists()


def test_a_step_in_parts_with_half_precision_goes_the_same_way(corpus, tmp_path):
    rows = []
    for name, options in {"plain": {}, "thrifty": {"accumulate": 2, "remat": True, "compute": "bfloat16"}}.items():
        config = TrainConfig("ave", corpus, tmp_path / name, steps=4, batch_size=16, log_every=1, **options)
        train(config)
        rows.append(np.array([row["loss"] for row in read_metrics(tmp_path / name, "train")]))
    # Batch normalisation is of eight pairs instead of sixteen, and every part draws its own augmentation.
    np.testing.assert_allclose(rows[1], rows[0], rtol=0.15)


@pytest.mark.parametrize(("accumulate", "reason"), [(3, "must divide --batch-size 16, got 3"), (0, "at least 1")])
def test_parts_that_do_not_divide_the_batch_are_refused(accumulate, reason):
    with pytest.raises(ConfigError, match=reason):
        TrainConfig("ave", Path("x"), Path("y"), batch_size=16, accumulate=accumulate)


def test_every_network_learns_its_answer():
    assert set(ANSWERS) == set(get_args(LearnedName))

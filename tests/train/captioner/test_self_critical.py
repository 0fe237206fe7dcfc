"""Self-critical training: what it makes likelier, that it raises a reward, and its program."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from metrics_rows import read_metrics
from PIL import Image
from random_networks import random_backbone, randomize
from spoken.corpora import make_table
from spoken.world import SPLITS, TEXTS, noise_image, tiny_networks, train_config

from avnet.captioners.captioner import build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import grid_features
from avnet.captioners.guards import Guards, Mask
from avnet.consensus.cider import CiderD
from avnet.describer.describer import Describer
from avnet.describer.text_describer import TextDescriber
from avnet.errors import ConfigError, Interruption, ModelFolderError, TrainingError
from avnet.nn.abstract import abstract_network
from avnet.units.pieces import Pieces
from data.captions.config import CaptionsConfig
from data.captions.pack import pack
from train.captioner.config import CaptionTrainConfig
from train.captioner.describer import describer
from train.captioner.objective import objective_of
from train.captioner.self_critical import advantage, reinforced, self_critical
from train.captioner.words import captioner
from train.engine.step import create

ROOT = Path(__file__).parents[3]


def test_a_draw_is_compared_with_the_mean_of_the_others():
    """Of 1, 2 and 6 the others have means 4, 3.5 and 1.5; of equal ones none is better."""
    assert advantage(jnp.array([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]])).tolist() == [[-3, -1.5, 4.5], [0, 0, 0]]


def test_the_rewarded_draw_becomes_likelier_worked_out_by_hand():
    """Two tokens, equally likely; the first is worth 1 more. d log p0 / d z0 = 1/2 and d log p1 / d z0 = -1/2, so the
    gradient by z0 is -(1 * 1/2 + -1 * -1/2) / 2 draws; what comes after the end counts for nothing."""
    better, mask = advantage(jnp.array([[1.0, 0.0]])), jnp.array([[[True, False], [True, False]]])

    def loss(logits):
        log_p = nnx.log_softmax(logits)
        return reinforced(jnp.stack([log_p, jnp.full(2, 9.0)], axis=-1)[None], better, mask)

    assert jax.grad(loss)(jnp.zeros(2)).tolist() == [-0.5, 0.5]
    assert float(reinforced(jnp.zeros((1, 2, 2)), better, mask)) == 0


def options_of(**changes):
    return CaptionTrainConfig(Path("x"), Path("y"), Path("z"), init_from=Path("m"), reward="cider", **changes)


# Four tokens, of which a draw has four at most.
SMALL = CaptionerConfig(width=8, hidden=8, image_features=4, pieces=4, retrieved=0, longest=8)


def random_captioner(config):
    return randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)))


class Counts:
    """A reward: how often token 1 is said, and half of one for an end of its own."""

    def scores(self, strings, images, ended):
        return np.array([sum(token == 1 for token in row) + 0.5 * end for row, end in zip(strings, ended, strict=True)])


def test_what_is_rewarded_is_said_more_and_more():
    """From about one time in three to nearly always; the cross-entropy of other descriptions has a tenth."""
    pieces, end = Pieces([[i] for i in range(4)]), 4
    mask = Mask(SMALL, pieces, Guards(longest=4, collapsed=False), never=[0])
    options = options_of(batch_size=4, accumulate=2)
    objective = self_critical(options, objective_of(rare=0), mask, Counts())
    network = random_captioner(SMALL)
    state, program = create(network, objective, optax.adam(3e-2), options)
    rows = {
        **grid_features(np.ones((4, 1, 1, 4), np.float32))._asdict(),
        "image": np.arange(4, dtype=np.int32),
        "retrieved": np.zeros((4, 0, 1), np.int32),
        "similarity": np.zeros((4, 0), np.float32),
        "inputs": np.array([[end, 2, 3]] * 4, np.int32),
        "targets": np.array([[2, 3, end]] * 4, np.int32),
    }
    figures = []
    for step in range(60):
        batch = program.explore(state, rows, step)
        assert batch["drawn"].shape == (4, 5, 5) and 0 not in batch["drawn"]
        state, values = program.update(state, batch, jnp.int32(step))
        figures.append({name: float(value) for name, value in values.items()})
    first, last = figures[0], figures[-1]
    assert first["reward"] < 2 and last["reward"] > 3
    assert last["drawn_length"] > first["drawn_length"] and last["entropy"] < first["entropy"]


def test_draws_are_a_function_of_the_network_and_the_step():
    mask = Mask(SMALL, Pieces([[i] for i in range(4)]), Guards(longest=4))
    objective = self_critical(options_of(), objective_of(), mask, Counts())
    state, program = create(random_captioner(SMALL), objective, optax.sgd(0.1), options_of())
    rows = {
        **grid_features(np.ones((2, 1, 1, 4), np.float32))._asdict(),
        "image": np.arange(2, dtype=np.int32),
        "retrieved": np.zeros((2, 0, 1), np.int32),
        "similarity": np.zeros((2, 0), np.float32),
    }
    one, again, other = (program.explore(state, rows, step)["drawn"] for step in (3, 3, 4))
    assert (one == again).all() and one.shape == other.shape and not (one == other).all()
    # Two equal images are drawn of independently.
    assert not (one[0] == one[1]).all()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """24 coloured images with two captions each, a backbone, and a captioner that has learned a little of them."""
    folder = tmp_path_factory.mktemp("captions")
    rows = []
    for number in range(24):
        Image.fromarray(noise_image(number % 4, number // 4)).save(folder / f"{number}.png")
        texts = (TEXTS[number % 4], f"{TEXTS[number % 4]} in the picture")
        rows += [(f"{number}.png", text, SPLITS[number // 4]) for text in texts]
    pack(CaptionsConfig(make_table(folder / "captions.csv", rows, ("image", "caption", "split")), folder / "corpus"))
    random_backbone("mobilenetv2", 64).save(folder / "backbone")
    with tiny_networks():
        captioner(config_of(folder, folder / "xe", steps=60, learning_rate=5e-3))
    return folder


def config_of(folder, out, **changes):
    options = {"steps": 4, "validate_every": 60, "checkpoint_every": 2, "log_every": 1, "batch_size": 8}
    return CaptionTrainConfig(folder / "corpus", folder / "backbone", out, **{**options, **changes})


def rewarded(folder, out, **changes):
    changes = {"init_from": folder / "xe" / "model", "reward": "cider", **changes}
    return config_of(folder, out, **changes)


def test_a_captioner_is_trained_on_by_rewards_and_goes_on_after_a_stop_to_the_same_numbers(
    place, tmp_path, tiny, monkeypatch
):
    whole = rewarded(place, tmp_path / "whole")
    result = TextDescriber.load(captioner(whole))
    start = TextDescriber.load(place / "xe" / "model")
    assert result.vocabulary == start.vocabulary and result.parts.guards == start.parts.guards
    # It starts from the model, and says so: validation before the first step is that of the model.
    rows = read_metrics(tmp_path / "whole", "validation")
    assert rows[0]["step"] == 0 and rows[0]["CIDEr-D"] == pytest.approx(start.parts.validation["CIDEr-D"], abs=1e-6)
    assert {"distinct", "bad_ends", "length"} <= set(rows[0])
    assert json.loads((tmp_path / "whole" / "run.json").read_text())["learning_rate"] == 5e-5
    steps = read_metrics(tmp_path / "whole", "train")
    assert all(0 < row["reward"] <= 10 and row["drawn_length"] >= 1 and 0 <= row["drawn_ended"] <= 1 for row in steps)

    scores, count = CiderD.scores, [0]

    def stopping(self, *arguments):
        count[0] += 1
        if count[0] == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return scores(self, *arguments)

    halves = replace(whole, out=tmp_path / "halves")
    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr(CiderD, "scores", stopping)
        captioner(halves)
    captioner(halves)
    names = ("loss", "reward", "drawn_length", "entropy", "gradient_norm")
    again = read_metrics(tmp_path / "halves", "train")
    assert [[row[name] for name in names] for row in again] == [[row[name] for name in names] for row in steps]


@pytest.mark.slow  # draws, update and search of a network of its own compile
@pytest.mark.parametrize("reward", ["cider-units", "similarity"])
def test_a_describer_in_units_is_trained_on_by_rewards(reward, world, tmp_path, tiny):
    sizes = {"out": tmp_path / "run", "steps": 2, "validate_every": 2, "learning_rate": None, "retrieved": None}
    config = train_config(world, init_from=world.model, reward=reward, **sizes)
    start, result = Describer.load(world.model), Describer.load(describer(config))
    assert result.parts.network.config == start.parts.network.config
    rows = read_metrics(tmp_path / "run", "validation")
    assert [row["step"] for row in rows] == [0, 2]
    assert all(0 < row[reward] <= 10 and 0 < row["distinct"] <= 1 and row["length"] > 1 for row in rows)
    assert rows[0]["log_probability"] == pytest.approx(start.parts.validation["log_probability"], abs=1e-5)


def test_rewards_without_a_trained_network_and_options_that_go_together_with_nothing_are_refused():
    with pytest.raises(ConfigError, match="--reward: needs --init-from"):
        CaptionTrainConfig(Path("x"), Path("y"), Path("z"), reward="cider")
    for changes, reason in (
        ({"draws": 1}, "--draws"),
        ({"temperature": 0.0}, "--temperature: must be more than 0"),
        ({"cross_entropy_share": 1.5}, "--cross-entropy-share: must be from 0 to 1, got 1.5"),
        ({"scheduled_sampling": 0.25}, "--scheduled-sampling: does not go with --reward"),
    ):
        with pytest.raises(ConfigError, match=reason):
            options_of(**changes)


def test_a_model_that_does_not_fit_the_run_is_refused_in_one_line(place, world, tmp_path, tiny):
    def refusal(error_type, **changes):
        with pytest.raises(error_type) as error:
            captioner(rewarded(place, tmp_path / "run", **changes))
        assert not (tmp_path / "run").exists() and "\n" not in str(error.value)
        return str(error.value)

    assert "has another vocabulary (" in refusal(TrainingError, least=10)
    assert "--kind: is recurrent of --init-from" in refusal(ConfigError, kind="up-down")
    assert "--regions: must be as of --init-from" in refusal(ConfigError, regions="windows")
    assert str(world.model) in refusal(ModelFolderError, init_from=world.model)
    random_backbone("mobilenetv2", 64, seed=1).save(tmp_path / "other")
    with pytest.raises(ModelFolderError, match="was made with backbone of another fingerprint"):
        captioner(replace(rewarded(place, tmp_path / "run"), backbone=tmp_path / "other"))
    with pytest.raises(TrainingError, match=r"has another vocabulary .* pieces"):
        describer(train_config(world, init_from=world.model, out=tmp_path / "run", pieces=0))
    with pytest.raises(ConfigError, match="--retrieved: is 2 of --init-from"):
        describer(train_config(world, init_from=world.model, out=tmp_path / "run", retrieved=1))


# Arguments: folder of the fixture above, folder of the run, parts.
RUN = """
import sys
from pathlib import Path
import jax
from spoken.world import tiny_networks
sys.path.insert(0, sys.argv[4])
from test_self_critical import rewarded
from train.captioner.words import captioner

with tiny_networks():
    captioner(rewarded(Path(sys.argv[1]), Path(sys.argv[2]), accumulate=int(sys.argv[3]), learning_rate=1e-3))
print(jax.device_count())
"""


@pytest.mark.slow  # three programs that compile
def test_eight_devices_and_parts_come_to_what_one_device_does(place, tmp_path):
    def figures(name, devices, parts):
        flags = f"--xla_force_host_platform_device_count={devices}"
        paths = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))
        environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
        command = [sys.executable, "-c", RUN, str(place), str(tmp_path / name), str(parts), str(Path(__file__).parent)]
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
        assert process.returncode == 0, process.stderr
        assert process.stdout.split()[-1] == str(devices)
        return [[row["loss"], row["reward"], row["entropy"]] for row in read_metrics(tmp_path / name, "train")]

    one = figures("one", 1, 1)
    assert len(one) == 4
    for other in (figures("eight", 8, 1), figures("parts", 1, 2)):
        assert np.array(other) == pytest.approx(np.array(one), rel=1e-4)

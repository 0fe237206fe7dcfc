"""Training on many devices and in many processes against one device: the same batches, the same losses."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from metrics_rows import read_metrics
from spoken.tiny_corpus import write_corpus

from avnet.errors import ConfigError, DataError
from data.corpus.collection import records_of
from train.correspondence.config import TrainConfig

ROOT = Path(__file__).parents[3]

# Trains on one device and on eight, and again from the other's checkpoint after STOP steps.
LOSSES = """
import json, sys
from pathlib import Path
import jax, jax.numpy as jnp
from flax import nnx
from avnet.correspondence.network import build
from data.records.loader import load_batches
from data.records.pairs import PairConfig
from data.records.records import open_split
from train.engine.checkpoint import Checkpoints
from train.correspondence.backbones import network_config
from train.correspondence.config import TrainConfig
from train.correspondence.objective import objective_of, optimizer_of
from train.engine.devices import Devices
from train.engine.step import create

STEPS, STOP = 4, 2
corpus, out, name, loss, rate = sys.argv[1:]
config = TrainConfig(name, corpus, out, loss=loss, batch_size=16, steps=20, learning_rate=float(rate)).with_defaults()
model = network_config(config)
size, clip = model.image_size, model.clip_samples
source = open_split(config.data, "train", model.spectrogram.sample_rate)
pairs = PairConfig(clip, canvas=size + 16, negatives=0.0 if loss == "contrastive" else 0.5)
reader = load_batches(source, pairs, 16, 0)
batches = [next(reader) for _ in range(STEPS)]
reader.close()
programs = {}

def fresh(count):
    devices = Devices(count)
    network, optimizer = build(model, rngs=nnx.Rngs(0)), optimizer_of(config, 1.0)
    state, program = create(network, objective_of(config, count), optimizer, config, devices)
    return devices, devices.everywhere(state), programs.setdefault(count, program)

def steps(count, begin=0, read=None, write=None):
    devices, state, program = fresh(count)
    found = []
    if read is not None:
        with Checkpoints(Path(out, str(read))) as checkpoints:
            _, state, _ = checkpoints.restore(state)
    for step in range(begin, STEPS):
        if step == STOP and write:
            with Checkpoints(Path(out, str(count))) as checkpoints:
                checkpoints.save(step, state, {})
        state, figures = program.update(state, devices.split(batches[step]), jnp.int32(step))
        found.append([float(figures["loss"]), float(figures["gradient_norm"])])
    assert program.update._cache_size() == 1
    return found

one, eight = steps(1, write=True), steps(8, write=True)
print(json.dumps([one, eight, one[:STOP] + steps(1, STOP, read=8), one[:STOP] + steps(8, STOP, read=1)]))
"""

# Adam makes whole steps of gradients that are nothing but rounding, such as a bias' before batch normalisation. At the
# usual rate of 1e-3 runs part by 3e-5 of the loss after four of them.
RATE = 1e-5


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "records")


@pytest.fixture(scope="module")
def jax_cache(tmp_path_factory) -> Path:
    """Where programs are kept, so that what runs twice compiles once."""
    return tmp_path_factory.mktemp("jax")


def environment(jax_cache: Path, devices: int) -> dict[str, str]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    cache = {"JAX_COMPILATION_CACHE_DIR": str(jax_cache), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    return {**os.environ, **cache, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}


# The second compiles for a minute more, mostly what the first does too.
@pytest.mark.parametrize(
    ("name", "loss"), [("ave", "contrastive"), pytest.param("avol", "correspondence", marks=pytest.mark.slow)]
)
def test_eight_devices_come_to_what_one_does_and_each_goes_on_from_the_other(name, loss, corpus, jax_cache, tmp_path):
    command = [sys.executable, "-c", LOSSES, str(corpus), str(tmp_path), name, loss, str(RATE)]
    process = subprocess.run(command, env=environment(jax_cache, 8), capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    one, *others = json.loads(process.stdout)
    for other in others:
        assert [loss for loss, _ in other] == pytest.approx([loss for loss, _ in one], rel=1e-5)
        # In float64 all gradients agree to 1e-14. In float32 those of equal parameters agree as the losses do; after an
        # update cells that are nearly equal may change places, and the gradient goes to another one.
        assert other[0][1] == pytest.approx(one[0][1], rel=1e-5)
        assert [norm for _, norm in other] == pytest.approx([norm for _, norm in one], rel=1e-3)


class Together:
    """Runs of one command line in one or more processes, each with one device."""

    def __init__(self, corpus: Path, jax_cache: Path, out: Path, count: int, **options):
        with socket.socket() as probe:
            probe.bind(("localhost", 0))
            port = probe.getsockname()[1]
        options = {
            "steps": 8,
            "batch_size": 16,
            "learning_rate": RATE,
            "log_every": 1,
            "checkpoint_every": 2,
            **options,
        }
        many = [{"coordinator": f"localhost:{port}", "processes": count, "process": i} for i in range(count)]
        self.runs = []
        for more in many if count > 1 else [{}]:
            words = [f"--{name.replace('_', '-')}={value}" for name, value in {**options, **more}.items()]
            command = [sys.executable, "-m", "train", "ave", "--data", str(corpus), "--out", str(out), *words]
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            self.runs.append(subprocess.Popen(command, env=environment(jax_cache, 1), cwd=ROOT, **pipes))

    def end(self) -> list[tuple[int, str]]:
        """Exit code and stderr of each."""
        texts = [run.communicate(timeout=600)[1] for run in self.runs]
        return [(run.returncode, text) for run, text in zip(self.runs, texts, strict=True)]


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in read_metrics(out, "train")]


@pytest.mark.slow  # a minute and a half; and on a busy machine processes may miss each other's deadlines
def test_a_killed_process_ends_the_other_and_both_again_come_to_what_one_does(corpus, jax_cache, tmp_path):
    victim = Together(corpus, jax_cache, tmp_path / "two", 2)
    log = tmp_path / "two" / "metrics.jsonl"
    while not (log.exists() and '"step": 3,' in log.read_text()):
        assert victim.runs[1].poll() is None, victim.end()
        time.sleep(0.02)
    victim.runs[1].send_signal(signal.SIGKILL)
    (code, text), _ = victim.end()
    # Whichever comes first: the next meeting fails, or JAX itself hears of it and aborts.
    assert (code, "another process was lost" in text) == (2, True) or (
        (code, "another task died" in text) == (-signal.SIGABRT, True)
    ), text
    for name, count in (("two", 2), ("one", 1)):
        result = Together(corpus, jax_cache, tmp_path / name, count).end()
        assert [code for code, _ in result] == [0] * count, result
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-5)
    assert (tmp_path / "two" / "model" / "weights.safetensors").is_file()


def test_a_batch_that_devices_cannot_share_is_refused_in_one_line(corpus, jax_cache, tmp_path):
    command = [sys.executable, "-m", "train", "ave", "--data", str(corpus), "--out", str(tmp_path / "run")]
    command += ["--batch-size", "12"]
    process = subprocess.run(
        command, env=environment(jax_cache, 8), cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert process.returncode == 2
    assert process.stderr == "error: --batch-size: must be a multiple of the 8 devices, got 12\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"processes": 2, "process": 0}, "--processes, --process: need --coordinator"),
        ({"coordinator": "a:1", "processes": 2}, "--coordinator: needs --processes and --process too"),
        ({"coordinator": "a:1", "processes": 2, "process": 2}, "--process: must be from 0 to 1, got 2"),
        ({"coordinator": "a:1", "processes": 0, "process": 0}, "--processes: must be at least 1, got 0"),
        ({"coordinator": "a", "processes": 2, "process": 0}, "--coordinator: must be HOST:PORT or auto, got a"),
    ],
)
def test_options_that_bring_no_processes_together_are_refused(options, reason):
    with pytest.raises(ConfigError, match=reason):
        TrainConfig("ave", Path("x"), Path("y"), **options)


def test_several_processes_want_records_and_no_videos(tmp_path):
    with pytest.raises(DataError, match="prepare it first with python -m data prepare"):
        records_of(tmp_path, None, 128)

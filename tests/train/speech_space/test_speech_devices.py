"""Speech is trained on many devices and in bfloat16 by the engine that trains AVE-Net: the losses are those of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from metrics_rows import read_metrics
from spoken.world import World

ROOT = Path(__file__).parents[3]

# Arguments: corpus, image tower, folder of the run, precision, parts.
RUN = """
import sys
from pathlib import Path
import jax
from spoken.world import tiny_networks
from train.speech_space.config import SpeechConfig
from train.speech_space.program import speech

corpus, backbone, out = map(Path, sys.argv[1:4])
options = {"steps": 4, "batch_size": 8, "learning_rate": 1e-4, "log_every": 1, "validate_every": 4}
with tiny_networks():
    speech(SpeechConfig(corpus, out, backbone, compute=sys.argv[4], accumulate=int(sys.argv[5]), **options))
print(jax.device_count())
"""


def losses(world: World, out: Path, devices: int, compute: str = "float32", accumulate: int = 1) -> list[float]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    paths = os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))
    environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu", "PYTHONPATH": paths}
    command = [sys.executable, "-c", RUN, str(world.corpus), str(world.backbone), str(out), compute, str(accumulate)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split()[-1] == str(devices)
    assert (out / "model").is_dir()
    return [row["loss"] for row in read_metrics(out, "train")]


def test_eight_devices_come_to_what_one_does_in_either_precision(world, tmp_path):
    one = losses(world, tmp_path / "one", 1)
    assert len(one) == 4
    assert losses(world, tmp_path / "eight", 8) == pytest.approx(one, rel=1e-4)
    half = losses(world, tmp_path / "half", 8, compute="bfloat16")
    # Eight bits of a number: not the same, and not far off.
    assert half != pytest.approx(one, rel=1e-6) and half == pytest.approx(one, rel=0.05)

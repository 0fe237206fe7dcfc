"""Training of a vocoder that is invertible."""

import os
import signal
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from metrics_rows import read_metrics
from spoken.vowels import vowels

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, Interruption, TrainingError
from avnet.media.write import write_wav
from avnet.synthesizers.mel.acoustics import HOP, frames_of_mel
from avnet.synthesizers.waveglow.config import WaveGlowConfig
from avnet.synthesizers.waveglow.vocoder import WaveGlow
from train.units.program import recordings_of
from train.waveglow import program
from train.waveglow.batches import Example, crops, examples_of
from train.waveglow.config import WaveGlowTrainConfig
from train.waveglow.objective import negative_log_likelihood, objective_of
from train.waveglow.program import Flow, waveglow

TINY = WaveGlowConfig(16, 1, width=8, layers=1, upsampling_kernel=0, log_scale_bound=5.0)


def test_crops_are_a_function_of_seed_and_step_with_the_spectrum_of_the_whole():
    waveform = vowels([0, 1, 2])
    corpus = examples_of([waveform], 20)
    batch = crops(corpus, 0, 5, 3, 20)
    assert batch["waveform"].shape == (3, 20 * HOP) and batch["waveform"].dtype == np.float32
    assert batch["log_mel"].shape == (3, 20, 80)
    whole = frames_of_mel(waveform, 60, 0)
    for samples, log_mel in zip(batch["waveform"], batch["log_mel"], strict=True):
        (first,) = np.flatnonzero([np.array_equal(whole[i : i + 20], log_mel) for i in range(41)])
        noise = samples - waveform[first * HOP : (first + 20) * HOP]
        assert np.abs(noise).max() <= 0.51 / 32768 and noise.std() == pytest.approx(1 / 32768 / np.sqrt(12), rel=0.1)
    assert all((batch[name] == crops(corpus, 0, 5, 3, 20)[name]).all() for name in batch)
    assert any((batch["log_mel"] != crops(corpus, 0, step, 3, 20)["log_mel"]).any() for step in range(6, 9))


def test_pauses_and_what_is_shorter_than_a_crop_are_left_out():
    loud = np.zeros(100 * HOP, np.float32)
    loud[40 * HOP : 45 * HOP] = 0.1 * np.sin(np.arange(5 * HOP))
    # A constant is no sound either.
    corpus = examples_of([loud, loud[: 9 * HOP], np.full(50 * HOP, 0.5, np.float32)], 10)
    assert len(corpus) == 1 and corpus[0].starts.tolist() == list(range(31, 45))
    assert len(corpus[0].waveform) == 100 * HOP and corpus[0].log_mel.shape == (100, 80)


def test_the_loss_is_worked_out_by_hand():
    z = jnp.array([[[1.0, 2.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    # (1 + 4 + 9) / (2 * 4) less 6, over four samples.
    loss = negative_log_likelihood(z, jnp.array([6.0, 8.0]), 2.0)
    assert loss.tolist() == pytest.approx([(14 / 8 - 6) / 4, -2])
    value, figures = objective_of(2.0).loss(None, (z, jnp.array([6.0, 8.0])), {})
    assert float(value) == pytest.approx(((14 / 8 - 6) / 4 - 2) / 2)
    assert float(figures["noise"]) == pytest.approx(14 / 8 / 4)


def test_a_run_from_recordings_learns_and_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(WaveGlowConfig, "small", classmethod(lambda cls: TINY))
    (tmp_path / "recordings").mkdir()
    for seed, numbers in enumerate(([0, 1, 2], [2, 1, 0], [1, 0, 2])):
        write_wav(tmp_path / "recordings" / f"{seed}.wav", vowels(numbers, seed), SPEECH_RATE)
    options = {"steps": 20, "batch_size": 4, "crop_s": 0.2, "validate_every": 10, "learning_rate": 2e-2}
    options |= {"sigma": 0.5, "log_every": 1}
    config = WaveGlowTrainConfig(tmp_path / "recordings", tmp_path / "run", **options)

    def stop(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return distance(*arguments)

    distance = program.mel_distance
    monkeypatch.setattr(program, "mel_distance", stop)
    with pytest.raises(Interruption, match="step 10 of 20"):
        waveglow(config)
    monkeypatch.setattr(program, "mel_distance", distance)
    model = waveglow(config)
    # Before the first step a rotation and a coupling that does nothing: samples are their own noise.
    corpus = examples_of(recordings_of(config.recordings, 0), 20)
    samples = crops(corpus[1:], 0, 0, 4, 20)["waveform"]
    first = read_metrics(tmp_path / "run", "train")[0]
    assert first["step"] == 1 and first["loss"] == pytest.approx(np.square(samples).mean() / (2 * 0.25), rel=1e-3)
    rows = read_metrics(tmp_path / "run", "validation")
    assert [row["step"] for row in rows] == [10, 20] and rows[1]["nll"] < rows[0]["nll"] < -0.1
    assert all(np.isfinite(row["mel_l1"]) for row in rows)
    assert len(WaveGlow.load(model).waveform(np.full((20, 80), -4, np.float32))) == 20 * HOP
    assert "No text was read" in (model / "README.md").read_text()


def test_too_little_speech_and_wrong_options_are_refused(tmp_path):
    config = WaveGlowTrainConfig(tmp_path, tmp_path / "run")
    one = Example(np.zeros(160, np.float32), np.zeros((1, 80), np.float32), np.zeros(1, int))
    for few in ([], [one]):
        with pytest.raises(TrainingError, match=f"at least two with 0.64 s of sound, got {len(few)}"):
            Flow(config, TINY, few)
    options: tuple[dict[str, Any], ...] = (
        {"crop_s": 0.01},
        {"crop_s": 99.0},
        {"sigma": 0.0},
        {"max_recordings": -1},
        {"validation_recordings": 0},
        {"learning_rate": 1.0},
    )
    for wrong in options:
        with pytest.raises(ConfigError):
            WaveGlowTrainConfig(tmp_path, tmp_path, **wrong)

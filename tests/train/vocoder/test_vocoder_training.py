import os
import signal
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from spoken.vowels import vowel_strings

from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, Interruption, ModelFolderError, TrainingError
from avnet.files.artifact import WEIGHTS
from avnet.synthesizers.mel.acoustics import HOP, UnitAcoustics
from avnet.synthesizers.vocos import Vocos, VocosConfig
from avnet.units.strings import UnitString
from train.engine import loop
from train.engine.options import RunOptions
from train.engine.step import create
from train.vocoder import discriminator, program
from train.vocoder.batches import Utterance, assess, crops, mel_distance, utterances_of
from train.vocoder.config import VocoderTrainConfig
from train.vocoder.discriminator import Discriminator
from train.vocoder.objective import OBJECTIVE, Adversaries, optimizer_of
from train.vocoder.program import TABLE, Voice

TINY = VocosConfig(4, width=32, blocks=2, expansion=2, n_fft=640, duration_width=16)
TONES = (400.0, 1500.0)


@pytest.fixture(scope="module")
def tiny() -> Vocos:
    return Vocos(TINY, rngs=nnx.Rngs(0))


def tones(numbers: list[int]) -> tuple[np.ndarray, UnitString]:
    """Tones of 10 and 20 frames, each a unit, and half a window more at either end."""
    frames = np.array([10 * (number + 1) for number in numbers])
    pitch = np.repeat([TONES[number] for number in numbers], frames * HOP)
    waveform = 0.3 * np.sin(2 * np.pi * np.cumsum(np.pad(pitch, 120, mode="edge")) / SPEECH_RATE)
    starts = np.cumsum(frames) - frames
    return waveform.astype(np.float32), UnitString(np.array(numbers), starts, int(frames.sum()))


def test_crops_are_a_function_of_seed_and_step_and_keep_sound_with_its_units():
    # Every sample is its unit's number, so that a crop shows where it was cut.
    units, durations = np.array([1, 3, 2, 1]), np.array([5, 30, 20, 9])
    string = UnitString(units, np.cumsum(durations) - durations, 64)
    corpus = [Utterance(np.repeat(np.repeat(units, durations), HOP).astype(np.float32), string)]
    batch = crops(corpus, 0, 5, 3, 40)
    assert (batch["waveform"].reshape(3, 40, HOP) == batch["units"][..., None]).all() and batch["mask"].all()
    assert all((batch[name] == crops(corpus, 0, 5, 3, 40)[name]).all() for name in batch)
    assert any((batch["units"] != crops(corpus, 0, step, 3, 40)["units"]).any() for step in range(6, 9))
    assert batch["string"][0, :5].tolist() == [1, 3, 2, 1, 0] and batch["counts"].sum(axis=1).tolist() == [4] * 3
    assert batch["frames"][0, :4].tolist() == [5, 30, 20, 9]
    longer = crops(corpus, 0, 0, 2, 100)
    assert longer["mask"].sum(axis=1).tolist() == [64, 64] and not longer["waveform"][:, 64 * HOP :].any()


def test_recordings_without_units_are_left_out():
    waveform, string = tones([0, 1])
    output = utterances_of(
        [waveform, waveform[:100]], [string, UnitString(np.zeros(0, np.int64), np.zeros(0, np.int64), 0)]
    )
    assert len(output) == 1 and (output[0].waveform == waveform[120:-120]).all()
    assert mel_distance(output[0].waveform, output[0].waveform) == 0


def test_two_tones_are_learned_and_their_durations(tiny):
    rng = np.random.default_rng(0)
    orders = [[0, 1] * 4 if rng.random() < 0.5 else [1, 0] * 4 for _ in range(6)]
    examples = [tones(order) for order in orders]
    corpus = utterances_of([waveform for waveform, _ in examples], [string for _, string in examples])
    network = Adversaries(Vocos(TINY, rngs=nnx.Rngs(0)), None)
    state, steps = create(network, OBJECTIVE, optimizer_of(5e-3, 400), RunOptions())
    for step in range(400):
        state, figures = steps.update(state, crops(corpus, 0, step, 4, 32), jnp.int32(step))
    assert steps.update._cache_size() == 1 and all(np.isfinite(float(value)) for value in figures.values())
    vocoder_after = steps.network(state).vocoder
    assert vocoder_after.durations(np.array([0, 1, 0, 1]))[1:3].tolist() == pytest.approx([20, 10], rel=0.25)
    assert assess(vocoder_after, corpus[:1])["mel_l1"] < 0.5 * assess(tiny, corpus[:1])["mel_l1"]
    output = vocoder_after.speak(np.array([0, 1, 0, 1]), np.array([10, 20, 10, 20]))
    for first, last, tone in ((32, 38, TONES[0]), (13, 27, TONES[1])):
        part = output[first * HOP : last * HOP]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
        assert abs(np.argmax(spectrum) * SPEECH_RATE / len(part) - tone) < 100


def test_discriminator_is_trained_along(monkeypatch):
    monkeypatch.setattr(discriminator, "WIDTH", 4)
    corpus = utterances_of(*vowel_strings(1))
    network = Adversaries(Vocos(TINY, rngs=nnx.Rngs(0)), Discriminator(rngs=nnx.Rngs(0)))
    state, steps = create(network, OBJECTIVE, optimizer_of(1e-3, 2), RunOptions())
    before = jax.tree.map(np.array, state.params)
    for step in range(2):
        state, figures = steps.update(state, crops(corpus, 0, step, 1, 13), jnp.int32(step))
    assert {"generator", "features", "discriminator"} <= figures.keys()
    assert all(np.isfinite(float(value)) for value in figures.values())
    assert float(figures["discriminator"]) == pytest.approx(2, abs=0.5)
    for part in ("vocoder", "judge"):
        changes = jax.tree.leaves(
            jax.tree.map(lambda a, b: (a != np.asarray(b)).any(), before[part], state.params[part])
        )
        assert np.mean(changes) > 0.9
    assert steps.update._cache_size() == 1


def test_neither_opponent_is_changed_by_the_loss_of_the_other(monkeypatch):
    monkeypatch.setattr(discriminator, "WIDTH", 4)
    batch = jax.tree.map(jnp.asarray, crops(utterances_of(*vowel_strings(1)), 0, 0, 1, 13))
    network = Adversaries(Vocos(TINY, rngs=nnx.Rngs(0)), Discriminator(rngs=nnx.Rngs(0)))
    graph, params = nnx.split(network)

    def loss(params, own: bool):
        model = nnx.merge(graph, params)
        value, figures = OBJECTIVE.loss(model, OBJECTIVE.features(model, batch, jax.random.key(0)), batch)
        return figures["loss"] if own else value - figures["loss"]

    def size(gradient):
        return max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient))

    of_vocoder, of_judge = jax.jit(lambda params: (jax.grad(loss)(params, True), jax.grad(loss)(params, False)))(params)
    assert size(of_vocoder["judge"]) == 0 < size(of_vocoder["vocoder"])
    assert size(of_judge["vocoder"]) == 0 < size(of_judge["judge"])


def test_discriminator_gives_a_map_for_each_resolution():
    opinion = jax.eval_shape(lambda: Discriminator(rngs=nnx.Rngs(0))(jnp.zeros((2, 64 * HOP))))
    assert len(opinion.answers) == 3 and len(opinion.features) == 15
    assert [answer.shape for answer in opinion.answers] == [(2, 37, 65), (2, 17, 129), (2, 77, 33)]


def test_a_run_that_is_stopped_goes_on_to_the_same_voice(tmp_path, monkeypatch):
    monkeypatch.setattr(VocosConfig, "small", classmethod(lambda cls, units: TINY))
    waveforms, strings = vowel_strings(4)

    def fit(name: str):
        options = {"steps": 4, "batch_size": 2, "crop_s": 0.2, "validate_every": 2, "validation_recordings": 1}
        config = VocoderTrainConfig(tmp_path, tmp_path, tmp_path / name, **options)
        return loop.train(config.out, config, lambda _: Voice(config, waveforms, strings, 4, 1, "f"))

    whole = fit("whole")

    def stop(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return assess(*arguments)

    monkeypatch.setattr(program, "assess", stop)
    with pytest.raises(Interruption, match="step 2 of 4"):
        fit("cut")
    monkeypatch.setattr(program, "assess", assess)
    cut = fit("cut")
    assert (cut / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()
    assert Vocos.load(cut).config == TINY and len(UnitAcoustics.load(tmp_path / "cut" / TABLE).frames) == 4
    with pytest.raises(TrainingError, match="another recordings"):
        strings = strings[::-1]
        fit("cut")


def test_program_refuses_in_one_line(tmp_path):
    wrong: tuple[dict[str, Any], ...] = (
        {"steps": 0},
        {"crop_s": 0.1},
        {"crop_s": 99.0},
        {"learning_rate": 0.0},
        {"seed": -1},
        {"batch_size": 0},
    )
    for options in wrong:
        with pytest.raises(ConfigError):
            VocoderTrainConfig(tmp_path, tmp_path, tmp_path, **options)
    config = VocoderTrainConfig(tmp_path, tmp_path, tmp_path / "out")
    with pytest.raises(TrainingError, match="at least two"):
        Voice(config, [np.zeros(10, np.float32)], [UnitString(np.zeros(0, int), np.zeros(0, int), 0)], 4, 1, "f")
    with pytest.raises(ModelFolderError, match="is not a set of units"):
        program.vocoder(config)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo.txt").write_text("x")
    with pytest.raises(TrainingError, match="not the folder of a run"):
        program.vocoder(config)

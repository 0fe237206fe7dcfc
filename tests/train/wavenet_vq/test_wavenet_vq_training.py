"""Training of a WaveNet-VQ."""

import json
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from spoken.vowels import vowels

from avnet.audio.mfcc import mfcc
from avnet.audio.mu_law import from_mu_law
from avnet.errors import ConfigError, TrainingError
from avnet.media import read_waveform
from avnet.units.registry import read_any_units
from avnet.units.wavenet_vq.config import FrameDecoderConfig, WaveNetConfig, WaveNetVQConfig
from avnet.units.wavenet_vq.network import WaveNetVQ
from train.engine import loop
from train.wavenet_vq.batches import Example, crops, examples_of
from train.wavenet_vq.config import WaveNetVQTrainConfig
from train.wavenet_vq.objective import reconstruction
from train.wavenet_vq.placement import Placed, k_means
from train.wavenet_vq.program import Coding
from train.wavenet_vq.rate import penalty_for
from train.wavenet_vq.resynthesis import said_again

TINY = WaveNetConfig(sample_rate=8_000, cycles=1, layers=3, width=16, skip=24, condition=8)


def numbered(frames: int, speaker: int = 0) -> Example:
    """Each frame holds its number, from 1."""
    numbers = np.arange(1, frames + 1, dtype=np.float32)[:, None]
    return Example(numbers * np.ones((1, 39), np.float32), {"mel": numbers * np.ones((1, 80), np.float32)}, speaker)


def test_what_is_said_is_in_time_with_what_is_heard():
    waveform = vowels([0, 1, 2])
    (told,) = examples_of([waveform, np.zeros(399, np.float32)], [1, 0], FrameDecoderConfig())
    frames = len(mfcc(waveform))
    assert told.cepstra.shape == (frames, 39) and told.said["mel"].shape == (frames, 80) and told.speaker == 1
    log_f0, voiced = told.said["pitch"].T
    assert voiced.mean() > 0.9 and np.exp(log_f0[voiced > 0]) == pytest.approx(120, rel=0.02)
    (heard,) = examples_of([waveform], [0], WaveNetConfig.tiny())
    assert heard.said["samples"].shape == (frames, 80)
    # The stretch of a frame is the middle of its window of 400 samples; half of them are left.
    sound = from_mu_law(heard.said["samples"][20])
    stretch = waveform[20 * 160 + 120 :][:160:2]
    assert np.corrcoef(sound, stretch)[0, 1] > 0.95
    whole = replace(WaveNetConfig.tiny(), sample_rate=16_000)
    (all_samples,) = examples_of([waveform], [0], whole)
    assert from_mu_law(all_samples.said["samples"][20]) == pytest.approx(waveform[20 * 160 + 120 :][:160], abs=0.02)


def test_crops_are_a_function_of_seed_and_step():
    corpus = [numbered(50, 1), numbered(6)]
    batch = crops(corpus, 0, 3, 16, 10)
    assert batch["cepstra"].shape == (16, 10, 39) and batch["mel"].shape == (16, 10, 80)
    for cepstra, mel, frames, speaker in zip(*(batch[n] for n in ("cepstra", "mel", "frames", "speaker")), strict=True):
        first = cepstra[0, 0]
        assert cepstra[:frames, 5].tolist() == list(np.arange(first, first + frames)) == mel[:frames, 5].tolist()
        assert frames == (10 if speaker else 6) and not cepstra[frames:].any() and not mel[frames:].any()
    assert set(batch["speaker"]) == {0, 1}
    assert all(np.array_equal(array, batch[name]) for name, array in crops(corpus, 0, 3, 16, 10).items())
    assert not np.array_equal(crops(corpus, 0, 4, 16, 10)["cepstra"], batch["cepstra"])


def test_centres_lie_where_vectors_do():
    rng = np.random.default_rng(0)
    means = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    vectors = np.concatenate([mean + 0.1 * rng.normal(size=(20, 2)) for mean in means]).astype(np.float32)
    exists = np.ones(60, np.float32)
    centres = jax.jit(k_means, static_argnums=2)(jnp.asarray(vectors), jnp.asarray(exists), 3)
    expected = vectors.reshape(3, 20, 2).mean(axis=1)
    # In any order: the nearest of each.
    nearest = np.square(expected[:, None] - np.asarray(centres)).sum(axis=-1).argmin(axis=1)
    assert sorted(nearest) == [0, 1, 2] and np.asarray(centres)[nearest] == pytest.approx(expected, abs=1e-4)
    # What does not exist draws nothing.
    vectors[20:40], exists[20:40] = 1e3, 0.0
    centres = jax.jit(k_means, static_argnums=2)(jnp.asarray(vectors), jnp.asarray(exists), 3)
    assert np.asarray(centres).max() < 10


def test_codes_begin_when_they_are_placed():
    config = WaveNetVQConfig(codes=4, width=4, features=2, decoder=FrameDecoderConfig(width=4, convolutions=1))
    placed = Placed(WaveNetVQ(config, rngs=nnx.Rngs(0)), 2, 32)
    points = jnp.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0], [5.0, 5.0]])
    noise = 0.1 * np.random.default_rng(0).normal(size=(2, 16, 2))
    x, mask = jnp.tile(points, (2, 4, 1)) + jnp.asarray(noise, jnp.float32), jnp.ones((2, 16), bool)
    step = nnx.jit(lambda placed, x, mask: placed.quantize(x, mask))
    for _ in range(2):
        same, commitment = step(placed, x, mask)
        assert np.array_equal(same, x) and commitment == 0
    quantized, commitment = step(placed, x, mask)
    assert np.asarray(quantized) == pytest.approx(np.tile(points, (2, 4, 1)), abs=0.15)
    assert 0 < float(commitment) < 0.05
    assert float(placed.updates[...]) == 3
    assert np.sort(np.asarray(placed.model.quantizer.codes[...]).round(), axis=0).tolist() == [
        [0, 0],
        [0, 0],
        [5, 5],
        [5, 5],
    ]


def test_changes_cost_as_much_as_leaves_so_many_units():
    costs = np.random.default_rng(0).uniform(size=(3, 100, 8)).astype(np.float32)
    steps = np.array([100, 60, 100])
    costs[1, 60:] = 0
    penalty = penalty_for(costs, steps, 40)
    assert penalty > 0 and penalty_for(costs, steps, 20) > penalty
    assert penalty_for(costs, steps, 260) == 0.0
    # Not even one a recording: as few as there can be.
    assert penalty_for(costs, steps, 1) > penalty


def test_samples_of_a_second_are_learned_by_heart():
    (example,) = examples_of([vowels([0, 1, 2, 1, 0])], [0], TINY)
    batch = {name: jnp.asarray(array) for name, array in crops([example], 0, 0, 1, 98).items()}
    assert batch["samples"].size == 98 * 80
    model = WaveNetVQ(WaveNetVQConfig(codes=4, width=8, features=4, decoder=TINY), rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(3e-2), wrt=nnx.Param)
    codes = jnp.asarray(np.random.default_rng(0).normal(size=(1, 49, 4)), jnp.float32)

    @nnx.jit
    def update(model, optimizer):
        bits, gradients = nnx.value_and_grad(lambda model: reconstruction(model, codes, batch).mean())(model)
        optimizer.update(model, gradients)
        return bits

    bits = [float(update(model, optimizer)) for _ in range(60)]
    shares = np.bincount(np.asarray(batch["samples"]).ravel(), minlength=256) / batch["samples"].size
    marginal = -np.sum(shares * np.log2(np.maximum(shares, 1e-12)))
    assert 7 < bits[0] < 10 and bits[-1] < marginal - 0.5
    model.eval()
    waveform, rate = said_again(model, example)
    assert rate == 8_000 and len(waveform) == 98 * 80 and 0.01 < np.abs(waveform).max() <= 1


def test_units_of_vowels_are_learned(tmp_path, monkeypatch):
    decoder = FrameDecoderConfig(width=16, convolutions=1, kernel=3)
    tiny = WaveNetVQConfig(codes=6, width=16, features=8, decoder=decoder)
    monkeypatch.setattr(WaveNetVQConfig, "small", lambda codes, speakers, kind: tiny)
    rng = np.random.default_rng(0)
    waveforms = [vowels(rng.integers(0, 3, 6).tolist(), seed) for seed in range(11)]
    examples = examples_of(waveforms, [0] * 11, decoder)
    options: dict[str, Any] = {"steps": 60, "batch_size": 4, "validate_every": 20, "learning_rate": 1e-2}
    config = WaveNetVQTrainConfig(tmp_path, tmp_path / "run", codes=6, place_after=10, units_a_second=8.0, **options)
    model = loop.train(config.out, config, lambda _: Coding(config, examples, 0))
    rows = [json.loads(line) for line in (config.out / "metrics.jsonl").read_text().splitlines()]
    first, _, last = [row for row in rows if row["kind"] == "validation"]
    # The median of standardized bands is about .8 off.
    assert last["reconstruction"] < min(first["reconstruction"], 0.5)
    assert 1.5 < last["perplexity"] <= 6 and 3 < last["units_a_second"] < 12
    assert {"reconstruction", "commitment"} <= rows[0].keys()
    assert len(read_waveform(config.out / "said.wav", 16_000).samples) == 160 * len(examples[0].cepstra)
    units = read_any_units(model)
    assert units.count == 6 and "No text was read" in (model / "README.md").read_text()
    # Vowels of 0.2 s: each is nearly always one unit, and units tell more of them apart than a single one would.
    said = np.random.default_rng(99).integers(0, 3, 40)
    heard = []
    for part in np.split(said, 4):
        string = units.encode(vowels(part.tolist(), 99))
        heard += np.repeat(string.units, string.durations)[9::20].tolist()
    table = np.zeros((3, 6), int)
    np.add.at(table, (said, heard), 1)
    assert table.max(axis=1).sum() >= 32 and table.max(axis=0).sum() >= 1.2 * table.sum(axis=1).max()


def test_too_little_speech_and_wrong_options_are_refused(tmp_path):
    config = WaveNetVQTrainConfig(tmp_path, tmp_path / "run")
    with pytest.raises(TrainingError, match="steps of 20 ms, fewer than 256 units"):
        Coding(config, [numbered(40), numbered(40)], 0)
    wrong: tuple[dict[str, Any], ...] = ({"codes": 1}, {"place_after": 3000}, {"units_a_second": 51.0}, {"crop_s": 0.0})
    more: tuple[dict[str, Any], ...] = ({"max_recordings": -1}, {"validation_recordings": 0}, {"learning_rate": 1.0})
    for options in wrong + more:
        with pytest.raises(ConfigError):
            WaveNetVQTrainConfig(tmp_path, tmp_path, **options)
    assert replace(config, crop_s=0.33).frames == 32

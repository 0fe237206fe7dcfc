"""Training of a Show and Speak: its loss and schedules by hand, its batches, and a tiny run."""

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_networks import random_backbone
from spoken.world import make_source, tiny_networks

import avnet
from avnet.describer.show_and_speak.config import ShowAndSpeakConfig
from avnet.describer.show_and_speak.describer import DirectDescriber
from avnet.describer.show_and_speak.network import Told
from avnet.errors import ConfigError, OptionError, TrainingError
from avnet.events import Notice
from avnet.synthesizers.tacotron2.spectrum_network import Forced
from data.spoken.config import SpokenConfig
from data.spoken.corpus import open_corpus
from data.spoken.pack import pack
from train.captioner.places import GridPlaces
from train.show_and_speak.batches import Recording, Sampling, buckets_of, described_images
from train.show_and_speak.config import ShowAndSpeakTrainConfig
from train.show_and_speak.objective import losses_of
from train.show_and_speak.program import Showing, show_and_speak
from train.show_and_speak.schedules import noam, sampled_share

# All cells of an image hold its number.
PLACES = GridPlaces([np.arange(5, dtype=np.float16)[:, None, None, None] * np.ones((5, 2, 2, 3), np.float16)], "grid")


def test_the_loss_is_worked_out_by_hand():
    """Three descriptions of two images, in steps of two frames; the second one ends in the middle of a step."""
    mask = np.arange(4) < np.array([[4], [3], [2]])
    frames = np.random.default_rng(0).normal(size=(3, 4, 80)).astype(np.float32)
    off = np.array([0.5, 1.0, 2.0], np.float32)[:, None, None]
    before = np.where(mask[..., None], frames + off, np.float32(1e3))
    log_odds, alignment = np.array([[1.0, -1.0]] * 3, np.float32), np.ones((3, 2, 1), np.float32)
    said = Forced(*map(jnp.asarray, (before, frames - 2 * off, log_odds, alignment)))
    image = np.array([[1.0, 0], [1, 0], [0, 2]], np.float32)
    speech = np.array([[1.0, 0], [3, 0], [0, 1]], np.float32)
    losses = jax.jit(losses_of)(Told(said, jnp.asarray(image), jnp.asarray(speech)), frames, mask, np.array([7, 7, 8]))
    go, end = np.log1p(np.exp(1.0)), np.log1p(np.exp(1.0))
    stop = np.array([(go + end) / 2, (go + end) / 2, np.log1p(np.exp(-1.0))])
    # Products [[1, -, 0], [-, 3, 0], [0, 0, 2]]: two descriptions of one image are no wrong answers to each other.
    right = np.array([1.0, 3, 2])
    match = 2 * (np.log(np.exp(right) + np.array([1, 1, 2])) - right)
    error = off.ravel() ** 2
    assert losses["before"].tolist() == pytest.approx(error.tolist(), rel=1e-4)
    assert losses["after"].tolist() == pytest.approx((4 * error).tolist(), rel=1e-4)
    assert losses["stop"].tolist() == pytest.approx(stop.tolist())
    assert losses["match"].tolist() == pytest.approx(match.tolist())
    whole = 100 * 5 * error + stop + match / 2
    assert losses["loss"].tolist() == pytest.approx(whole.tolist(), rel=1e-4)


def test_the_learning_rate_rises_then_falls_with_the_square_root():
    rate = noam(2e-3, 100)
    steps = jnp.array([0, 49, 99, 399])
    assert np.asarray(rate(steps)).tolist() == pytest.approx([2e-5, 1e-3, 2e-3, 1e-3])


def test_its_own_frames_come_by_an_inverse_sigmoid_up_to_a_bound():
    assert sampled_share(0, 160, 0.025) == 0
    # k / (k - 1 + e) of k = 4 one sigmoid's length in.
    assert sampled_share(4, 4, 1) == pytest.approx(1 - 4 / (3 + np.e))
    shares = [sampled_share(epoch, 160, 0.025) for epoch in range(400)]
    assert shares == sorted(shares) and shares[200] < 0.025 == shares[300]
    assert sampled_share(1e9, 160, 1) == pytest.approx(1)


def test_a_batch_holds_recordings_of_one_length_with_the_places_of_their_images():
    numbered = [Recording(i, np.full((frames, 80), i, np.float16)) for i, frames in enumerate((90, 200, 250, 300, 601))]
    buckets = buckets_of([*numbered, Recording(0, np.zeros((0, 80), np.float16))], 600)
    assert [(bucket.frames, [one.image for one in bucket.recordings]) for bucket in buckets] == [
        (240, [0, 1]),
        (360, [2, 3]),
    ]
    sampling = Sampling(0.5, 1.0, 1)
    batches = [described_images(buckets, PLACES, 7, sampling, 0, step, 2) for step in range(6)]
    assert {batch["frames"].shape for batch in batches} == {(2, 245, 80), (2, 364, 80)}
    for batch in batches:
        assert (batch["cells"] == batch["image"][:, None, None]).all() and batch["boxes"].shape == (2, 4, 4)
        lengths = np.array([90, 200, 250, 300])[batch["image"]]
        assert batch["frame_mask"].sum(axis=1).tolist() == lengths.tolist()
        assert (batch["frames"] == batch["image"][:, None, None] * batch["frame_mask"][..., None]).all()
    assert batches[0]["own_share"].tolist() == [0, 0] and batches[5]["own_share"].tolist() == [0.5, 0.5]
    again = described_images(buckets, PLACES, 7, sampling, 0, 3, 2)
    assert all(np.array_equal(again[name], batches[3][name]) for name in again)


def test_images_are_said_to_the_end_of_a_tiny_run(tmp_path, monkeypatch):
    sizes: dict[str, Any] = {"width": 16, "prenet": 16, "attention_hidden": 24, "decoder_hidden": 24, "attention": 8}
    sizes |= {"location_filters": 4, "location_kernel": 5, "postnet": 8, "postnet_convolutions": 2, "dropout": 0.0}
    sizes |= {"boxes": 4, "hidden": 16, "match": 8, "steps": 30, "frames_per_step": 5}
    monkeypatch.setattr(ShowAndSpeakConfig, "small", lambda count, regions: ShowAndSpeakConfig(count, regions, **sizes))
    pack(SpokenConfig(make_source(tmp_path / "source"), tmp_path / "spoken"))
    random_backbone("mobilenetv2", 64).save(tmp_path / "backbone")
    options: dict[str, Any] = {"steps": 24, "batch_size": 8, "validate_every": 12, "learning_rate": 1e-2}
    options |= {"scheduled_sampling": 0.5, "sampling_epochs": 1.0, "log_every": 1}
    config = ShowAndSpeakTrainConfig(tmp_path / "spoken", tmp_path / "backbone", tmp_path / "run", **options)
    with tiny_networks():
        model = show_and_speak(config)
    rows = [json.loads(line) for line in (config.out / "metrics.jsonl").read_text().splitlines()]
    losses = [row for row in rows if row["kind"] == "train"]
    assert {"before", "after", "stop", "match"} <= losses[0].keys()
    # Most of it is how far spectra of unit deviation are off, 200 times.
    assert np.mean([row["loss"] for row in losses[-5:]]) < 0.75 * losses[0]["loss"]
    first, last = [row for row in rows if row["kind"] == "validation"]
    assert last["mel_l1"] < first["mel_l1"] and 0 <= last["stopped"] <= 1 and 0 < last["length_ratio"] < 10
    assert "mel_l1_other_images" in last
    card = (model / "README.md").read_text()
    assert "expect babble" in card and "No text was read" in card and "Recordings for training: 32" in card

    describer = avnet.load(model)
    assert isinstance(describer, DirectDescriber) and describer.validation["mel_l1"] == pytest.approx(last["mel_l1"])
    corpus = open_corpus(tmp_path / "spoken")
    with tiny_networks():
        features = describer.features([corpus.image(number) for number in corpus.images_in("test")])
    notices = []
    waveforms = describer.speak(features, notices.append)
    limit = 30 * 5 * 160
    assert len(waveforms) == 4 and all(0 < len(one) <= limit and np.abs(one).max() <= 1 for one in waveforms)
    assert len(notices) == sum(len(one) == limit for one in waveforms) and all(isinstance(n, Notice) for n in notices)
    assert all(map(np.array_equal, describer.speak(features), waveforms))
    # Rounding that depends on the size of a batch is small in a spectrogram; Griffin and Lim's phases make more of it.
    (alone,) = describer.speak(features.select(slice(1)))
    assert alone.shape == waveforms[0].shape
    assert np.linalg.norm(alone - waveforms[0]) < 0.1 * np.linalg.norm(waveforms[0])
    with pytest.raises(OptionError, match="this one sees cells of a grid"):
        describer.use_regions(tmp_path / "regions.npz")
    # Longer than all of its recordings, or none to validate by.
    sizes["steps"] = 2
    with pytest.raises(TrainingError, match=r"has no recording of at most 0\.1 s for training"), tiny_networks():
        Showing(config.with_defaults())


WRONG: tuple[dict[str, Any], ...] = (
    {"validation_images": 0},
    {"scheduled_sampling": 1.5},
    {"sampling_epochs": 0.0},
    {"warmup": 0},
    {"learning_rate": 1.0},
)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_options_are_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match=f"--{next(iter(wrong)).replace('_', '-')}"):
        ShowAndSpeakTrainConfig(tmp_path, tmp_path, tmp_path, **wrong)


def test_the_warm_up_is_that_of_the_paper_or_a_fifth_of_the_steps(tmp_path):
    def warmup(**options):
        return ShowAndSpeakTrainConfig(tmp_path, tmp_path, tmp_path, **options).with_defaults().warmup

    assert (warmup(steps=1000), warmup(steps=100_000), warmup(steps=1000, warmup=700)) == (200, 4000, 700)

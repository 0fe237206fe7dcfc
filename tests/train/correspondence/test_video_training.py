"""Networks that see more of a moment than an image: from videos to a model in use."""

import hashlib
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import random_network
from spoken.tiny_corpus import write_metadata

import avnet
from avnet.audio.config import SpectrogramConfig
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.network import build
from avnet.moments.flow import NO_MOTION
from data.corpus import manifest
from data.records import records
from data.records.jpeg import encode_jpeg
from data.records.loader import load_batches
from data.records.pairs import PairConfig
from data.records.records import open_split
from data.records.segment import Segment
from eval.correspondence.pairs import evaluation_pairs
from train.correspondence.backbones import network_config
from train.correspondence.config import TrainConfig
from train.correspondence.objective import towers_of
from train.correspondence.program import train

RATE, FPS, SECONDS = 8_000, 25, 1.6
FRONT = SpectrogramConfig(sample_rate=RATE, win_length=256, hop_length=128, n_fft=256, n_mels=16, f_max=4_000.0)
TINY = ModelConfig(
    image_size=32, widths=(4, 6, 8, 12), embedding_size=8, distance_slope=10.0, distance_bias=10.0, spectrogram=FRONT
)
SEEN = {"frames": {"frames": 25}, "flow": {"flow_fields": 10}}


def moving_bar(number: int) -> Segment:
    """A bar that falls with a low tone, or rises with a high one: no single frame tells which."""
    rng = np.random.default_rng(number)
    falls, first = number % 2 == 0, rng.integers(40)
    frames = []
    for i in range(round(SECONDS * FPS)):
        image = rng.integers(60, 70, (40, 40, 3)).astype(np.uint8)
        image[(first + (2 * i if falls else -2 * i) + np.arange(12)) % 40] = 220
        frames.append(encode_jpeg(image, 90))
    time = np.arange(round(SECONDS * RATE)) / RATE
    sound = 0.4 * np.sin(2 * np.pi * (300 if falls else 2000) * time + rng.uniform(0, 6))
    name = f"bar_{number}.mp4"
    at = np.arange(len(frames)) * RATE // FPS
    video = hashlib.sha256(name.encode()).hexdigest()
    pcm = np.rint(sound * 32767).astype(np.int16)
    return Segment(name, video, 0.0, frames, at, RATE / FPS, pcm, RATE)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder, shards, rows = tmp_path_factory.mktemp("records"), {}, []
    for split, numbers in (("train", range(8)), ("validation", range(8, 12)), ("test", range(12, 16))):
        with records.ShardWriter(folder / records.shard_name(split, 0, 1)) as writer:
            for number in numbers:
                segment = moving_bar(number)
                writer.write(segment)
                rows.append(manifest.Row(segment.name, "ok", "", "", segment.video, split, 1, SECONDS))
        shards[split] = [(writer.records, writer.num_bytes)]
    (folder / manifest.FILE).write_text("".join(row.to_json() + "\n" for row in rows))
    write_metadata(folder, shards)
    return folder


@pytest.fixture
def tiny(monkeypatch):
    """Presets have the sizes of `TINY`, and weights that JAX does not compile the random numbers of."""

    def config(network, preset):
        return replace(TINY, network=network, **SEEN.get(preset.partition("-")[2], {}))

    monkeypatch.setattr("train.correspondence.backbones.ModelConfig.preset", config)
    monkeypatch.setattr("train.correspondence.program.build", lambda sizes, rngs: random_network(sizes))


@pytest.mark.slow
def test_a_run_on_frames_gives_a_model_of_them(corpus, tmp_path, tiny):
    train(TrainConfig("ave", corpus, tmp_path, preset="small-frames", steps=2, batch_size=8, augmentation="paper"))
    model = avnet.load(tmp_path / "model")
    assert model.config.title == "AVE+MF"
    pairs = evaluation_pairs(model, corpus, "test")
    assert pairs.images[0].shape == (32, 32, 75)
    assert model.correspondence_matrix(pairs.images, pairs.waveforms).shape == (4, 4)


def test_batches_of_motion_reach_both_streams(corpus, tiny):
    need("cv2")
    config = TrainConfig("ave", corpus, Path("run"), preset="small-flow").with_defaults()
    sizes = network_config(config)
    pairs = PairConfig(sizes.clip_samples, 36, moment=sizes.moment)
    batches = load_batches(open_split(corpus, "train"), pairs, batch_size=4, seed=0)
    image = next(batches)["image"]
    batches.close()
    assert image.shape == (4, 36, 36, 23)
    # Two pixels of 40 are 13 of 256, which 8 bits hold as 81; where nothing has an edge, the search finds less.
    down = np.median(image[..., 4::2].astype(int) - NO_MOTION, axis=(1, 2, 3))
    assert (np.abs(down) > 30).all()
    network = nnx.eval_shape(lambda: build(sizes, rngs=nnx.Rngs(0)))
    batch = {"image": jnp.asarray(image), "waveform": jnp.zeros((4, sizes.clip_samples), jnp.int16)}
    grids, _ = nnx.eval_shape(lambda net: towers_of(config)(net, batch, jax.random.key(0)), network)
    assert grids.shape == (4, 2, 2, 12)

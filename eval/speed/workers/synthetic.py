"""Images, sounds, records, videos, models and vectors to measure with, drawn by a seed: nothing is downloaded."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from avnet.audio.pcm import from_pcm, to_pcm

SAMPLE_RATE = 48_000
FPS = 25.0
# Of the records, as `data prepare` cuts them: a frame a second, 256 pixels high.
SEGMENT_S, FRAME_WIDTH, FRAME_HEIGHT, QUALITY = 10, 340, 256, 90


def random_images(count: int, side: int, seed: int = 0) -> np.ndarray:
    """uint8 [count, side, side, 3]."""
    rng = np.random.default_rng(seed)
    return np.stack([random_image(rng, side, side) for _ in range(count)])


def random_image(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Clouds of colour with some grain, so that it takes as many bytes as a photo: uint8 [height, width, 3]."""
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-12, 13, (height, width, 1), np.int16)
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def sounds(count: int, samples: int, seed: int = 0) -> np.ndarray:
    """int16 [count, samples]: tones in noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / SAMPLE_RATE
    pitch, level = rng.uniform(100, 4000, (count, 1)), rng.uniform(0.1, 0.5, (count, 1))
    wave = level * np.sin(2 * np.pi * pitch * time) + 0.05 * rng.standard_normal((count, samples))
    return to_pcm(wave)


def write_records(folder: Path, segments: int) -> None:
    """Records as of `data prepare`, each of a video of its own; a few for validation beside them.

    Args:
        folder: new.
        segments: for training.
    """
    from data.corpus import manifest
    from data.records import records  # imports TensorFlow Datasets, which takes seconds
    from data.records.jpeg import encode_jpeg
    from data.records.segment import Segment

    rng = np.random.default_rng(0)
    # A few frames used many times: reading is measured, not making.
    frames = [encode_jpeg(random_image(rng, FRAME_WIDTH, FRAME_HEIGHT), QUALITY) for _ in range(64)]
    tracks = sounds(16, SEGMENT_S * SAMPLE_RATE)
    folder.mkdir(parents=True)
    shards, rows = {}, []
    for split, count in (("train", segments), ("validation", 8)):
        with records.ShardWriter(folder / records.shard_name(split, 0, 1)) as writer:
            for i in range(count):
                name = f"{split}_{i}.mp4"
                segment = Segment(
                    name=name,
                    # Records know videos by a digest of their content, which these have not.
                    video=hashlib.sha256(name.encode()).hexdigest(),
                    start_s=0.0,
                    frames=[frames[j] for j in rng.integers(len(frames), size=SEGMENT_S)],
                    frame_at=SAMPLE_RATE // 2 + SAMPLE_RATE * np.arange(SEGMENT_S),
                    frame_period=SAMPLE_RATE / FPS,
                    waveform=tracks[i % len(tracks)],
                    sample_rate=SAMPLE_RATE,
                )
                writer.write(segment)
                rows.append(manifest.Row(name, "ok", "", "", segment.video, split, 1, SEGMENT_S))
        shards[split] = [(writer.records, writer.num_bytes)]
    (folder / manifest.FILE).write_text("".join(row.to_json() + "\n" for row in rows))
    for name, text in records.metadata(shards).items():
        (folder / name).write_text(text)


def write_film(path: Path, seconds: float, height: int) -> int:
    """A video in which a square moves over clouds, with sound.

    Args:
        path: of the mp4.
        seconds: of it.
        height: pixels; four thirds as wide.

    Returns:
        Its frames.
    """
    from avnet.media import write_video

    count = round(seconds * FPS)
    waveform = from_pcm(sounds(1, round(seconds * SAMPLE_RATE))[0])
    write_video(path, _moving(count, height), FPS, waveform, SAMPLE_RATE)
    return count


def _moving(count: int, height: int) -> Iterator[np.ndarray]:
    width, side = height * 4 // 3, height // 4
    background = random_image(np.random.default_rng(0), width, height)
    for i in range(count):
        image = background.copy()
        left = (2 * i) % (width - side)
        image[side : 2 * side, left : left + side] = (230, 40, 40)
        yield image


def write_model(folder: Path, network: str, preset: str) -> str:
    """A model folder with fresh weights; returns its fingerprint."""
    from flax import nnx

    from avnet.correspondence.config import ModelConfig
    from avnet.correspondence.model import Model
    from avnet.correspondence.network import build

    config = ModelConfig.preset(network, preset)  # pyright: ignore[reportArgumentType]
    return Model(config, build(config, rngs=nnx.Rngs(0))).save(folder, "Fresh weights, to measure speed with.\n")


def clustered_vectors(rows: int, size: int, seed: int, clusters: int) -> np.ndarray:
    """Unit vectors about random centres, their cosine with it about .8: float32 [rows, size].

    Embeddings of a collection lie in clusters of things that look or sound alike; vectors without any structure have no
    near neighbours, and no index can find what is not there.

    Args:
        rows: how many.
        size: of a vector.
        seed: of the rows; the centres are always the same.
        clusters: how many centres.
    """
    # Always the same, so that queries of another seed come from the clusters of the index.
    centres = np.random.default_rng(0).standard_normal((clusters, size), np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    rng = np.random.default_rng((1, seed))
    # Noise of length .75 beside a centre of length 1: a cosine of 1 / sqrt(1 + .75 ** 2) = .8.
    noise = rng.standard_normal((rows, size), np.float32) * np.float32(0.75 / np.sqrt(size))
    vectors = centres[rng.integers(clusters, size=rows)] + noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

"""Records in which each colour has a pitch: enough to learn from in a minute, made without any video file."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from data.corpus import manifest
from data.records import records
from data.records.jpeg import encode_jpeg
from data.records.records import ShardWriter
from data.records.segment import Segment

SAMPLE_RATE = 48_000
COLOURS = ((220, 40, 40), (40, 200, 60), (50, 70, 230), (230, 220, 60))


def write_corpus(
    folder: Path, train: int = 32, validation: int = 16, make: Callable[[str, int], Segment] | None = None
) -> Path:
    """Writes `train` and `validation` segments of one second and a half, with their manifest."""
    folder.mkdir(parents=True)
    shards, rows = {}, []
    for split, count in (("train", train), ("validation", validation)):
        with ShardWriter(folder / records.shard_name(split, 0, 1)) as writer:
            for i in range(count):
                segment = (make or make_segment)(f"{split}_{i}.mp4", i)
                writer.write(segment)
                rows.append(manifest.Row(segment.name, "ok", "", "", segment.video, split, 1, 1.5))
        shards[split] = [(writer.records, writer.num_bytes)]
    (folder / manifest.FILE).write_text("".join(row.to_json() + "\n" for row in rows))
    write_metadata(folder, shards)
    return folder


def write_metadata(folder: Path, shards: dict[str, list[tuple[int, int]]]) -> None:
    """Makes a folder of shards open."""
    for name, text in records.metadata(shards).items():
        (folder / name).write_text(text)


def make_segment(name: str, number: int) -> Segment:
    """An image of the colour, and the tone of the pitch, that `number` has; position and loudness vary."""
    rng = np.random.default_rng(number)
    kind = number % len(COLOURS)
    image = rng.integers(90, 130, (144, 144, 3)).astype(np.uint8)
    top, left = rng.integers(0, 64, 2)
    image[top : top + 80, left : left + 80] = COLOURS[kind]
    time = np.arange(int(1.5 * SAMPLE_RATE)) / SAMPLE_RATE
    tone = rng.uniform(0.1, 0.5) * np.sin(2 * np.pi * 300 * 2.0**kind * time + rng.uniform(0, 6))
    return Segment(
        name=name,
        video=hashlib.sha256(name.encode()).hexdigest(),
        start_s=0.0,
        frames=[encode_jpeg(image, 90)],
        frame_at=np.array([36_000]),
        frame_period=1920.0,
        waveform=np.rint(tone * 32767).astype(np.int16),
        sample_rate=SAMPLE_RATE,
    )

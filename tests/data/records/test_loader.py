import hashlib
import json
import threading
import time

import numpy as np
import pytest

from avnet.errors import DataError
from data.records.jpeg import encode_jpeg
from data.records.loader import load_batches
from data.records.pairs import PairConfig
from data.records.segment import Segment

RATE = 1000
CONFIG = PairConfig(clip_samples=400, canvas=8)
KEYS = ("image", "label", "video", "waveform")


class Segments:
    """Segments made on demand; the video's number is the index."""

    def __init__(self, count=12):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index, /):
        sound = np.random.default_rng(index).integers(-9999, 9999, 2000).astype(np.int16)
        jpeg = encode_jpeg(np.full((8, 8, 3), 10 * index, np.uint8), 90)
        video = f"{index:08x}" + hashlib.sha256(bytes([index])).hexdigest()[:56]
        return Segment(str(index), video, 0.0, [jpeg], np.array([1000]), 40.0, sound, RATE)


def take(count, *, source=None, batch_size=4, seed=0, **options):
    batches = load_batches(source or Segments(), CONFIG, batch_size, seed, **options)
    try:
        return [next(batches) for _ in range(count)]
    finally:
        batches.close()


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x[key], y[key]) for x, y in zip(a, b, strict=True) for key in KEYS)


def videos(batches):
    return np.concatenate([batch["video"] for batch in batches]).tolist()


def test_batches_have_the_shapes_and_types_that_training_needs():
    (batch,) = take(1)
    assert batch["image"].shape == (4, 8, 8, 3) and batch["image"].dtype == np.uint8
    assert batch["waveform"].shape == (4, 400) and batch["waveform"].dtype == np.int16
    for key in ("label", "video"):
        assert batch[key].shape == (4,) and batch[key].dtype == np.int32


def test_all_threads_read_at_once():
    class Waiting(Segments):
        """Segments that only six readers together get to see."""

        barrier = threading.Barrier(6, timeout=20)

        def __getitem__(self, index, /):
            self.barrier.wait()
            return super().__getitem__(index)

    config = PairConfig(clip_samples=400, canvas=8, negatives=0.0)
    batches = load_batches(Waiting(), config, 1, 0, threads=6)
    assert len(next(batches)["label"]) == 1
    Waiting.barrier.abort()
    batches.close()


def test_number_of_threads_changes_nothing():
    assert same(take(9, threads=1), take(9, threads=4, buffered_batches=2))


def test_seed_decides_the_batches():
    assert same(take(3, seed=1), take(3, seed=1))
    assert not same(take(3, seed=1), take(3, seed=2))


def test_epoch_shows_each_segment_once_and_the_next_in_another_order():
    order = videos(take(6))
    assert sorted(order[:12]) == sorted(order[12:]) == list(range(12))
    assert order[:12] != order[12:]


def test_pairs_of_a_segment_differ_from_epoch_to_epoch():
    batches = take(6)
    sounds = {}
    for batch in batches:
        for video, waveform in zip(batch["video"], batch["waveform"], strict=True):
            sounds.setdefault(int(video), set()).add(waveform.tobytes())
    assert sum(len(found) == 2 for found in sounds.values()) >= 10


def test_epochs_that_are_no_whole_number_of_batches_lose_nothing():
    order = videos(take(5, batch_size=5))
    assert sorted(order[:12]) == list(range(12))
    assert sorted(order[12:24]) == list(range(12))


def test_restored_position_gives_the_same_next_batches():
    batches = load_batches(Segments(), CONFIG, 4, seed=3)
    for _ in range(4):
        next(batches)
    state = json.loads(json.dumps(batches.state))
    expected = [next(batches) for _ in range(4)]
    batches.close()
    for threads in (2, 3):
        rest = load_batches(Segments(), CONFIG, 4, seed=3, threads=threads)
        rest.restore(state)
        assert same([next(rest) for _ in range(4)], expected)
        rest.close()


def test_position_counts_what_was_taken_and_not_what_was_read_ahead():
    batches = load_batches(Segments(), CONFIG, 4, seed=3, buffered_batches=4)
    fresh = batches.state
    first = [next(batches) for _ in range(2)]
    batches.restore(fresh)
    assert same([next(batches) for _ in range(2)], first)
    batches.close()


@pytest.mark.parametrize("count", [2, 4])
def test_processes_together_read_what_one_reads_alone(count):
    alone = take(7)
    parts = [take(7, shard=(index, count)) for index in range(count)]
    together = [
        {key: np.concatenate([part[key] for part in step]) for key in KEYS} for step in zip(*parts, strict=True)
    ]
    assert same(together, alone)


def test_a_position_is_the_same_for_any_number_of_processes():
    batches = load_batches(Segments(), CONFIG, 4, seed=3)
    for _ in range(5):
        next(batches)
    position = batches.state
    expected = next(batches)
    halves = []
    for index in (0, 1):
        half = load_batches(Segments(), CONFIG, 4, seed=3, shard=(index, 2))
        half.restore(position)
        halves.append(next(half))
        half.close()
    assert same([{key: np.concatenate([half[key] for half in halves]) for key in KEYS}], [expected])
    batches.close()


def test_fewer_segments_than_a_batch_are_refused():
    with pytest.raises(DataError, match="has 12 training segments, fewer than a batch of 13; use --batch-size"):
        load_batches(Segments(), CONFIG, 13, seed=0)
    with pytest.raises(DataError, match="fewer than a batch of 14"):
        load_batches(Segments(), CONFIG, 14, seed=0, shard=(0, 2))
    take(1, batch_size=12)


def test_refusal_in_a_reading_thread_reaches_the_caller():
    class DamageAtRead(Segments):
        def __getitem__(self, index, /):
            raise DataError("corpus", f"record {index} cannot be read")

    batches = load_batches(DamageAtRead(), CONFIG, 4, seed=0)
    with pytest.raises(DataError, match="cannot be read"):
        next(batches)
    batches.close()


def test_closing_ends_the_threads():
    before = threading.active_count()
    for _ in range(3):
        take(1)
    deadline = time.monotonic() + 30  # they end when they have noticed
    while threading.active_count() > before + 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before + 1

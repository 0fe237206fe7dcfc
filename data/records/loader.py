"""Batches for training: grain over the records, the same batches whatever the number of threads."""

from collections.abc import Iterator
from typing import Any

import grain
import numpy as np

from avnet.errors import DataError
from data.records.pairs import Pair, PairConfig, draw_pair
from data.records.segment import SegmentSource

Batch = dict[str, np.ndarray]
# Without end as far as anybody will see; grain cannot cut what is endless.
EPOCHS = 1_000_000_000


class BatchIterator(Iterator[Batch]):
    """Endless batches; `state` says where it stands and `restore` goes back there."""

    def __init__(self, iterator: grain.DatasetIterator):
        self._iterator = iterator

    def __next__(self) -> Batch:
        return next(self._iterator)

    @property
    def state(self) -> dict[str, Any]:
        """Position, as plain values for JSON."""
        return self._iterator.get_state()

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a position that `state` gave."""
        self._iterator.set_state(state)

    def close(self) -> None:
        """Ends the reading threads."""
        self._iterator.close()


def load_batches(
    source: SegmentSource,
    config: PairConfig,
    batch_size: int,
    seed: int,
    *,
    threads: int = 2,
    buffered_batches: int | None = None,
    shard: tuple[int, int] = (0, 1),
) -> BatchIterator:
    """Shuffles the segments anew each epoch, draws a pair from each, and batches them without end.

    Args:
        source: the segments of a split.
        config: how pairs are drawn.
        batch_size: pairs in a batch of all processes; their number divides it.
        seed: fixes order and pairs.
        threads: that read ahead.
        buffered_batches: read ahead at most; by default one for each thread, and two that are ready.
        shard: (index, count) of this process; each reads its own part of every batch, so that batches are the same
            for any number of processes.

    Returns:
        This process's parts of batches: image uint8 [batch, canvas, canvas, channels], waveform int16 [batch, samples],
        label int32 [batch], video int32 [batch].

    Raises:
        DataError: there are fewer segments than a batch.
    """
    index, count = shard
    if len(source) < batch_size:
        raise DataError(
            "--data", f"has {len(source)} training segments, fewer than a batch of {batch_size}; use --batch-size"
        )

    def draw(i: int, rng: np.random.Generator) -> Batch:
        return _arrays(draw_pair(source, i, rng, config))

    dataset = grain.MapDataset.range(len(source)).seed(seed).shuffle().repeat(EPOCHS)
    dataset = dataset.random_map(draw).batch(batch_size // count)[index::count]
    # A thread makes a whole batch: with fewer batches than threads some of them would never work.
    ahead = read_ahead(threads) if buffered_batches is None else buffered_batches
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
    return BatchIterator(iter(dataset.to_iter_dataset(options)))


def read_ahead(threads: int) -> int:
    """Number of batches that are read ahead by default: one for each thread, and two that are ready."""
    return threads + 2


def _arrays(pair: Pair) -> Batch:
    return {
        "image": pair.image,
        "waveform": pair.waveform,
        "label": np.asarray(pair.label, np.int32),
        "video": np.asarray(pair.video, np.int32),
    }

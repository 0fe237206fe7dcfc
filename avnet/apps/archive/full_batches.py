"""Files embedded in batches that go on from one file to the next, since many files have few moments."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from avnet.apps.archive.moments import Sample
from avnet.errors import MediaError
from avnet.index.segment import KINDS, Kind

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

File = TypeVar("File")

# Moments embedded at once, and bytes of them that are held at most: photographs wait in their full size.
BATCH, BATCH_BYTES = 64, 1 << 28


@dataclass(frozen=True)
class Moments:
    """The embeddings of one file.

    Attributes:
        embeddings: float32 [n, features].
        times: float64 [n], of each frame and of the middle of each clip, seconds.
        kinds: n, what was embedded.
        silent: clips that were left out because nothing can be heard in them.
    """

    embeddings: np.ndarray
    times: np.ndarray
    kinds: list[Kind]
    silent: int = 0


@dataclass
class _Rows(Generic[File]):
    """A file whose samples are read, and some of them embedded."""

    file: File
    times: list[float] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    vectors: dict[int, np.ndarray] = field(default_factory=dict)
    silent: int = 0
    refusal: MediaError | None = None

    def is_complete(self) -> bool:
        return self.refusal is not None or len(self.vectors) == len(self.times)

    def result(self, features: int) -> Moments | MediaError:
        if self.refusal is not None:
            return self.refusal
        # A sound that is silent throughout leaves no vector, and NumPy stacks no empty list.
        vectors = [self.vectors[row] for row in range(len(self.times))]
        embeddings = np.stack(vectors) if vectors else np.zeros((0, features), np.float32)
        return Moments(embeddings, np.array(self.times, np.float64), self.kinds, self.silent)


@dataclass
class _Queue(Generic[File]):
    """Samples of one kind that wait for a full batch, each with its file and its row there."""

    waiting: list[tuple[np.ndarray, _Rows[File], int]] = field(default_factory=list)
    bytes: int = 0

    def put(self, array: np.ndarray, rows: _Rows[File], row: int) -> None:
        self.waiting.append((array, rows, row))
        self.bytes += array.nbytes

    def drop(self, rows: _Rows[File]) -> None:
        self.waiting = [one for one in self.waiting if one[1] is not rows]
        self.bytes = sum(array.nbytes for array, *_ in self.waiting)

    def embed(self, embed: Callable[[list[np.ndarray]], np.ndarray]) -> None:
        if self.waiting:
            for (_, rows, row), vector in zip(self.waiting, embed([one[0] for one in self.waiting]), strict=True):
                rows.vectors[row] = vector
        self.waiting, self.bytes = [], 0


def embed_files(
    model: "Model", files: Iterable[File], read: Callable[[File], Iterator[Sample]]
) -> Iterator[tuple[File, Moments | MediaError]]:
    """Embeds files, one after the other.

    Args:
        model: one that has an embedding of an image.
        files: in any form.
        read: gives the samples of a file.

    Yields:
        Each file in order, when all of it is embedded, with what became of it.
    """
    queues: dict[Kind, _Queue[File]] = {kind: _Queue() for kind in KINDS}
    embed: dict[Kind, Callable[[list[np.ndarray]], np.ndarray]] = {
        "image": model.embed_images,
        "sound": lambda clips: model.embed_waveforms(np.stack(clips)),
    }
    # Channels of several frames count as so many images.
    sizes: dict[Kind, int] = {"image": max(1, 3 * BATCH // model.config.moment.channels), "sound": BATCH}
    unfinished: deque[_Rows[File]] = deque()
    for file in files:
        rows = _Rows(file)
        unfinished.append(rows)
        try:
            for sample in read(file):
                if sample.array is None:
                    rows.silent += 1
                    continue
                queue = queues[sample.kind]
                queue.put(sample.array, rows, len(rows.times))
                rows.times.append(sample.time_s)
                rows.kinds.append(sample.kind)
                if len(queue.waiting) >= sizes[sample.kind] or queue.bytes >= BATCH_BYTES:
                    queue.embed(embed[sample.kind])
        except MediaError as error:
            rows.refusal = error
            for queue in queues.values():
                queue.drop(rows)
        while unfinished and unfinished[0].is_complete():
            rows = unfinished.popleft()
            yield rows.file, rows.result(model.config.features)
    for kind, queue in queues.items():
        queue.embed(embed[kind])
    for rows in unfinished:
        yield rows.file, rows.result(model.config.features)

"""What frozen towers give for a corpus: computed once, and read in every step in place of images and sounds.

Each segment is drawn a few times, with the augmentation that training would have given it; the image of one draw goes
with the sound of any other of the same segment. So many draws stand for many epochs.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from avnet.correspondence.network import Network
from avnet.errors import DataError, TrainingError
from avnet.files.json_file import read_json
from avnet.files.whole import whole_file, write_text
from avnet.program.progress import progress
from data.records.pairs import PairConfig, draw_pair, video_number
from data.records.segment import SegmentSource
from train.engine.task import Batch, BatchesByStep

FORMAT, PLAN, DIGESTS = "avnet-features-1", "features.json", "digests.json"
# Segments in a file: what a killed process has to compute again is at most this.
PART = 256
# Segments whose towers run at once.
BATCH = 32
LARGEST = float(np.finfo(np.float16).max)
Towers = Callable[[Any, Any, Any], tuple[jax.Array, jax.Array]]


@dataclass(frozen=True)
class Features:
    """The features of a split, read from disk as they are asked for.

    Attributes:
        grids: of the images, for each draw its parts, float16 [segments, rows, columns, features] each.
        sounds: likewise, float16 [segments, features] each.
        videos: int32 [segments], the number of each segment's video.
    """

    grids: list[list[np.ndarray]]
    sounds: list[list[np.ndarray]]
    videos: np.ndarray

    def batches(self, batch_size: int, seed: int, negatives: float, shard: tuple[int, int]) -> BatchesByStep:
        """Endless batches of all segments in an order that is new in every epoch.

        Args:
            batch_size: of all processes.
            seed: fixes order and draws.
            negatives: share of pairs whose sound is from another video.
            shard: number of this process, and how many there are.

        Raises:
            DataError: there are fewer segments than a batch.
        """
        count = len(self.videos)
        if count < batch_size:
            reason = f"has {count} training segments, fewer than a batch of {batch_size}; use --batch-size"
            raise DataError("--data", reason)
        steps = count // batch_size

        def batch_at(step: int) -> Batch:
            epoch, place = divmod(step, steps)
            order = np.random.default_rng([seed, epoch]).permutation(count)
            images = order[place * batch_size : (place + 1) * batch_size]
            rng = np.random.default_rng([seed, epoch, place])
            labels = (rng.random(batch_size) >= negatives).astype(np.int32)
            sounds = np.array([i if label else self._other(i, rng) for i, label in zip(images, labels, strict=True)])
            draws = rng.integers(len(self.grids), size=(2, batch_size))
            return {
                "grid": _rows(self.grids, draws[0], images),
                "sound": _rows(self.sounds, draws[1], sounds),
                "label": labels,
                "video": self.videos[images],
            }

        return BatchesByStep(batch_at, shard)

    def _other(self, segment: int, rng: np.random.Generator) -> int:
        others = np.flatnonzero(self.videos != self.videos[segment])
        return int(others[rng.integers(len(others))])


def features_of(
    folder: Path, source: SegmentSource, pairs: PairConfig, network: Network, towers: Towers, plan: dict[str, Any]
) -> Features:
    """The features of all segments; what the folder has of them is read, the rest is computed.

    Args:
        folder: of the files.
        source: the segments.
        pairs: how images and sounds are drawn; no negatives are drawn here.
        network: whose towers run, in evaluation mode.
        towers: network, batch and key to grids and vectors of sounds.
        plan: all that they depend on, as plain values: records, towers, augmentation, seed, number of draws.

    Raises:
        TrainingError: the folder holds features of another plan, or cannot be written.
    """
    _claim(folder, plan)
    graph, state = nnx.split(network)
    run = jax.jit(lambda state, batch, key: towers(nnx.merge(graph, state), batch, key))
    parts = [(draw, start) for draw in range(plan["draws"]) for start in range(0, len(source), PART)]
    digests = _digests(folder / DIGESTS)
    for draw, start in progress(parts, "computing features", len(parts), "parts"):
        names = _names(draw, start)
        if all(_is_whole(folder / name, digests.get(name)) for name in names):
            continue
        numbers = range(start, min(start + PART, len(source)))
        outputs = list(_compute(source, pairs, lambda batch, key: run(state, batch, key), numbers, draw, plan["seed"]))
        for name, arrays in zip(names, zip(*outputs, strict=True), strict=True):
            digests[name] = _write(folder / name, np.concatenate(arrays))
        write_text(folder / DIGESTS, json.dumps(digests), own=True)

    def read(kind: int) -> list[list[np.ndarray]]:
        starts = range(0, len(source), PART)
        return [
            [np.load(folder / _names(draw, start)[kind], mmap_mode="r", allow_pickle=False) for start in starts]
            for draw in range(plan["draws"])
        ]

    videos = np.array([video_number(source[i]) for i in range(len(source))], np.int32)
    return Features(read(0), read(1), videos)


def _compute(
    source: SegmentSource, pairs: PairConfig, run: Callable[[Any, Any], Any], numbers: range, draw: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Grids and vectors of sounds, float16, a batch after the other."""
    for first in range(numbers.start, numbers.stop, BATCH):
        chosen = range(first, min(first + BATCH, numbers.stop))
        drawn = [draw_pair(source, i, np.random.default_rng([seed, draw, i]), pairs) for i in chosen]
        # The last batch is filled up, so that one program does for all.
        drawn += [drawn[0]] * (BATCH - len(drawn))
        batch = {
            "image": np.stack([pair.image for pair in drawn]),
            "waveform": np.stack([pair.waveform for pair in drawn]),
        }
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), draw), first)
        grids, sounds = jax.device_get(run(batch, key))
        yield _half(grids[: len(chosen)]), _half(sounds[: len(chosen)])


def _half(values: np.ndarray) -> np.ndarray:
    """In float16, which ends at 65,504: beyond it would be infinity."""
    return values.clip(-LARGEST, LARGEST).astype(np.float16)


def _rows(parts: list[list[np.ndarray]], draws: np.ndarray, segments: np.ndarray) -> np.ndarray:
    pairs = zip(draws.tolist(), segments.tolist(), strict=True)
    return np.stack([parts[draw][segment // PART][segment % PART] for draw, segment in pairs])


def _names(draw: int, start: int) -> tuple[str, str]:
    part = f"{draw:03d}-{start // PART:06d}.npy"
    return f"images-{part}", f"sounds-{part}"


def _claim(folder: Path, plan: dict[str, Any]) -> None:
    plan = {"format": FORMAT, **plan}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = read_json(folder / PLAN) if (folder / PLAN).exists() else None
    except OSError as error:
        raise TrainingError(folder, f"cannot be used ({error.strerror})") from None
    except ValueError:
        earlier = {}
    if earlier is not None and earlier != plan:
        raise TrainingError(folder, "holds features of other records, towers or options; choose another run folder")
    write_text(folder / PLAN, json.dumps(plan, indent=2) + "\n", own=True)


def _write(file: Path, rows: np.ndarray) -> str:
    """Writes an array and returns the SHA-256 of its file."""
    with whole_file(file, TrainingError, own=True) as temporary:
        with temporary.open("wb") as stream:
            np.save(stream, rows)
        return _digest(temporary)


def _digests(file: Path) -> dict[str, str]:
    """Those of the parts that were written; where the list is missing or damaged, all are computed again."""
    try:
        digests = read_json(file) if file.is_file() else {}
    except (OSError, ValueError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _is_whole(file: Path, digest: str | None) -> bool:
    return digest is not None and file.is_file() and _digest(file) == digest


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

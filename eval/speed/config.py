"""The options of `python -m eval speed`, and the sizes of what it measures."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from avnet.config import PresetName
from avnet.errors import ConfigError

SuiteName = Literal["cpu", "gpu"]
ComputeName = Literal["float32", "bfloat16"]
PartName = Literal["step", "inference", "spectrogram", "pipeline", "loop", "overlay", "search", "start"]
PARTS: tuple[PartName, ...] = get_args(PartName)
# What an accelerator has no part in.
ON_CPU: tuple[PartName, ...] = ("overlay", "search", "start")


@dataclass(frozen=True)
class SpeedConfig:
    """What to measure."""

    suite: SuiteName = "cpu"
    """cpu, or gpu: bfloat16, large batches, and only what an accelerator has a part in."""
    only: str | None = None
    """Parts with commas between: step, inference, spectrogram, pipeline, loop, overlay, search, start."""
    out: Path = Path("speed")
    """Folder for speed.json, speed.png and what the processes printed (logs)."""
    batch_size: int | None = None
    """Pairs in a training step and in an answer. Default: 16 (cpu), 1024 (gpu)."""
    rounds: int | None = None
    """Repetitions of each that count. Default: by part."""
    compute: ComputeName | None = None
    """Precision of the networks and products. Default: float32 (cpu), bfloat16 (gpu)."""
    compile_mode: Literal["default", "max-autotune-no-cudagraphs", "no"] = "default"
    """Of torch.compile, which is tried and used where it is faster."""
    threads: int | None = None
    """That read for training. Default: 2 (cpu), one for each core (gpu)."""
    quick: bool = False
    """Tiny sizes: shows within a minute or two that everything runs; its figures mean nothing."""
    compare: tuple[Path, Path] | None = None
    """OLD NEW: measure nothing, and set two files speed.json side by side."""
    compare_with: str | None = None
    """A commit of this repository that takes turns with the code as it is; PyTorch is left out."""

    def __post_init__(self):
        for name in ("batch_size", "rounds", "threads"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"--{name.replace('_', '-')}", f"wants at least 1, got {value}")
        if self.batch_size == 1:
            raise ConfigError("--batch-size", "wants at least 2, batch normalisation has nothing to do with 1")
        if self.compare is not None and self.compare_with is not None:
            raise ConfigError("--compare", "sets files side by side and --compare-with measures; choose one")
        for name in self.only.split(",") if self.only is not None else ():
            if name not in PARTS:
                raise ConfigError("--only", f"knows {', '.join(PARTS)}, got {name!r}")

    @property
    def parts(self) -> tuple[PartName, ...]:
        """What is measured, in order."""
        if self.only is not None:
            return tuple(name for name in PARTS if name in self.only.split(","))
        return PARTS if self.suite == "cpu" else tuple(name for name in PARTS if name not in ON_CPU)

    @property
    def sizes(self) -> "Sizes":
        """How much of each."""
        sizes = Sizes.quick() if self.quick else Sizes() if self.suite == "cpu" else Sizes.gpu()
        given = {"batch_size": self.batch_size, "compute": self.compute, "threads": self.threads}
        sizes = dataclasses.replace(sizes, **{name: value for name, value in given.items() if value is not None})
        if self.rounds is not None:
            sizes = dataclasses.replace(sizes, rounds=dict.fromkeys(PARTS, self.rounds))
        return sizes


def _rounds(**numbers: int) -> dict[PartName, int]:
    return {name: numbers.get(name, 5) for name in PARTS}


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        preset: of the networks.
        batch_size: pairs in a training step and in an answer.
        compute: precision.
        rounds: by part, the repetitions of each contender that count.
        steps: in a repetition of "step".
        answers: batches in a repetition of "inference".
        clips: in a batch of "spectrogram".
        spectrograms: such batches in a repetition.
        side: of the matrices.
        products: in a repetition.
        batches: in a repetition of "pipeline".
        loop_steps: in a repetition of "loop".
        lead: steps before those, which do not count; more than are read ahead where reading may be the slower.
        threads: that read.
        film_s: length of the video, seconds.
        film_height: of it, pixels.
        rows: of the indexes that are searched.
        vector: length of their vectors.
        singles: queries one by one in a repetition.
        many: queries at once.
        side_index: of the largest, if it has rows enough.
        start_rows: of the index that `avnet search` searches.
    """

    preset: PresetName = "paper"
    batch_size: int = 16
    compute: ComputeName = "float32"
    rounds: dict[PartName, int] = dataclasses.field(default_factory=lambda: _rounds(inference=7, loop=4, overlay=3))
    steps: int = 1
    answers: int = 1
    clips: int = 64
    spectrograms: int = 4
    side: int = 3072
    products: int = 2
    batches: int = 8
    loop_steps: int = 2
    lead: int = 1
    threads: int = 2
    film_s: float = 60.0
    film_height: int = 256
    rows: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    vector: int = 128
    singles: int = 20
    many: int = 1000
    side_index: bool = True
    start_rows: int = 10_000

    @classmethod
    def gpu(cls) -> "Sizes":
        """For one accelerator and eight minutes."""
        return cls(
            batch_size=1024,
            compute="bfloat16",
            rounds=_rounds(step=15, inference=9),
            steps=5,
            answers=2,
            clips=1024,
            spectrograms=10,
            side=16_384,
            products=20,
            batches=16,
            loop_steps=8,
            lead=5,
            threads=os.cpu_count() or 2,
        )

    @classmethod
    def quick(cls) -> "Sizes":
        """That everything runs."""
        return cls(
            preset="small",
            batch_size=2,
            rounds=_rounds(**dict.fromkeys(PARTS, 2)),
            clips=2,
            spectrograms=1,
            side=64,
            batches=1,
            loop_steps=1,
            film_s=1.0,
            film_height=64,
            rows=(300,),
            singles=3,
            many=10,
            side_index=False,
            start_rows=300,
        )

"""The options of `python -m eval speed`, and the sizes of what it measures."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import tyro

from avnet.correspondence.config import PresetName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from avnet.workers.cores import available_cores

SuiteName = Literal["cpu", "gpu"]
ComputeName = Literal["float32", "bfloat16"]
WayName = Literal["step", "loop"]
PartName = Literal[
    "step", "inference", "spectrogram", "backbones", "pipeline", "loop", "overlay", "describe", "search", "start"
]
PARTS: tuple[PartName, ...] = get_args(PartName)
# What an accelerator has no part in.
ON_CPU: tuple[PartName, ...] = ("backbones", "overlay", "describe", "search", "start")


@dataclass(frozen=True)
class SpeedConfig:
    """Measure the speed of training and use, beside PyTorch and the limit of the machine.

    Each contender runs in a process of its own, and they take turns, so that drift of the machine affects all alike.
    The data are synthetic; nothing is downloaded. Prints tables and whether each target is reached, and writes
    speed.json and speed.png. Needs an idle machine, 12 GB of memory and, for the rows of PyTorch and of ONNX Runtime,
    the extras: pip install 'avnet[torch,onnx]'.

    Example: python -m eval speed --only step,inference
    """

    suite: SuiteName = "cpu"
    """What to measure: cpu for all parts, or gpu for only the parts that use an accelerator, in bfloat16 and with large
    batches."""
    only: str | None = None
    """Parts to measure, separated by commas: step, inference, spectrogram, backbones, pipeline, loop, overlay,
    describe, search, start. By default all parts of the suite."""
    out: Path = Path("speed")
    """Folder for speed.json, speed.png and the logs of the processes."""
    batch_size: int | None = None
    """Number of pairs in a training step and in a batch of inference. Default: 16 (cpu), 1024 (gpu)."""
    rounds: int | None = None
    """Number of repetitions of each contender. Default: depends on the part."""
    compute: ComputeName | None = None
    """Precision of the networks and matrix products. Default: float32 (cpu), bfloat16 (gpu)."""
    compile_mode: Literal["default", "max-autotune-no-cudagraphs", "no"] = "default"
    """Mode of torch.compile, which is used where it is faster than eager execution; no does not try it."""
    threads: int | None = None
    """Number of threads that read training data. Default: 2 (cpu), one per core (gpu)."""
    quick: bool = False
    """Use tiny sizes, to check within a minute or two that everything runs; the figures mean nothing."""
    compare: tuple[Path, Path] | None = None
    """Compare two speed.json files, the older one first, and measure nothing."""
    compare_with: str | None = None
    """Commit of this repository to measure in turns with the present code; PyTorch is left out."""

    def __post_init__(self):
        check_at_least(self, 1, "rounds", "threads")
        # Batch normalization has nothing to do with one pair.
        check_at_least(self, 2, "batch_size")
        if self.compare is not None and self.compare_with is not None:
            raise ConfigError(
                "--compare, --compare-with", "exclude each other: the first compares files, without measuring"
            )
        for name in self.only.split(",") if self.only is not None else ():
            if name not in PARTS:
                raise ConfigError("--only", f"must be names out of {', '.join(PARTS)}, got {name!r}")

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
        options = {"batch_size": self.batch_size, "compute": self.compute, "threads": self.threads}
        sizes = dataclasses.replace(sizes, **{name: value for name, value in options.items() if value is not None})
        if self.rounds is not None:
            sizes = dataclasses.replace(sizes, rounds=dict.fromkeys(PARTS, self.rounds))
        return sizes


@dataclass(frozen=True)
class DecodingConfig:
    """Measure the CPU time of decoding frames at random times of a video, each with a second of sound.

    Compares one pass through the video, as avnet decodes, with a seek for each frame and, if it is installed, with
    TorchCodec; they take turns.

    Example: python -m eval decoding video.mp4
    """

    video: Annotated[Path, tyro.conf.Positional]
    """Video file with sound."""
    frames: int = 10
    """Number of frames in a round."""
    rounds: int = 5
    """Number of rounds, each at other random times."""
    seed: int = 0
    """Seed with which the times are drawn."""

    def __post_init__(self):
        check_at_least(self, 1, "frames", "rounds")
        check_at_least(self, 0, "seed")


@dataclass(frozen=True)
class PaceConfig:
    """Measure the speed of training steps on request, as `python -m eval speed` does.

    Requests come on stdin and answers go to stdout, one per line, as described in eval/speed/protocol.py.

    Example: echo step | python -m train pace --way step --preset small --batch-size 16 --repeats 5
    """

    way: WayName
    """What to measure: step for training steps on one fixed batch, or loop for the whole training loop."""
    preset: PresetName
    """Sizes of AVE-Net: small, or paper as published."""
    batch_size: int
    """Number of pairs in a step."""
    repeats: int
    """Number of steps in a repetition."""
    compute: ComputeName = "float32"
    """Precision of the network."""
    learning_rate: float = 1e-4
    """Learning rate of Adam."""
    weight_decay: float = 1e-5
    """Weight decay of Adam."""
    records: Path = Path("records")
    """Folder of records to train on, with --way loop."""
    out: Path = Path("run")
    """New folder for the run, with --way loop."""
    threads: int = 2
    """Number of threads that read records, with --way loop."""
    lead: int = 1
    """Number of steps before each repetition that do not count, with --way loop: their batches were read ahead while
    the loop waited."""

    def __post_init__(self):
        check_at_least(self, 1, "batch_size", "repeats", "threads", "lead")


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
        backbone_batch: images, and sounds, in a batch of "backbones".
        backbone_pixels: side of those images.
        embeddings: such batches in a repetition.
        side: of the matrices.
        products: in a repetition.
        batches: in a repetition of "pipeline".
        loop_steps: in a repetition of "loop".
        lead: steps before those, which do not count; more than are read ahead where reading may be the slower.
        threads: that read.
        film_s: length of the video, seconds.
        film_height: of it, pixels.
        described: images that are described at once.
        words: that captioner has.
        longest: words of a description.
        beams: of the search for it.
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
    backbone_batch: int = 8
    backbone_pixels: int = 224
    embeddings: int = 8
    side: int = 3072
    products: int = 2
    batches: int = 8
    loop_steps: int = 2
    lead: int = 1
    threads: int = 2
    film_s: float = 60.0
    film_height: int = 256
    described: int = 64
    words: int = 3000
    longest: int = 20
    beams: int = 5
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
            threads=available_cores(),
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
            backbone_batch=2,
            backbone_pixels=64,
            embeddings=1,
            side=64,
            batches=1,
            loop_steps=1,
            film_s=1.0,
            film_height=64,
            described=2,
            words=20,
            longest=4,
            beams=2,
            rows=(300,),
            singles=3,
            many=10,
            side_index=False,
            start_rows=300,
        )

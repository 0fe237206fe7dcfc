"""Which contenders each part of the program has, and how their workers are started."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avnet.correspondence.config import ModelConfig
from eval.speed import flops
from eval.speed.config import PaceConfig, PartName, Sizes, SpeedConfig, WayName
from eval.speed.names import (
    FIRST_ANSWER,
    FIRST_OVERLAY,
    HELP,
    JAX_PRODUCT,
    LOOP,
    ONNX_IMAGES,
    ONNX_SOUNDS,
    OURS,
    OURS_IMAGES,
    OURS_SOUNDS,
    PIPELINE,
    SEARCH,
    SEARCH_WITH_CACHE,
    SIDE,
    STEP_ALONE,
    TORCH,
    TORCH_PRODUCT,
    many,
    single,
)
from eval.speed.worker import WorkerSpec
from eval.speed.workers.search import Options as SearchOptions

# Of Adam, the same for both.
ADAM = {"learning_rate": 1e-4, "weight_decay": 1e-5}
NO_ONNX = "onnx and onnxruntime are not installed: pip install 'avnet[onnx]'"
NO_TORCH = "PyTorch is not installed: pip install 'avnet[torch]'"


@dataclass(frozen=True)
class Contender:
    """What is asked in every round.

    Attributes:
        name: in tables and files.
        worker: that is asked; several may ask one.
        way: the request.
        unit: of its amounts.
        flop: floating-point operations a unit; 0 where they are not counted.
        is_peak: whether it is a matrix product.
        without: why it cannot be measured, if so.
    """

    name: str
    worker: WorkerSpec
    way: str
    unit: str
    flop: float = 0.0
    is_peak: bool = False
    without: str | None = None


@dataclass(frozen=True)
class Part:
    """Contenders that take turns.

    Attributes:
        name: of the part.
        contenders: in the order in which they are asked.
        rounds: that count.
    """

    name: PartName
    contenders: tuple[Contender, ...]
    rounds: int


def part_of(name: PartName, config: SpeedConfig, scratch: Path) -> Part:
    """A part of the program.

    Args:
        name: of the part.
        config: of the run.
        scratch: folder for what it makes; records lie in `scratch / "records"`.
    """
    return _MAKERS[name](config, config.sizes, scratch)


def _step(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    flop = flops.step_flop(ModelConfig.preset("ave", sizes.preset))
    ours = Contender(OURS, _pace(sizes, "step", sizes.steps), "step", "pairs", flop)
    theirs = _torch(config, sizes, "step", sizes.steps, TORCH, "pairs", flop)
    return Part("step", (ours, theirs, *_products(config, sizes)), sizes.rounds["step"])


def _inference(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    flop = flops.answer_flop(ModelConfig.preset("ave", sizes.preset))
    ours = Contender(OURS, _ours(sizes, "answer", sizes.batch_size, sizes.answers), "answer", "pairs", flop)
    theirs = _torch(config, sizes, "answer", sizes.answers, TORCH, "pairs", flop)
    return Part("inference", (ours, theirs, *_products(config, sizes)), sizes.rounds["inference"])


def _spectrogram(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    ours = Contender(OURS, _ours(sizes, "spectrogram", sizes.clips, sizes.spectrograms), "spectrogram", "clips")
    theirs = _torch(config, sizes, "spectrogram", sizes.spectrograms, TORCH, "clips", 0.0)
    return Part("spectrogram", (ours, theirs), sizes.rounds["spectrogram"])


def _backbones(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    missing = not (_is_there("onnx") and _is_there("onnxruntime"))
    workers = {
        library: WorkerSpec(
            "eval.speed.workers.backbones",
            {
                "library": library,
                "folder": str(scratch / "exported"),
                "batch_size": sizes.backbone_batch,
                "image_size": sizes.backbone_pixels,
                "repeats": sizes.embeddings,
            },
        )
        for library in ("avnet", "onnxruntime")
    }
    contenders = (
        Contender(OURS_IMAGES, workers["avnet"], "images", "images"),
        Contender(ONNX_IMAGES, workers["onnxruntime"], "images", "images", without=NO_ONNX if missing else None),
        Contender(OURS_SOUNDS, workers["avnet"], "sounds", "sounds"),
        Contender(ONNX_SOUNDS, workers["onnxruntime"], "sounds", "sounds", without=NO_ONNX if missing else None),
    )
    return Part("backbones", contenders, sizes.rounds["backbones"])


def _pipeline(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    options = {
        "records": str(scratch / "records"),
        "preset": sizes.preset,
        "batch_size": sizes.batch_size,
        "threads": sizes.threads,
        "repeats": sizes.batches,
    }
    reader = Contender(PIPELINE, WorkerSpec("eval.speed.workers.pipeline", options), "pipeline", "pairs")
    return Part("pipeline", (reader,), sizes.rounds["pipeline"])


def _loop(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    flop = flops.step_flop(ModelConfig.preset("ave", sizes.preset))
    options = {
        "records": scratch / "records",
        "out": scratch / "run",
        "threads": sizes.threads,
        "lead": sizes.lead,
    }
    whole = Contender(LOOP, _pace(sizes, "loop", sizes.loop_steps, **options), "loop", "pairs", flop)
    alone = Contender(STEP_ALONE, _pace(sizes, "step", sizes.loop_steps), "step", "pairs", flop)
    return Part("loop", (whole, alone), sizes.rounds["loop"])


def _overlay(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    options = {
        "folder": str(scratch / "overlay"),
        "preset": sizes.preset,
        "height": sizes.film_height,
        "seconds": sizes.film_s,
    }
    worker = WorkerSpec("eval.speed.workers.overlay", options)
    ways = {OURS: "overlay", FIRST_OVERLAY: "overlay, first"}
    contenders = tuple(Contender(name, worker, way, "frames") for name, way in ways.items())
    return Part("overlay", contenders, sizes.rounds["overlay"])


def _describe(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    workers = {
        library: WorkerSpec(
            "eval.speed.workers.describing",
            {
                "library": library,
                "images": sizes.described,
                "words": sizes.words,
                "longest": sizes.longest,
                "beams": sizes.beams,
            },
        )
        for library in ("avnet", "torch")
    }
    without = None if _is_there("torch") else NO_TORCH
    ours = Contender(OURS, workers["avnet"], "describe", "images")
    theirs = Contender(TORCH, workers["torch"], "describe", "images", without=without)
    return Part("describe", (ours, theirs), sizes.rounds["describe"])


def _search(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    contenders = []
    for rows in sizes.rows:
        largest = rows == max(sizes.rows)
        options = SearchOptions(
            str(scratch / f"index-{rows}"),
            rows,
            sizes.vector,
            sizes.singles,
            sizes.many,
            largest and sizes.side_index and _is_there("faiss"),
        )
        # One worker for all contenders of an index, which is large and takes long to make.
        worker = WorkerSpec("eval.speed.workers.search", options)
        contenders.append(Contender(single(rows), worker, "single", "queries"))
        contenders.append(Contender(many(rows), worker, "many", "queries"))
        if largest and sizes.side_index:
            without = None if _is_there("faiss") else "faiss is not installed: pip install 'avnet[faiss]'"
            contenders.append(Contender(SIDE, worker, "side", "queries", without=without))
    return Part("search", tuple(contenders), sizes.rounds["search"])


def _start(config: SpeedConfig, sizes: Sizes, scratch: Path) -> Part:
    options = {
        "folder": str(scratch / "start"),
        "preset": sizes.preset,
        "rows": sizes.start_rows,
        "size": sizes.vector,
    }
    worker = WorkerSpec("eval.speed.workers.start", options)
    ways = {HELP: "help", FIRST_ANSWER: "answer", SEARCH: "search", SEARCH_WITH_CACHE: "search, cached"}
    contenders = tuple(Contender(name, worker, way, "runs") for name, way in ways.items())
    return Part("start", contenders, sizes.rounds["start"])


def _products(config: SpeedConfig, sizes: Sizes) -> tuple[Contender, ...]:
    """The same product by both libraries; the faster of a round is the peak."""
    flop = flops.product_flop(sizes.side)
    # The product is the practical peak: the data sheet's is out of reach for any program.
    options = {"side": sizes.side, "repeats": sizes.products, "compute": sizes.compute}
    ours = WorkerSpec("eval.speed.workers.product", options)
    theirs = _torch(config, sizes, "product", sizes.products, TORCH_PRODUCT, "products", flop, is_peak=True)
    return (Contender(JAX_PRODUCT, ours, "product", "products", flop, is_peak=True), theirs)


def _pace(sizes: Sizes, way: WayName, repeats: int, **more: Any) -> WorkerSpec:
    """Training is measured by `python -m train pace`, started as a user would: evaluation imports nothing of it."""
    options = PaceConfig(way, sizes.preset, sizes.batch_size, repeats, compute=sizes.compute, **ADAM, **more)
    return WorkerSpec("train", options, program="pace")


def _ours(sizes: Sizes, way: str, batch_size: int, repeats: int) -> WorkerSpec:
    options = {"preset": sizes.preset, "batch_size": batch_size, "repeats": repeats, "way": way}
    return WorkerSpec("eval.speed.workers.inference", options)


def _torch(
    config: SpeedConfig,
    sizes: Sizes,
    way: str,
    repeats: int,
    name: str,
    unit: str,
    flop: float,
    is_peak: bool = False,
) -> Contender:
    options = {
        "way": way,
        "preset": sizes.preset,
        "batch_size": sizes.clips if way == "spectrogram" else sizes.batch_size,
        "repeats": repeats,
        "compute": sizes.compute,
        # A compiler takes minutes, and a quick run looks at no figure.
        "compile_mode": "no" if config.quick else config.compile_mode,
        "side": sizes.side,
        **ADAM,
    }
    without = None if _is_there("torch") else NO_TORCH
    return Contender(name, WorkerSpec("eval.speed.workers.pytorch", options), way, unit, flop, is_peak, without)


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


_MAKERS = {
    "step": _step,
    "inference": _inference,
    "spectrogram": _spectrogram,
    "backbones": _backbones,
    "pipeline": _pipeline,
    "loop": _loop,
    "overlay": _overlay,
    "describe": _describe,
    "search": _search,
    "start": _start,
}

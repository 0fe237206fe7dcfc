"""The opponent: the same network in PyTorch, in whichever of its ways turns out to be the fastest here."""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch.nn import functional as F  # pyright: ignore[reportMissingImports]

from avnet.audio.pcm import from_pcm
from avnet.correspondence.config import ModelConfig, PresetName
from data.records.augment import AugmentConfig
from data.records.pairs import canvas_of
from eval.speed import protocol
from eval.speed.protocol import Way
from eval.speed.workers import twin
from eval.speed.workers.synthetic import random_images, sounds


@dataclass(frozen=True)
class Options:
    """What is measured.

    Attributes:
        way: "step", "answer", "spectrogram" or "product".
        preset: of the network.
        batch_size: pairs at once.
        repeats: of the work in a repetition.
        compute: float32 or bfloat16 (autocast).
        compile_mode: of torch.compile; "no" to leave it out.
        side: of the matrices of "product".
        learning_rate: of Adam.
        weight_decay: of Adam.
    """

    way: str
    preset: PresetName
    batch_size: int
    repeats: int
    compute: str
    compile_mode: str
    side: int
    learning_rate: float
    weight_decay: float


class Bench:
    """What the ways share: device, precision and sizes."""

    def __init__(self, options: Options):
        self.options = options
        self.config = ModelConfig.preset("ave", options.preset)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16 if options.compute == "bfloat16" else torch.float32
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            # As JAX does it there, and as anybody in need of speed would.
            torch.set_float32_matmul_precision("high")
        else:
            torch.set_num_threads(len(os.sched_getaffinity(0)))

    def autocast(self) -> contextlib.AbstractContextManager:
        """Precision of the network's layers."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def finish(self) -> None:
        """Waits until the device has done all."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def device_peak(self) -> int | None:
        """The most memory held on the accelerator, bytes; None on a CPU."""
        return torch.cuda.max_memory_reserved() if self.device.type == "cuda" else None

    def forget_peak(self) -> None:
        """Begins anew with `device_peak`, without what is no longer used."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def facts(self) -> dict[str, str | int | float]:
        """The library and the device."""
        cuda = self.device.type == "cuda"
        device = f"cuda {torch.cuda.get_device_name()}" if cuda else f"cpu, {torch.get_num_threads()} threads"
        return {"library": f"torch {torch.__version__}", "device": device, "compute": self.options.compute}


def training_forms(bench: Bench) -> dict[str, Callable[[], Any]]:
    """Ways to do a training step: augmentation, spectrogram, network, loss, gradients and Adam on one fixed batch."""
    options, config, augment = bench.options, bench.config, AugmentConfig.paper()
    network: Any = twin.build_twin(config)
    network = network.to(bench.device, memory_format=torch.channels_last).train()
    optimizer = twin.make_optimizer(network, options.learning_rate, options.weight_decay)
    canvas = canvas_of(config.image_size)
    images = torch.as_tensor(random_images(options.batch_size, canvas), device=bench.device)
    waveforms = torch.as_tensor(sounds(options.batch_size, config.clip_samples), device=bench.device)
    labels = torch.arange(options.batch_size, device=bench.device) % 2

    def loss_of(images: torch.Tensor, spectrograms: torch.Tensor) -> torch.Tensor:
        crops = twin.augment_images(images, config.image_size, augment).contiguous(memory_format=torch.channels_last)
        with bench.autocast():
            logits = network(crops, spectrograms)
        return F.cross_entropy(logits.float(), labels)

    def step(loss_of: Callable) -> None:
        # Outside of what is compiled: the compiler has no complex numbers.
        spectrograms = twin.spectrograms_of(twin.augment_waveforms(waveforms, augment), config.spectrogram)
        spectrograms = spectrograms.contiguous(memory_format=torch.channels_last)
        # Spares the writing of zeros.
        optimizer.zero_grad(set_to_none=True)
        loss_of(images, spectrograms).backward()
        optimizer.step()

    forms: dict[str, Callable[[], Any]] = {"eager": lambda: step(loss_of)}
    if options.compile_mode != "no":
        compiled_loss = torch.compile(loss_of, mode=options.compile_mode)
        forms["compiled"] = lambda: step(compiled_loss)
    return forms


def answering_forms(bench: Bench) -> dict[str, Callable[[], Any]]:
    """Ways to answer: from uint8 squares and float32 waveforms in memory to probabilities in memory."""
    options, config = bench.options, bench.config
    network: Any = twin.build_twin(config)
    network = network.to(bench.device, memory_format=torch.channels_last).eval()
    twin.fold_normalisation(network)
    images = random_images(options.batch_size, config.image_size)
    waveforms = from_pcm(sounds(options.batch_size, config.clip_samples))

    def answer(network: Callable) -> Any:
        with torch.inference_mode(), bench.autocast():
            crops = torch.as_tensor(images, device=bench.device).permute(0, 3, 1, 2).float() / 255.0
            sound = torch.as_tensor(waveforms, device=bench.device)
            spectrograms = twin.spectrograms_of(sound, config.spectrogram)
            spectrograms = spectrograms.contiguous(memory_format=torch.channels_last)
            return torch.softmax(network(crops, spectrograms).float(), dim=1)[:, 1].cpu().numpy()

    forms: dict[str, Callable[[], Any]] = {"eager": lambda: answer(network)}
    if options.compile_mode != "no":
        compiled_network = torch.compile(network, mode=options.compile_mode)
        forms["compiled"] = lambda: answer(compiled_network)
    return forms


def spectrogram_forms(bench: Bench) -> dict[str, Callable[[], Any]]:
    """The one way to a spectrogram: the compiler has no complex numbers."""
    waveforms = from_pcm(sounds(bench.options.batch_size, bench.config.clip_samples))
    on_device = torch.as_tensor(waveforms, dtype=torch.float32, device=bench.device)

    def spectrogram() -> None:
        with torch.inference_mode():
            twin.spectrograms_of(on_device, bench.config.spectrogram)

    return {"eager": spectrogram}


def product_forms(bench: Bench) -> dict[str, Callable[[], Any]]:
    """The product of two large matrices."""
    side = bench.options.side
    x, y = (torch.randn(side, side, device=bench.device).to(bench.dtype) for _ in range(2))
    return {"eager": lambda: x @ y}


FORMS = {
    "step": training_forms,
    "answer": answering_forms,
    "spectrogram": spectrogram_forms,
    "product": product_forms,
}


def fastest(bench: Bench, forms: dict[str, Callable[[], Any]]) -> tuple[Callable[[], Any], str]:
    """The form that takes the least time when warm, and what each took.

    A form that fails (no compiler, no memory left) is left out, and its reason is told, unless all fail.
    """
    took: dict[str, float] = {}
    remarks = []
    reason: Exception = RuntimeError("no form of the network could be run")
    for name, form in forms.items():
        try:
            form()
            times = []
            # After a first call, in which compilers and cuDNN choose; of two the faster, since a disturbance only
            # slows.
            for _ in range(2):
                began = time.perf_counter()
                form()
                bench.finish()
                times.append(time.perf_counter() - began)
        except Exception as error:  # compilers fail in many ways; none of them is ours
            reason = error
            remarks.append(f"{name} failed ({type(error).__name__})")
            continue
        took[name] = min(times)
        remarks.append(f"{name} {1000 * took[name]:.4g} ms")
    if not took:
        raise RuntimeError(str(reason).splitlines()[0])
    # The opponent is measured at its best, or our figures would mean little.
    best = min(took, key=lambda name: took[name])
    return forms[best], f"{best} ({', '.join(remarks)})" if len(remarks) > 1 else best


def main() -> None:
    """Answers the request that the options name: pairs of "step" and "answer", clips, or products."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        bench = Bench(options)
        line.device_peak = bench.device_peak
        form, remark = fastest(bench, FORMS[options.way](bench))
        # Trying the forms took memory that the best one does not need.
        bench.forget_peak()

        def work() -> None:
            for _ in range(options.repeats):
                form()
            bench.finish()

        work()
        each = 1 if options.way == "product" else options.batch_size
        ways: dict[str, Way] = {options.way: protocol.way_of(work, each * options.repeats)}
        protocol.serve(line, ways, {**bench.facts(), "form": remark})


if __name__ == "__main__":
    main()

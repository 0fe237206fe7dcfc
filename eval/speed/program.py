"""The program: measures the parts, judges the targets, and writes what it found."""

import json
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from avnet.errors import ConfigError
from avnet.files.whole import write_text
from avnet.pages.figure import save
from avnet.program.output import output_folder
from eval.speed import machine
from eval.speed.config import SpeedConfig
from eval.speed.figures import Measurement, Spread
from eval.speed.parts import part_of
from eval.speed.report.compare import compare
from eval.speed.report.drawing import draw
from eval.speed.report.tables import print_part
from eval.speed.report.targets import Target, targets
from eval.speed.turns import Checkout, PartResult, Turns
from eval.speed.workers.synthetic import write_records

FORMAT = "avnet-speed-1"
# Several processes share an accelerator, so none may take all of its memory at its start.
ON_GPU = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
ON_CPU = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}


def speed(config: SpeedConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the machine has no accelerator for the suite gpu.
    """
    if config.compare is not None:
        print("\n".join(compare(*config.compare)))
        return
    environment = ON_GPU if config.suite == "gpu" else ON_CPU
    if config.suite == "gpu" and (backend := machine.accelerator(environment)) in ("cpu", "nothing"):
        raise ConfigError("--suite", f"gpu needs an accelerator that JAX can use; it found {backend}")
    folder = output_folder(config.out)
    logs = output_folder(folder / "logs")
    # Now, while none of the load is our own.
    busy = machine.load()
    began = time.monotonic()
    results = _measure(config, environment, logs)
    seconds = time.monotonic() - began
    measurements = [item for result in results.values() for item in result.measurements]
    ratios = {name: result.ratio for name, result in results.items() if result.ratio is not None}
    promises = _promises(config, measurements, ratios, seconds)
    to_other = {name: result.to_other for name, result in results.items() if result.to_other}
    report = {
        "format": FORMAT,
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": machine.commit(),
        "machine": {**machine.machine(), "load_before": busy},
        "settings": {**asdict(config), "sizes": asdict(config.sizes)},
        "seconds": seconds,
        "measurements": [asdict(item) for item in measurements],
        "ratios": {name: asdict(spread) for name, spread in ratios.items()},
        "to_other_commit": {
            name: {item: asdict(spread) for item, spread in items.items()} for name, items in to_other.items()
        },
        "targets": [{**asdict(target), "reached": target.passes} for target in promises],
    }
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    write_text(folder / "speed.json", text)
    save(draw(measurements, ratios, promises, config.quick), folder / "speed.png")
    _print_end(config, promises, seconds, busy)


def _measure(config: SpeedConfig, environment: dict[str, str], logs: Path) -> dict[str, PartResult]:
    """Each part's result, printed as it comes."""
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="avnet-speed-")))
        checkouts = [Checkout(machine.ROOT)]
        if config.compare_with is not None:
            name = stack.enter_context(machine.worktree(config.compare_with, scratch / "other"))
            checkouts.append(Checkout(scratch / "other", f" @{name}"))
        if {"pipeline", "loop"} & set(config.parts):
            print("drawing records to train on", file=sys.stderr, flush=True)
            # One more, since the loader needs as many as a batch and the loop should not see the same batch twice.
            write_records(scratch / "records", max(64, 2 * config.sizes.batch_size))
        results: dict[str, PartResult] = {}
        for name in config.parts:
            # Part by part, since a part's workers share the memory of the machine.
            results[name] = Turns(part_of(name, config, scratch), checkouts, environment, logs).run()
            print_part(name, results[name])
        return results


def _promises(
    config: SpeedConfig, measurements: Sequence[Measurement], ratios: dict[str, Spread], seconds: float
) -> list[Target]:
    """The targets; none for tiny sizes."""
    if config.quick:
        return []
    return targets(config.suite, measurements, ratios, config.sizes.batch_size, seconds)


def _print_end(config: SpeedConfig, promises: Sequence[Target], seconds: float, busy: float) -> None:
    print("targets: not judged in a quick run, whose figures mean nothing" if config.quick else "targets:")
    for target in promises:
        print(f"  {target}")
    cores = machine.machine()["cores"]
    if busy > 0.5 * cores:
        print(f"other work ran when this began (load {busy:.1f} on {cores} cores): the figures are lower for it")
    print(f"{seconds:.0f} s in all; results: {config.out}")

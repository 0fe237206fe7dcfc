"""What every program leaves behind: a table on stdout, a JSON file with how it came about, and a plot.

JSON holds shares in [0, 1]; tables print them in percent.
"""

import json
import math
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.console import Console
from rich.table import Table

from avnet.backbones.audio.backbone import AudioBackbone
from avnet.correspondence.model import Model
from avnet.files.whole import write_text
from avnet.program import output as cli_output
from avnet.workers.cores import available_cores


def percent(share: float | None) -> str:
    """A share of 1 in percent with two decimals; a dash where there is none."""
    return "-" if share is None or math.isnan(share) else f"{100 * share:.2f}"


def print_table(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]) -> None:
    """Prints named rows of shares, in percent, to stdout."""
    print_cells(title, columns, [(name, [*map(percent, values)]) for name, values in rows])


def print_counts(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Mapping[str, int]]]) -> None:
    """Prints named rows of counts to stdout."""
    print_cells(title, columns, [(name, [f"{counts[column]:,}" for column in columns]) for name, counts in rows])


def print_cells(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    """Prints named rows of cells as they are to stdout."""
    table = Table()
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for name, cells in rows:
        table.add_row(name, *cells)
    # A file or a pipe has no width; 80 columns would cut the numbers.
    console = Console(width=None if sys.stdout.isatty() else 120, file=sys.stdout)
    console.print(title, markup=False, highlight=False)
    console.print(table)


def print_left_out(left_out: Mapping[str, Sequence[str]]) -> None:
    """Prints how many items each reason left out, with the first names; the JSON names all."""
    for reason, names in left_out.items():
        more = ", ..." if len(names) > 3 else ""
        if names:
            print(f"{reason}: {len(names)} ({', '.join(names[:3])}{more})")


def output_folder(model_folder: Path, out: Path | None) -> Path:
    """The folder for the results, made if need be: the one asked for, else `eval` in the model's.

    Of a model by name or address it is `eval-NAME` here: its folder is not the user's.

    Raises:
        ConfigError: it cannot be made.
    """
    if out is None:
        out = model_folder / "eval" if model_folder.exists() else Path(f"eval-{model_folder.name}")
    return cli_output.output_folder(out)


def model_facts(folder: Path, model: Model | AudioBackbone) -> dict[str, Any]:
    """What identifies a model or an audio backbone."""
    return {"folder": str(folder), "network": model.config.network, "fingerprint": model.fingerprint}


def write_report(
    path: Path,
    seed: int | None,
    models: Mapping[str, Any],
    settings: Mapping[str, Any],
    results: Mapping[str, Any],
    left_out: Mapping[str, Sequence[str]],
) -> None:
    """Writes results with all that is needed to get them again; a file is there whole or not at all.

    Args:
        path: of the JSON file.
        seed: of every random choice; None where nothing is drawn.
        models: `model_facts` of the model, or of each.
        settings: the options that shaped the results.
        results: figures; shares in [0, 1], what cannot be computed is null.
        left_out: reason -> names of what was not used, all of them.
    """
    report = {
        # As typed: `sys.argv` has lost `-m eval`.
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "machine": _machine(),
        "model": models,
        "settings": settings,
        "results": results,
        "left_out": left_out,
    }
    text = json.dumps(_plain(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(path, text)


def _machine() -> dict[str, Any]:
    device = jax.devices()[0]
    return {
        "system": platform.platform(),
        # Many builds of Python name no processor on Linux; the architecture is better than nothing.
        "processor": platform.processor() or platform.machine(),
        "cores": available_cores(),
        "device": f"{device.platform} {device.device_kind}",
        "python": platform.python_version(),
        "jax": jax.__version__,
    }


def _plain(value: Any) -> Any:
    """Values that JSON can hold: NumPy's become Python's, NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return _plain(value.item())
    # JSON has no NaN, and strict readers refuse a file in which Python has written one.
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

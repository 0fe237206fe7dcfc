"""Tables of a run on stdout."""

import sys

from rich.console import Console
from rich.table import Table

from eval.speed.figures import Measurement, Spread, short
from eval.speed.names import RATIOS
from eval.speed.turns import PartResult

COLUMNS = ("a second", "quartiles", "ms", "p95", "FLOP/s", "of peak", "memory", "on device")


def print_part(name: str, result: PartResult) -> None:
    """Prints what a part showed: rates, times, arithmetic and memory of each contender, and their ratio."""
    table = Table()
    table.add_column("")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for item in result.measurements:
        table.add_row(*row(item))
    # A file or a pipe has no width; 80 columns would cut the numbers.
    console = Console(width=None if sys.stdout.isatty() else 132, file=sys.stdout)
    console.print(name, markup=False, highlight=False)
    console.print(table)
    for item in result.measurements:
        if item.reason is not None:
            print(f"{item.name}: {item.reason}")
        elif item.facts and "form" in item.facts:
            print(f"{item.name}: {item.facts['form']}")
    if result.ratio is not None:
        first, second = RATIOS[name]
        print(f"{first} is {result.ratio} times as fast as {second}")
    for item, spread in result.to_other.items():
        print(f"{item} is {spread} times as fast as at the other commit")
    sys.stdout.flush()


def row(item: Measurement) -> tuple[str, ...]:
    """The cells of a contender; dashes where nothing was measured."""
    if item.rate is None or item.seconds is None or item.seconds_p95 is None:
        return (item.name, *("-" for _ in COLUMNS))
    return (
        item.name,
        f"{short(item.rate.median)} {item.unit}",
        f"{short(item.rate.low)} to {short(item.rate.high)}",
        f"{1000 * item.seconds.median:.4g}",
        f"{1000 * item.seconds_p95:.4g}",
        "-" if item.flop_per_s is None else short(item.flop_per_s),
        "-" if item.share_of_peak is None else _percent(item.share_of_peak),
        _bytes(item.peak_bytes),
        _bytes(item.device_peak_bytes),
    )


def _percent(share: Spread) -> str:
    return f"{100 * share.median:.0f} %"


def _bytes(count: int | None) -> str:
    return "-" if count is None else f"{short(count)}B"

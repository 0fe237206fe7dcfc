"""`python -m eval plan`: prints a plan and all that it rests on."""

import json
from dataclasses import asdict, fields

from avnet.files.whole import write_text
from avnet.program.options import help_texts
from avnet.program.output import check_writable
from eval.plan.config import PlanConfig, Rates
from eval.plan.plan import Plan, plan


def show_plan(config: PlanConfig) -> None:
    """Runs the program.

    Raises:
        AvnetError: an option has a value that cannot be, or the file cannot be written.
    """
    if config.out is not None:
        check_writable(config.out, ".json")
    result = plan(config)
    print(as_text(config, result))
    if config.out is not None:
        values = asdict(config) | {"out": str(config.out)}
        write_text(config.out, json.dumps({"config": values, "plan": asdict(result)}, indent=2) + "\n")


def as_text(config: PlanConfig, result: Plan) -> str:
    """A plan in lines, and under it every rate with where it comes from."""
    lines = [
        f"{config.hours:,.0f} hours on {config.cores:,} cores and {config.chips:,} chips:"
        f" {result.pairs:,.0f} pairs, {result.rows:,.0f} rows",
        "",
        f"{'step':<18}{'core hours':>14}{'chip hours':>14}{'wall time':>14}  limited by",
    ]
    for step in result.steps:
        numbers = f"{step.core_hours:>14,.1f}{step.chip_hours:>14,.1f}{_duration(step.wall_hours):>14}"
        lines.append(f"{step.name:<18}{numbers}  {step.limit}")
    lines += ["", *(f"{name:<22}{_size(gigabytes):>12}" for name, gigabytes in result.storage_gb.items())]
    lines += [f"{'read over the network':<22}{_size(result.network_gb):>12}", ""]
    lines += [
        f"search: {result.engine}; exactly it would take {result.exact_ms:,.0f} ms",
        f"  from {result.side_from:,.0f} rows on a side index, from {result.lance_from:,.0f} on LanceDB",
    ]
    if config.chips:
        lines += [
            f"training: the loader limits from {result.loader_chips:,.1f} chips on",
            f"  the all-gather of a batch takes longer than a step without it from {result.gather_chips:,.0f} chips on,"
            f" its scores from {result.score_chips:,.0f}",
        ]
    texts = help_texts(Rates)
    lines += ["", "assumptions, each an option:"]
    lines += [f"  {field.name} = {getattr(config, field.name):g}: {texts[field.name]}" for field in fields(Rates)]
    return "\n".join(lines)


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{60 * hours:,.1f} min"
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def _size(gigabytes: float) -> str:
    if gigabytes < 1:
        return f"{1000 * gigabytes:,.1f} MB"
    return f"{gigabytes:,.1f} GB" if gigabytes < 1000 else f"{gigabytes / 1000:,.1f} TB"

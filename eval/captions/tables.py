"""The figures of each row, and how tables show them."""

from collections.abc import Mapping, Sequence
from typing import Any

from eval.captions.describers import Row
from eval.captions.metrics.diversity import bad_ends, distinct_n, mean_length, repeating, self_cider
from eval.captions.metrics.scores import caption_scores
from eval.captions.task import Task
from eval.report import percent

SCORES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D", "tuple F")
VARIETY = ("vocabulary", "distinct", "distinct-1", "distinct-2", "Self-CIDEr")
FORM = ("length", "repeating", "bad ends", "evenness", "in box", "by chance", "parameters", "ms/image")


def figures(row: Row, task: Task) -> dict[str, Any]:
    """Every figure of a row by its name; shares in [0, 1], CIDEr-D in [0, 10], None where there is none."""
    scores = caption_scores(row.texts, row.references or task.references)
    return {
        **scores,
        "distinct": scores["distinct"] / len(row.texts),
        "distinct-1": distinct_n(row.texts, 1),
        "distinct-2": distinct_n(row.texts, 2),
        "Self-CIDEr": variety(row, task),
        "length": mean_length(row.texts),
        "repeating": repeating(row.texts),
        "bad ends": bad_ends(row.texts),
        "parameters": row.parameters,
        "ms/image": None if row.seconds is None else 1000 * row.seconds,
        "stopped": row.stopped,
        "evenness": row.evenness,
        "looks": None if row.looks is None else row.looks._asdict(),
    }


def variety(row: Row, task: Task) -> float | None:
    """Self-CIDEr of the alternatives, over the images that have as many as the most; None where that is one."""
    most = max((len(several) for several in row.alternatives or ()), default=0)
    if most < 2:
        return None
    return self_cider([several for several in row.alternatives or () if len(several) == most], task.scorer)


def score_cells(figures: Mapping[str, Any]) -> list[str]:
    """Cells of the table of scores, times 100."""
    return [percent(figures[name]) for name in SCORES]


def variety_cells(figures: Mapping[str, Any]) -> list[str]:
    """Cells of the table of variety: a count, and shares in percent."""
    return [f"{figures['vocabulary']:,.0f}", *(percent(figures[name]) for name in VARIETY[1:])]


def form_cells(figures: Mapping[str, Any]) -> list[str]:
    """Cells of the table of length, faults, attention, size and time."""
    parameters, milliseconds, looks = figures["parameters"], figures["ms/image"], figures["looks"]
    return [
        f"{figures['length']:.1f}",
        percent(figures["repeating"]),
        percent(figures["bad ends"]),
        "-" if figures["evenness"] is None else percent(figures["evenness"]),
        *("-" if looks is None else percent(looks[name]) for name in ("inside", "chance")),
        "-" if parameters is None else f"{parameters / 1e6:.1f} M",
        "-" if milliseconds is None else f"{milliseconds:.1f}",
    ]


def interval_cells(intervals: Mapping[str, tuple[float, float]]) -> list[str]:
    """Cells of the table of intervals, times 100."""
    return [f"{100 * low:.2f} to {100 * high:.2f}" for low, high in intervals.values()]


def markdown(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """A table as Markdown, under a line that says what it is."""
    lines = [("", *columns), ("---", *("---:" for _ in columns)), *((name, *cells) for name, cells in rows)]
    table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return f"{title}\n\n{table}\n"

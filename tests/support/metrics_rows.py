"""The figures that a run of training wrote."""

import json
from pathlib import Path


def read_metrics(folder: Path, kind: str) -> list[dict[str, float]]:
    """The rows of one kind, in order of steps."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [row for row in rows if row["kind"] == kind]

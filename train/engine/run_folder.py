"""The folder of a run: claimed with all that decides its result, and refused to everything else."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from avnet.errors import TrainingError
from avnet.files.json_file import read_json
from avnet.files.whole import write_text

RUN = "run.json"


def refuse_foreign(out: Path, beside: Collection[str] = ()) -> None:
    """Makes sure that a folder is new, empty or the folder of a run.

    Args:
        out: the folder.
        beside: names of what may lie there before the run.

    Raises:
        TrainingError: it is something else.
    """
    try:
        foreign = out.exists() and not (out / RUN).exists() and any(path.name not in beside for path in out.iterdir())
    except OSError as error:
        raise TrainingError(out, f"cannot be made a folder for the run ({error.strerror})") from None
    if foreign:
        raise TrainingError(out, "is not empty and not the folder of a run; choose another --out")


def claim(out: Path, plan: Mapping[str, Any], adjustable: Collection[str] = ()) -> None:
    """Writes a run's plan into its folder, or refuses a folder that holds another run.

    Args:
        out: the folder; made if need be.
        plan: all that decides the result, as plain values.
        adjustable: entries that may differ when the run is resumed.

    Raises:
        TrainingError: it holds another run, or cannot be written.
    """
    file = out / RUN
    plan = json.loads(json.dumps(plan, default=str))
    if file.exists():
        try:
            earlier = dict(read_json(file))
        except (OSError, ValueError, TypeError):
            raise TrainingError(file, "is damaged; delete the folder or choose another --out") from None
        names = (plan.keys() | earlier.keys()) - set(adjustable)
        if differing := sorted(name for name in names if plan.get(name) != earlier.get(name)):
            raise TrainingError(out, f"holds a run with another {', '.join(differing)}; choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(out, f"cannot be made a folder for the run ({error.strerror})") from None
    write_text(file, json.dumps(plan, indent=2) + "\n")

"""Two runs side by side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avnet.errors import ConfigError
from avnet.files.json_file import read_json
from eval.speed.figures import short


def compare(old: Path, new: Path) -> list[str]:
    """One line for every contender that both runs measured, and one for every fact in which they differ.

    A rate whose quartiles overlap those of the other is called the same: two runs at two times see two machines.

    Args:
        old: a speed.json.
        new: another.

    Raises:
        ConfigError: a file is none.
    """
    before, after = _load(old), _load(new)
    lines = [f"{'':<44}{'old':>10}{'new':>10}{'new / old':>12}"]
    for name in ("commit", "machine.processor", "machine.cores", "settings.suite", "settings.sizes.batch_size"):
        pair = [_at(run, name) for run in (before, after)]
        if pair[0] != pair[1]:
            # Above the head of the table.
            lines.insert(-1, f"{name} differs: {pair[0]} and {pair[1]}")
    earlier = {(item["part"], item["name"]): item for item in before["measurements"]}
    for item in after["measurements"]:
        other = earlier.get((item["part"], item["name"]))
        if other is None or other["rate"] is None or item["rate"] is None:
            continue
        first, second = other["rate"], item["rate"]
        # Quartiles, not a test of significance: the two runs had different machines, or one machine at two times.
        same = first["low"] <= second["high"] and second["low"] <= first["high"]
        verdict = "same" if same else "faster" if second["median"] > first["median"] else "SLOWER"
        label = f"{item['part']}, {item['name']} ({item['unit']}/s)"
        figures = f"{short(first['median']):>10}{short(second['median']):>10}"
        lines.append(f"{label:<44}{figures}{second['median'] / first['median']:>12.2f}  {verdict}")
    return lines


def _load(path: Path) -> dict[str, Any]:
    try:
        report = read_json(path)
        if report["format"] != "avnet-speed-1":
            raise ValueError("another format")
        for item in report["measurements"]:
            _ = item["part"], item["name"], item["unit"], item["rate"]
        return report
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(path, f"is not a speed.json of this program ({error})") from None


def _at(run: Mapping[str, Any], name: str) -> Any:
    value: Any = run
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value

"""Localization for the page: heatmaps go out as they come, files follow."""

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from avnet.apps.localize import AWAITED_BATCH, Localization, LocalizeOptions, localize
from avnet.correspondence.model import Model
from avnet.correspondence.verdict import Verdict, stretches
from avnet.files.whole import write_text
from avnet.media.image import is_image
from avnet.pages.localization import HEATMAPS, SCORES, class_folder, write_localization
from avnet.web.tasks.sandbox import decode_in_sandbox
from avnet.web.tasks.sentences import sentence
from avnet.web.worker import Context, Tasks

# The shapes of most videos and images, height by width, and how many moments come at once, of a video and of an image:
# XLA compiles each anew.
SHAPES, COUNTS = ((9, 16), (3, 4), (1, 1), (16, 9), (2, 3), (4, 3)), (AWAITED_BATCH, 1)
# Moments that travel together.
MESSAGE = 256


def open_lane(settings: dict[str, Any]) -> Tasks:
    """The lane of localizations."""
    decode_in_sandbox(settings["memory_mb"])
    model = Model.load(settings["model"])
    steps = warm_up(model)
    next(steps)
    return Tasks({"localization": partial(localization, model)}, idle=steps)


def warm_up(model: Model) -> Iterator[None]:
    """Computes heatmaps of gray images, a shape at a time, so that few visitors wait for what is compiled."""
    unit = 2 * model.config.image_size // 9
    for count in COUNTS:
        clips = np.zeros((count, model.config.clip_samples), np.float32)
        for height, width in SHAPES:
            size = (unit * height, unit * width, model.config.moment.channels)
            model.audible_classes(clips)
            model.heatmaps([np.full(size, 127, np.uint8) for _ in range(count)], clips)
            yield


def localization(model: Model, values: dict[str, Any], context: Context) -> dict[str, Any]:
    """Localizes, tells of moments as they are computed, and writes the files of `avnet localize`."""
    still = is_image(values["media"])
    options = LocalizeOptions(
        at=values["at"],
        fps=None if still else values["fps"],
        threshold=values["threshold"],
        by_class=values["by_class"],
    )

    def tell(moments: Any, name: str | None = None) -> None:
        for first in range(0, len(moments.times), MESSAGE):
            part = slice(first, first + MESSAGE)
            values = (moments.times[part], moments.heatmaps[part], moments.verdicts[part])
            context.emit("moments", moments_as_text(*values, name))

    result = localize(model, Path(values["media"]), _path(values["sound"]), options, context.on_event, on_moments=tell)
    for name, of_class in result.by_class.items():
        tell(of_class, name)
    files = _write(result, context.folder, "", values["names"], context)
    for name, of_class in result.by_class.items():
        folder = class_folder(context.folder, name)
        folder.mkdir()
        files += _write(of_class, folder, f"{folder.name}/", values["names"], context)
    rows, columns = result.heatmaps.shape[1:]
    return {
        "span_s": list(result.span_s),
        "threshold": result.threshold,
        "count": len(result.times),
        "rows": rows,
        "columns": columns,
        "stretches": _stretches(result),
        "classes": [{"name": name, "stretches": _stretches(of)} for name, of in result.by_class.items()],
        "files": files,
    }


def moments_as_text(
    times: np.ndarray, heatmaps: np.ndarray, verdicts: Sequence[Verdict], name: str | None
) -> dict[str, Any]:
    """Heatmaps in 8 bits and their verdicts, as values for JSON.

    Args:
        times: float64 [n], seconds.
        heatmaps: float32 [n, rows, columns] in [0, 1].
        verdicts: n.
        name: of the thing whose heatmaps they are; None for those of the whole sound.
    """
    pixels = np.round(255 * np.clip(heatmaps, 0, 1)).astype(np.uint8)
    return {
        "times": times.tolist(),
        "rows": heatmaps.shape[1],
        "columns": heatmaps.shape[2],
        "heatmaps": base64.b64encode(pixels.tobytes()).decode("ascii"),
        "verdicts": [
            {key: value for key, value in asdict(verdict).items() if key != "mean_top_quarter"} for verdict in verdicts
        ],
        "class": name,
    }


def _write(result: Localization, folder: Path, prefix: str, names: dict[str, str], context: Context) -> list[str]:
    """Writes the files of one localization; their names below the folder of the job."""
    write_localization(result, folder, on_event=context.on_event)
    # Whoever downloads it knows the file by the name that they gave it.
    scores = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    scores |= {key: names.get(scores[key], scores[key]) for key in ("file", "sound")}
    write_text(folder / SCORES, json.dumps(scores, indent=2) + "\n")
    overlay = "overlay.mp4" if result.image is None else "overlay.png"
    return [f"{prefix}{name}" for name in (overlay, HEATMAPS, SCORES)]


def _stretches(result: Localization) -> list[dict[str, Any]]:
    groups = stretches(result.verdicts)
    ends = [group[0].time_s for group in groups[1:]] + [result.span_s[1]]
    return [
        {
            "from_s": group[0].time_s,
            "to_s": round(end, 3),
            "verdict": group[0].verdict,
            "peak": max(verdict.peak for verdict in group),
            "names": max(group, key=lambda verdict: verdict.peak).audible,
            "sentence": sentence(group, end),
        }
        for group, end in zip(groups, ends, strict=True)
    ]


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)

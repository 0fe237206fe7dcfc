"""Adding files of this machine to the index."""

from functools import partial
from pathlib import Path
from typing import Any

from avnet.apps.index import index_files
from avnet.correspondence.model import Model
from avnet.web.tasks.sandbox import decode_in_sandbox
from avnet.web.worker import Context, Tasks


def open_lane(settings: dict[str, Any]) -> Tasks:
    """The lane of indexing."""
    decode_in_sandbox(settings["memory_mb"])
    return Tasks({"indexing": partial(indexing, Model.load(settings["model"]), Path(settings["index"]))})


def indexing(model: Model, index: Path, values: dict[str, Any], context: Context) -> dict[str, Any]:
    """Indexes a folder or a file; what is left out is told, each with its reason."""
    report = index_files(model, index, [values["path"]], on_event=context.on_event)
    return {
        "images": report.images,
        "sounds": report.sounds,
        "silent": report.silent,
        "files_added": report.files,
        "unchanged": report.unchanged,
        "left_out": len(report.refusals),
        "counts": report.counts,
        "indexed_files": report.indexed_files,
    }

"""Folders of artifacts that lie consistently: sizes, sums and fingerprint are those of what was put into them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file, save_file

from avnet.files.artifact import CARD, HEADER, WEIGHTS, File, fingerprint_of, sha256_of
from avnet.files.kinds import KINDS


def forge(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda header: None) -> None:
    """Changes what a header says, and makes it agree with the files that there are and with itself."""
    header = json.loads((folder / HEADER).read_text())
    change(header)
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and file.name not in (HEADER, CARD)]
    header["files"] = {file.name: File(file.stat().st_size, sha256_of(file))._asdict() for file in files}
    sums = {name: file["sha256"] for name, file in header["files"].items()}
    header["fingerprint"] = fingerprint_of(KINDS[header["kind"]], header["config"], header["requires"], sums)
    (folder / HEADER).write_text(json.dumps(header))


def forge_config(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Changes the configuration alone."""
    forge(folder, lambda header: change(header["config"]))


def forge_arrays(folder: Path, change: Callable[[dict[str, Any]], Any], name: str = WEIGHTS) -> None:
    """Changes the arrays of a file."""
    arrays = load_file(folder / name)
    change(arrays)
    save_file(arrays, folder / name)
    forge(folder)

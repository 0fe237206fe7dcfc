"""The list of files that could not be read, beside an index."""

import json
from collections.abc import Iterable
from pathlib import Path

from avnet.errors import AvnetError, MediaError
from avnet.files.whole import write_text

REJECTS = "rejected.jsonl"


class Rejects:
    """A row stays until its file is tried again.

    Attributes:
        path: of the list.
        refusals: those of this run.
    """

    def __init__(self, path: Path):
        self.path = path
        self.refusals: list[MediaError] = []

    def stamps(self) -> dict[str, str]:
        """The states in which files were refused, of those whose row says it."""
        rows = [(_field(line, "file"), _field(line, "stamp")) for line in self._lines()]
        return {file: stamp for file, stamp in rows if file and stamp}

    def forget(self, files: Iterable[str]) -> None:
        """Drops the rows of files, and a torn one.

        Raises:
            AvnetError: the list cannot be written.
        """
        dropped, lines = set(files), self._lines()
        remaining = [line for line in lines if (name := _field(line, "file")) and name not in dropped]
        if remaining != lines:
            write_text(self.path, "".join(f"{line}\n" for line in remaining), own=True)

    def add(self, error: MediaError, stamp: str = "") -> None:
        """Notes one more; a killed process has written all up to the last.

        Raises:
            AvnetError: the list cannot be written.
        """
        self.refusals.append(error)
        row = {"file": error.subject, "kind": type(error).__name__, "reason": error.reason}
        if stamp:
            row["stamp"] = stamp
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as failure:
            raise AvnetError(self.path, f"cannot be written ({failure.strerror})") from None

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8", errors="replace").splitlines() if self.path.exists() else []


def _field(line: str, name: str) -> str | None:
    """What a row says; None for the torn last row of a killed process."""
    try:
        value = json.loads(line)[name]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None

"""Folders of what says units: each holds the fingerprint of the units that it says, and is refused for others.

Two sets of units may have as many members and mean other sounds by them; a voice would say one as the other.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, TypeVar

from avnet.files.artifact import Draft, Header, new_artifact, read_header
from avnet.files.kinds import Kind

UNITS = "units"
Folder = TypeVar("Folder", bound="UnitsFolder")


@contextlib.contextmanager
def new_units_folder(path: str | Path, kind: Kind, units: str, card: str = "") -> Iterator[Draft]:
    """Writes a folder of what says units; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier one there is replaced.
        kind: of it.
        units: fingerprint of the units that it says.
        card: for people, Markdown.

    Raises:
        ModelFolderError: it cannot be written, or the units have no fingerprint; an earlier one stays.
    """
    with new_artifact(path, kind, card) as draft:
        draft.requires = {UNITS: units}
        yield draft


def read_units_header(path: str | Path, kind: Kind, units: str | None) -> Header:
    """What a folder of what says units says of itself.

    Args:
        path: the folder.
        kind: of it.
        units: fingerprint of the units that shall be said; None takes any.

    Raises:
        ModelFolderError: it is of another kind, of an earlier or newer avnet, damaged, or of other units.
    """
    header = read_header(path, kind)
    if units is not None:
        header.check_requirement(UNITS, units)
    return header


class UnitsFolder:
    """What says units, and is kept in a folder of its own; a subclass says what is in the folder."""

    KIND: ClassVar[Kind]

    @classmethod
    def load(cls: type[Folder], path: str | Path, units: str | None = None) -> Folder:
        """Opens a folder that `save` wrote.

        Args:
            path: the folder.
            units: fingerprint of the units that shall be said; None takes any.

        Raises:
            ModelFolderError: it is of another kind, of an earlier or newer avnet, damaged, or of other units.
        """
        return cls.of_header(read_units_header(path, cls.KIND, units))

    def save(self, path: str | Path, units: str, card: str = "") -> str:
        """Writes a folder; it becomes visible only when it is whole.

        Args:
            path: the folder; an earlier one there is replaced.
            units: fingerprint of the units that it learned to say.
            card: for people, Markdown.

        Returns:
            The fingerprint.

        Raises:
            ModelFolderError: it cannot be written; an earlier one stays.
        """
        with new_units_folder(path, self.KIND, units, card) as draft:
            self.fill(draft)
        return draft.fingerprint

    @classmethod
    def of_header(cls: type[Folder], header: Header) -> Folder:
        """What a folder holds, whose header has been checked.

        Raises:
            ModelFolderError: it is damaged.
        """
        raise NotImplementedError

    def fill(self, draft: Draft) -> None:
        """Puts files, configuration and facts into a folder that is being written."""
        raise NotImplementedError

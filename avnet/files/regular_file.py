"""Files of a folder that somebody else may have written."""

from pathlib import Path

from avnet.errors import ModelFolderError


def read_bytes(file: Path) -> bytes:
    """What a regular file holds.

    Raises:
        ModelFolderError: it is missing, not a regular file or cannot be read.
    """
    try:
        if file.is_file():  # a pipe would wait for ever
            return file.read_bytes()
    except OSError:
        pass
    raise ModelFolderError(file, "is missing or cannot be read")

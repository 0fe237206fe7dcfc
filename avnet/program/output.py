"""Where commands may write."""

from pathlib import Path

from avnet.errors import ConfigError
from avnet.files.ownership import refuse_foreign


def output_folder(path: Path) -> Path:
    """The folder, made if need be.

    Raises:
        ConfigError: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(path, f"cannot be created as a folder ({error.strerror})") from None
    return path


def check_writable(path: Path, *suffixes: str) -> None:
    """Refuses a file for results before the work begins.

    Raises:
        ConfigError: it has none of the suffixes, is a folder, its folder is missing, or there is a file that avnet did
            not write.
    """
    if path.suffix.lower() not in suffixes:
        raise ConfigError(path, f"must have a name that ends in {' or '.join(suffixes)}")
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(path, "is a folder" if path.is_dir() else "lies in a folder that does not exist")
    refuse_foreign(path, ConfigError)

"""The JSON file in which a folder says what it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from avnet.errors import ConfigError, ModelFolderError
from avnet.files.json_file import read_json

Facts = TypeVar("Facts")


def read_facts(folder: Path, name: str, form: str, what: str, read: Callable[[dict[str, Any]], Facts]) -> Facts:
    """What a folder's file says, checked.

    Args:
        folder: that holds the file.
        name: of the file.
        form: that the file must say it has, under "format".
        what: the folder should be, for refusals: "a space of speech".
        read: takes what is wanted out of the listed values; what it raises of ValueError, KeyError, TypeError,
            AttributeError, OverflowError and ConfigError says that the file is damaged.

    Raises:
        ModelFolderError: the file is missing, damaged or of another format.
    """
    try:
        values = read_json(folder / name)
        if values["format"] != form:
            raise ValueError(f"not a file of {form}")
        return read(values)
    except OSError as error:
        raise ModelFolderError(folder, f"is not {what} ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, ConfigError) as error:
        raise ModelFolderError(folder, f"is not {what}, or damaged ({error})") from None

"""The model of a command: `--model`, or what stands before all other arguments."""

import contextlib
import os
import sys
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import AvnetError
from avnet.files.artifact import HEADER, earlier, read_header
from avnet.files.kinds import INDEX
from avnet.zoo.address import START
from avnet.zoo.reference import Source, is_name

# A reference is text: a path would make one slash of the two in hf://.
ModelOption = Annotated[str, tyro.conf.arg(metavar="MODEL")]
DEFAULT_INDEX = Path("index")


class ModelFirst:
    """Commands of a model, which may be named first instead of with `--model`.

    Attributes:
        places: most arguments that a command takes besides; None for any number.
    """

    places: int | None = None

    @classmethod
    def in_full(cls, arguments: list[str]) -> list[str]:
        """The arguments with `--model` before a model that stands first.

        It is one where it can be nothing else: there are more arguments than places for them, or it is a folder that
        avnet wrote, an address on the Hub, or the name of a model.
        """
        count = len(list(takewhile(lambda argument: not argument.startswith("-"), arguments)))
        if not count or any(argument.split("=")[0] == "--model" for argument in arguments):
            return arguments
        first, *rest = arguments
        too_many = cls.places is not None and count > cls.places
        return ["--model", first, *rest] if too_many or is_model(first) else arguments


def show_model(source: Source, *, on_stderr: bool = False) -> None:
    """Says which model a name or an address stands for; a path says it itself."""
    if source.name != str(source.folder):
        print(f"model: {source}", file=sys.stderr if on_stderr else sys.stdout)


def is_model(argument: str) -> bool:
    """Whether an argument names a model, be it a damaged one or of an earlier avnet."""
    path = Path(argument)
    if START.match(argument) or is_name(argument):
        return True
    with contextlib.suppress(OSError, ValueError):  # names that no file can have
        return not is_index(path) and (os.path.lexists(path / HEADER) or earlier(path) not in (None, INDEX))
    return False


def is_index(path: Path) -> bool:
    """Whether a folder is an index."""
    with contextlib.suppress(AvnetError):
        return read_header(path, INDEX).kind is INDEX
    return False

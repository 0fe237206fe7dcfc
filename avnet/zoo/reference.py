"""Where a model is that somebody names: `base`, `runs/ave/model`, `hf://user/model@revision`.

A path that exists is a path, whatever it is called, and so is one with a slash: `./base`. What begins with `hf://` is
an address on the Hugging Face Hub, and fetched (`avnet.zoo.hub`). The rest are names of models that come with avnet
(`avnet.zoo.shipped`), or paths that lead nowhere and are refused as such when they are opened.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avnet.events import Listener, nobody
from avnet.files.artifact import read_header
from avnet.files.kinds import KINDS
from avnet.zoo import shipped
from avnet.zoo.address import Address

BASE = "base"
# The model that describes images where none is named.
DESCRIBER = "describer"


@dataclass(frozen=True)
class Source:
    """Where a reference leads.

    Attributes:
        name: the reference, on the Hub with the commit that was fetched.
        folder: on this machine.
    """

    name: str
    folder: Path

    def __str__(self) -> str:
        """With the SHA-256 of all that decides what it does, as `artifact.json` has it."""
        return f"{self.name}, SHA-256 {read_header(self.folder, *KINDS.values()).fingerprint[:12]}"


def locate(reference: str | Path = BASE, on_event: Listener = nobody) -> Source:
    """Finds a model, and fetches it where its reference is an address.

    Args:
        reference: a path, a name, or hf://user/model[@revision].
        on_event: is told of the progress of a download.

    Raises:
        AvnetError: the address cannot be fetched; a model that comes with avnet is not installed, or damaged.
    """
    text, path = os.fspath(reference), Path(reference)
    if (address := Address.parse(text)) is not None and not (isinstance(reference, Path) and path.exists()):
        from avnet.zoo import hub  # here, since nobody pays for it who does not ask for it

        pinned, folder = hub.download(address, on_event)
        return Source(str(pinned), folder)
    if is_name(text):
        return Source(text, shipped.check(text))
    return Source(text, path)


def is_name(text: str) -> bool:
    """Whether a reference is the name of a model that comes with avnet."""
    return text in (BASE, DESCRIBER, *shipped.names()) and not os.path.lexists(text)


def load(reference: str | Path = BASE) -> Any:
    """Opens a model that comes with avnet, or anything that avnet wrote.

    Args:
        reference: a folder, a name, or hf://user/model[@revision], which is fetched.

    Returns:
        An object of the class of its kind: a `Model`, an `Index`, and so on.

    Raises:
        AvnetError: it is none, of an earlier or newer avnet, or damaged.

    Example:
        >>> avnet.load("runs/ave/model").config.network
        'ave'
        >>> type(avnet.load("units")).__name__
        'LexicalUnits'
    """
    folder = locate(reference).folder
    return read_header(folder, *KINDS.values()).kind.type.load(folder)

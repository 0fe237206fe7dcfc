"""`avnet push`: puts a model on the Hugging Face Hub."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from avnet.program.progress import show_progress
from avnet.zoo.address import Address
from avnet.zoo.publish import push
from avnet.zoo.reference import locate


@dataclass(frozen=True)
class PushConfig:
    """Put a model on the Hugging Face Hub, with its card.

    Sends what the folder's artifact.json lists and its README.md, whose first lines get the license, the library and
    tags where they have none. Takes a token: `hf auth login`, or HF_TOKEN. Prints the address with the commit. Needs
    the extra: pip install 'avnet[hub]'.

    Example: avnet push runs/avol/model hf://user/model --license apache-2.0
    """

    model: Annotated[str, tyro.conf.Positional]
    """Folder of a model, or of anything else that avnet wrote as JSON and safetensors."""
    target: Annotated[str, tyro.conf.Positional]
    """Address on the Hub: hf://user/model, or hf://user/model@branch."""
    license: str | None = None
    """License, by its identifier on the Hub. Default: the card's own, else unknown."""
    private: bool = False
    """Make a repository that others cannot see."""


def run(config: PushConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model cannot be sent, or the Hub refuses it.
    """
    address = Address.parse(config.target)
    if address is None:
        raise ConfigError(config.target, "is no address on the Hub; they look like hf://user/model")
    with show_progress() as on_event:
        source = locate(config.model, on_event)
        pushed = push(source.folder, address, config.license, config.private, on_event)
    print(f"model: {source}")
    print(f"address: {pushed}")

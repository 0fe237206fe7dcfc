"""Folders of networks that speak: a configuration, weights, and the fingerprint of the units, if any are said."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from flax import nnx

from avnet.config import Plain
from avnet.files.artifact import WEIGHTS, new_artifact, read_header
from avnet.files.kinds import Kind
from avnet.files.weights import fill_network, to_bytes
from avnet.nn.abstract import abstract_network

Config = TypeVar("Config", bound=Plain)
Network = TypeVar("Network", bound=nnx.Module)


def write_network(
    path: str | Path, kind: Kind, config: Plain, network: nnx.Module, units: str | None, card: str = ""
) -> str:
    """Writes a folder; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier one there is replaced.
        kind: of the folder.
        config: of the network.
        network: the network.
        units: fingerprint of the units that it learned to say; None where it says none.
        card: for people, Markdown.

    Returns:
        The fingerprint.

    Raises:
        ModelFolderError: it cannot be written; an earlier one stays.
    """
    with new_artifact(path, kind, card) as draft:
        draft.config, draft.requires = config.to_dict(), {} if units is None else {"units": units}
        (draft.folder / WEIGHTS).write_bytes(to_bytes(network))
    return draft.fingerprint


def read_network(
    path: str | Path, kind: Kind, units: str | None, config: type[Config], build: Callable[[Config, nnx.Rngs], Network]
) -> Network:
    """Opens a folder that `write_network` wrote.

    Args:
        path: the folder.
        kind: of the folder.
        units: fingerprint of the units that shall be said; None takes any.
        config: of the network.
        build: the network of a configuration.

    Raises:
        ModelFolderError: it is of another kind, of an earlier or newer avnet, damaged, or of other units.
    """
    header = read_header(path, kind)
    if units is not None:
        header.check_requirement("units", units)
    with header.parsing():
        sizes = config.from_dict(header.config)
    abstract = abstract_network(lambda rngs: build(sizes, rngs))
    return fill_network(header.folder / WEIGHTS, abstract, header.arrays())

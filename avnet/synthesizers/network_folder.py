"""Networks in folders: a configuration and weights."""

from collections.abc import Callable
from typing import TypeVar

from flax import nnx

from avnet.config import Plain
from avnet.files.artifact import WEIGHTS, Draft, Header
from avnet.files.weights import fill_network, to_bytes
from avnet.nn.abstract import abstract_network

Config = TypeVar("Config", bound=Plain)
Network = TypeVar("Network", bound=nnx.Module)


def put_network(draft: Draft, config: Plain, network: nnx.Module) -> None:
    """Puts a network into a folder that is being written.

    Args:
        draft: of the folder.
        config: of the network.
        network: the network.
    """
    draft.config = config.to_dict()
    (draft.folder / WEIGHTS).write_bytes(to_bytes(network))


def network_of(header: Header, config: type[Config], build: Callable[[Config, nnx.Rngs], Network]) -> Network:
    """The network that `put_network` put into a folder.

    Args:
        header: of the folder.
        config: of the network.
        build: the network of a configuration.

    Raises:
        ModelFolderError: it is damaged.
    """
    with header.parsing():
        sizes = config.from_dict(header.config)
    abstract = abstract_network(lambda rngs: build(sizes, rngs))
    return fill_network(header.folder / WEIGHTS, abstract, header.arrays())

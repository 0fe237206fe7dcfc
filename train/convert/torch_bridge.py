"""`python -m train from-torch|to-torch`: networks of correspondence from state dicts of PyTorch, and to them."""

from collections.abc import Mapping

import numpy as np

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS
from avnet.correspondence.model import Model
from avnet.correspondence.network import Network
from avnet.correspondence.state_dict import config_of, from_state_dict, to_state_dict
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import read_header
from avnet.files.kinds import MODEL
from avnet.program.output import check_writable
from avnet.zoo.reference import locate
from train.convert.config import FromTorchConfig, ToTorchConfig
from train.convert.torch_file import SUFFIXES, read_state_dict, write_state_dict
from train.correspondence.card import imported_card


def from_torch(config: FromTorchConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the model.

    Raises:
        AvnetError: the model that it is to be like cannot be found or read.
        ConfigError: PyTorch is missing, no preset is given and none has such widths, or the model that it is to be like
            has another network.
        DataError: the file is damaged or holds other things than arrays.
        ModelFolderError: the arrays are not those of the network, or the folder cannot be written.
    """
    if config.like is not None:
        # Before the checkpoint, which may be large.
        sizes, like = _config_like(config)
        network = _network_like(config, sizes, read_state_dict(config.checkpoint))
    else:
        assert config.network in NETWORKS
        arrays, like = read_state_dict(config.checkpoint), None
        sizes = config_of(config.network, arrays, config.preset, config.checkpoint)
        network = from_state_dict(sizes, arrays, config.checkpoint)
    fingerprint = Model(sizes, network).save(config.out, imported_card(sizes, config.checkpoint, like))
    towers = sizes.towers if sizes.on_known_towers else f"widths {', '.join(map(str, sizes.widths))}"
    print(
        f"model: {config.out} ({sizes.title}, {sizes.image_size} pixels, {towers}, "
        f"embedding {sizes.embedding_size}, {fingerprint[:12]})"
    )
    return fingerprint


def to_torch(config: ToTorchConfig) -> None:
    """Runs the whole command.

    Raises:
        ConfigError: the file's name or place will not do, or PyTorch is missing.
        DataError: the file cannot be written.
        ModelFolderError: the model cannot be read.
    """
    # First, so that a wrong name is refused before the model is read.
    check_writable(config.out, *SUFFIXES)
    model = Model.load(config.model)
    arrays = to_state_dict(model.network)
    write_state_dict(config.out, arrays)
    print(f"state dict: {config.out} ({model.config.title}, {len(arrays)} arrays, of model {model.fingerprint[:12]})")


def _config_like(config: FromTorchConfig) -> tuple[ModelConfig, str]:
    """What the model is to which the new one shall be like, and which that is."""
    assert config.like is not None
    source = locate(config.like)
    header = read_header(source.folder, MODEL)
    with header.parsing():
        sizes = ModelConfig.from_dict(header.config)
    if config.network not in (None, sizes.network):
        raise ConfigError("--network", f"must be that of {config.like}, {sizes.network}, or left out")
    return sizes, str(source)


def _network_like(config: FromTorchConfig, sizes: ModelConfig, arrays: Mapping[str, np.ndarray]) -> Network:
    try:
        return from_state_dict(sizes, arrays, config.checkpoint)
    except ModelFolderError as error:
        reason = f"{error.reason}; {config.like} has {sizes.title} with the towers {sizes.towers}"
        raise ModelFolderError(error.subject, reason) from None

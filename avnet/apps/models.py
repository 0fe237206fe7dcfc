"""Opening the model that a command was given, if it can do what the command does."""

from pathlib import Path
from typing import TYPE_CHECKING

import avnet
from avnet.errors import ConfigError

if TYPE_CHECKING:
    from avnet.config import NetworkName
    from avnet.correspondence.model import Model


def load_for(folder: Path, lacks: "dict[NetworkName, str]") -> "Model":
    """Opens a model.

    Args:
        folder: the model folder.
        lacks: by network that will not do, why not.

    Raises:
        ModelFolderError: it cannot be opened.
        ConfigError: it is of a network that will not do.
    """
    model = avnet.Model.load(folder)
    if model.config.network in lacks:
        raise ConfigError(folder, f"is an {model.config.title}, {lacks[model.config.network]}")
    return model


def load_aligned(folder: Path) -> "Model":
    """Opens a model whose pictures and sounds have comparable embeddings.

    Raises:
        ModelFolderError, ConfigError: as in `load_for`.
    """
    wanted = "search takes a model trained with 'ave'"
    return load_for(
        folder,
        {
            "avol": f"which has no single embedding for a picture; {wanted}",
            "l3": f"whose features of pictures and of sounds are not aligned; {wanted}",
        },
    )

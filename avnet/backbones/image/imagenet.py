"""Public ImageNet weights, in the names and layout of PyTorch: torchvision's, and of `efficientnet_lite_pytorch`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from avnet.backbones.config import BackboneConfig
from avnet.backbones.image.inverted_residual import Trunk
from avnet.backbones.network import abstract
from avnet.backbones.torch_names import TorchNames
from avnet.files.weights import fill_network, shapes_of

# What stands for our arrays in a state dict: (which of the two parts of a layer, name there).
_ARRAYS = {
    "conv.kernel": ("convolution", "weight"),
    "norm.scale": ("normalization", "weight"),
    "norm.bias": ("normalization", "bias"),
    "norm.mean": ("normalization", "running_mean"),
    "norm.var": ("normalization", "running_var"),
}
_CLASSIFIER = {"classifier.kernel": "weight", "classifier.bias": "bias"}


def torch_names(config: BackboneConfig) -> TorchNames:
    """What stands for the arrays of a network in the public weights, and in a state dict of their PyTorch namesake."""
    network = _network(config)
    return TorchNames.of(shapes_of(network), dict(_names(network)))


def from_state_dict(
    config: BackboneConfig, state_dict: Mapping[str, np.ndarray], source: str | Path = "state dict"
) -> Trunk:
    """A network with the weights of its PyTorch namesake.

    Args:
        config: one of the networks whose ImageNet weights are public.
        state_dict: float32 arrays under the names of torchvision's `mobilenet_v2` or of `efficientnet_lite_pytorch`;
            the counters of batches are passed over, and the classifier where the configuration keeps none.
        source: where it comes from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    network = _network(config)
    unused = () if config.classes else tuple(f"{network.torch_classifier}.{part}" for part in _CLASSIFIER.values())
    arrays = {theirs: array for theirs, array in state_dict.items() if theirs not in unused}
    return fill_network(source, network, torch_names(config).read(arrays, source))


def _network(config: BackboneConfig) -> Trunk:
    network = abstract(config)
    assert isinstance(network, Trunk)
    return network


def _names(network: Trunk) -> Iterator[tuple[str, str]]:
    """Our name and theirs of every array."""
    for layer in network.torch_layers():
        for ours, (part, theirs) in _ARRAYS.items():
            yield f"{layer.ours}.{ours}", f"{getattr(layer, part)}.{theirs}"
    if network.classifier is not None:
        for ours, theirs in _CLASSIFIER.items():
            yield ours, f"{network.torch_classifier}.{theirs}"

"""Public ImageNet weights, in the names and layout of PyTorch."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from avnet.backbones.config import BackboneConfig
from avnet.backbones.image.inverted_residual import Trunk
from avnet.backbones.network import abstract
from avnet.files.weights import check_arrays, fill_network, shapes_of
from avnet.nn.torch_layout import our_layout, torch_shape

# What stands for our arrays in a state dict: (which of the two parts of a layer, name there).
_ARRAYS = {
    "conv.kernel": ("convolution", "weight"),
    "norm.scale": ("normalization", "weight"),
    "norm.bias": ("normalization", "bias"),
    "norm.mean": ("normalization", "running_mean"),
    "norm.var": ("normalization", "running_var"),
}
_CLASSIFIER = {"classifier.kernel": "weight", "classifier.bias": "bias"}
# PyTorch's counters of batches have no counterpart here.
_COUNTER = "num_batches_tracked"


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
    network = abstract(config)
    assert isinstance(network, Trunk)
    names = dict(_torch_names(network))
    shapes = {names[ours]: torch_shape(shape) for ours, shape in shapes_of(network).items()}
    unused = () if config.classes else tuple(f"{network.torch_classifier}.{part}" for part in _CLASSIFIER.values())
    arrays = {
        theirs: array for theirs, array in state_dict.items() if theirs not in unused and not theirs.endswith(_COUNTER)
    }
    check_arrays(source, shapes, arrays)
    ours = {ours: our_layout(arrays[theirs]) for ours, theirs in names.items()}
    return fill_network(source, network, ours)


def _torch_names(network: Trunk) -> Iterator[tuple[str, str]]:
    """Our name and theirs of every array."""
    for layer in network.torch_layers():
        for ours, (part, theirs) in _ARRAYS.items():
            yield f"{layer.ours}.{ours}", f"{getattr(layer, part)}.{theirs}"
    if network.classifier is not None:
        for ours, theirs in _CLASSIFIER.items():
            yield ours, f"{network.torch_classifier}.{theirs}"

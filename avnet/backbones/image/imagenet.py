"""The networks whose ImageNet weights are public, and those weights in the names and layout of PyTorch."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from flax import nnx

from avnet.backbones.image.efficientnet import EfficientNetLite0
from avnet.backbones.image.inverted_residual import Trunk
from avnet.backbones.image.mobilenet import MobileNetV2
from avnet.backbones.image.names import ImagenetName
from avnet.files.weights import check_arrays, filled, shapes_of
from avnet.nn.torch_layout import our_layout, torch_shape

IMAGENET_NETWORKS: dict[ImagenetName, type[MobileNetV2] | type[EfficientNetLite0]] = {
    "mobilenetv2": MobileNetV2,
    "efficientnet-lite0": EfficientNetLite0,
}

# What stands for our arrays in a state dict: (of the convolution or the normalisation, name there).
_ARRAYS = {
    "conv.kernel": ("conv", "weight"),
    "norm.scale": ("norm", "weight"),
    "norm.bias": ("norm", "bias"),
    "norm.mean": ("norm", "running_mean"),
    "norm.var": ("norm", "running_var"),
}
_CLASSIFIERS = ("classifier.", "_fc.")
_COUNTER = "num_batches_tracked"


def build_imagenet(name: ImagenetName, *, rngs: nnx.Rngs) -> Trunk:
    """The network of that name with fresh weights."""
    return IMAGENET_NETWORKS[name](rngs=rngs)


@functools.cache
def abstract(name: ImagenetName) -> Trunk:
    """The network of that name with shapes in place of weights; not to be changed."""
    return nnx.eval_shape(lambda: build_imagenet(name, rngs=nnx.Rngs(0)))


def name_of(network: Trunk) -> ImagenetName:
    """The name under which `build_imagenet` builds such a network."""
    return next(name for name, kind in IMAGENET_NETWORKS.items() if type(network) is kind)


def from_state_dict(
    name: ImagenetName, state_dict: Mapping[str, np.ndarray], source: str | Path = "state dict"
) -> Trunk:
    """A network with the weights of its PyTorch namesake.

    Args:
        name: of the network.
        state_dict: float32 arrays under the names of torchvision's `mobilenet_v2` or of `efficientnet_lite_pytorch`;
            the classifier and the counters of batches are passed over.
        source: where it comes from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    network = abstract(name)
    names = dict(_torch_names(name, network))
    shapes = {names[ours]: torch_shape(shape) for ours, shape in shapes_of(network).items()}
    arrays = {theirs: array for theirs, array in state_dict.items() if not _passed_over(theirs)}
    check_arrays(source, shapes, arrays)
    ours = {ours: our_layout(arrays[theirs]) for ours, theirs in names.items()}
    return filled(source, network, ours)


def _torch_names(name: ImagenetName, network: Trunk) -> Iterator[tuple[str, str]]:
    """Our name and theirs of every array."""
    layers = _mobilenet_layers if name == "mobilenetv2" else _lite_layers
    for layer, conv, norm in layers(network):
        for ours, (part, theirs) in _ARRAYS.items():
            yield f"{layer}.{ours}", f"{conv if part == 'conv' else norm}.{theirs}"


def _mobilenet_layers(network: Trunk) -> Iterator[tuple[str, str, str]]:
    """Our name of a layer, theirs of its convolution and of its normalisation; all are numbered there."""
    yield "stem", "features.0.0", "features.0.1"
    for i, block in enumerate(network.blocks):
        theirs = f"features.{i + 1}.conv"
        bounded = ["depthwise"] if block.expand is None else ["expand", "depthwise"]
        for j, layer in enumerate(bounded):
            yield f"blocks.{i}.{layer}", f"{theirs}.{j}.0", f"{theirs}.{j}.1"
        yield f"blocks.{i}.project", f"{theirs}.{len(bounded)}", f"{theirs}.{len(bounded) + 1}"
    last = len(network.blocks) + 1
    yield "head", f"features.{last}.0", f"features.{last}.1"


def _lite_layers(network: Trunk) -> Iterator[tuple[str, str, str]]:
    """As `_mobilenet_layers`; all have names there."""
    yield "stem", "_conv_stem", "_bn0"
    for i, block in enumerate(network.blocks):
        for j, layer in enumerate(("expand", "depthwise", "project")):
            if getattr(block, layer) is not None:
                yield f"blocks.{i}.{layer}", f"_blocks.{i}._{layer}_conv", f"_blocks.{i}._bn{j}"
    yield "head", "_conv_head", "_bn1"


def _passed_over(name: str) -> bool:
    return name.startswith(_CLASSIFIERS) or name.endswith(_COUNTER)

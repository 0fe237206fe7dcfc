"""AVE-Net, AVOL-Net and L3-Net as state dicts of PyTorch: the names, and what a network there must do.

| array here | in the state dict | shape there |
|---|---|---|
| `SIDE.blocks.I.conv.kernel` | `SIDE.blocks.I.conv.weight` | [out, in, 3, 3] |
| `SIDE.blocks.I.conv.bias` | `SIDE.blocks.I.conv.bias` | [out] |
| `SIDE.blocks.I.norm.scale` | `SIDE.blocks.I.norm.weight` | [out] |
| `SIDE.blocks.I.norm.bias` | `SIDE.blocks.I.norm.bias` | [out] |
| `SIDE.blocks.I.norm.mean` | `SIDE.blocks.I.norm.running_mean` | [out] |
| `SIDE.blocks.I.norm.var` | `SIDE.blocks.I.norm.running_var` | [out] |
| none | `SIDE.blocks.I.norm.num_batches_tracked` | [], written as 0; it may be missing and is passed over |
| ave, avol: `SIDE_projection.FC.kernel` | `SIDE_projection.FC.weight` | [out, in] |
| ave, avol: `SIDE_projection.FC.bias` | `SIDE_projection.FC.bias` | [out] |
| ave: `fc3.kernel`, `fc3.bias` | `fc3.weight`, `fc3.bias` | [2, 1], [2] |
| avol: `scale`, `shift` | `scale`, `shift` | [], [] |
| l3: `FC.kernel`, `FC.bias` | `FC.weight`, `FC.bias` | [out, in], [out]; fc1 takes vision first, then audio |

Of AVE+MF (and AVOL+MF, L3+MF) the vision kernels have a third side, [out, in, 3, 3, 3], time before height and width.
Of AVE+OF the first six blocks are `vision.image.blocks.I` for the frame and `vision.flow.blocks.I` for its motion, and
`vision.blocks.0` and `1` are conv4_1 and conv4_2 over both.

SIDE is vision or audio, I is 0 (conv1_1) to 7 (conv4_2), FC is fc1 or fc2. A convolution without a bias gets zeros.

For equal answers the network there

* takes images [batch, 3, height, width], RGB in [0, 1] and not normalised further, and spectrograms
  [batch, 1, bins, frames] as of `avnet.audio.spectrogram`;
* has in each block a 3x3 convolution, batch normalisation with epsilon 1e-5 and ReLU; 2x2 max-pooling after the blocks
  1, 3 and 5; of the last map the maximum over all cells, except of AVOL-Net's images;
* pads by 1 on all sides where the stride is 1. Block 0 has a stride of 2 and pads as little as will do: an odd side by
  1 at either end, an even one by 1 *at its end alone* (below, or to the right), for even height and width
  `F.pad(x, (0, 1, 0, 1))` before `Conv2d(channels, out, 3, stride=2)`. With `padding=1` it would look a pixel further
  up and to the left: weights trained so can be imported, but answer somewhat differently until they are trained on;
* gives the logits of ("does not correspond", "corresponds"), in this order; AVE-Net's and L3-Net's.

To train on there as here, batch normalisation has momentum 0.1 (0.9 in flax); the variance that PyTorch keeps is n /
(n - 1) times ours, n the cells of a batch.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

import numpy as np

from avnet.correspondence.config import ModelConfig, ModelPresetName
from avnet.correspondence.kinds import KINDS, NetworkName
from avnet.correspondence.network import Network, build
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import arrays_of, check_arrays, fill_network, shapes_of
from avnet.nn.abstract import abstract_network
from avnet.nn.torch_layout import our_layout, torch_layout, torch_shape

PRESETS: tuple[ModelPresetName, ...] = get_args(ModelPresetName)

# How our names end, and theirs.
_ENDS = {
    ".kernel": ".weight",
    ".norm.scale": ".norm.weight",
    ".norm.mean": ".norm.running_mean",
    ".norm.var": ".norm.running_var",
}
_MEAN, _COUNTER = ".running_mean", ".num_batches_tracked"


def to_state_dict(network: Network) -> dict[str, np.ndarray]:
    """The arrays of a network as in the table: float32, the counters of batches int64.

    Raises:
        ConfigError: its towers are not the papers'.
    """
    if network.config.on_known_towers:
        raise ConfigError(network.config.network, "is on backbones, for which there are no names in PyTorch")
    arrays = {_torch_name(name): torch_layout(array) for name, array in arrays_of(network).items()}
    return arrays | {counter: np.zeros((), np.int64) for counter in _counters(arrays)}


def from_state_dict(
    network: NetworkName,
    state_dict: Mapping[str, np.ndarray],
    preset: ModelPresetName | None = None,
    source: str | Path = "state dict",
) -> Network:
    """The network that a state dict is of; of what `to_state_dict` gave, the same bit for bit.

    Args:
        network: its name.
        state_dict: float32 arrays as in the table; the widths and the embedding size are theirs.
        preset: that has all that arrays do not tell: image size, clip and spectrogram. None for that of these widths.
        source: where it comes from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
        ConfigError: no preset is given, and none has these widths.
    """
    config = _config(network, state_dict, preset, source)
    abstract = abstract_network(lambda rngs: build(config, rngs=rngs))
    names = {name: _torch_name(name) for name in shapes_of(abstract)}
    shapes = {names[name]: torch_shape(shape) for name, shape in shapes_of(abstract).items()}
    # Written by PyTorch's layers and read by nothing.
    counters = set(_counters(shapes))
    arrays = {name: array for name, array in state_dict.items() if name not in counters}
    check_arrays(source, shapes, arrays)
    return fill_network(source, abstract, {ours: our_layout(arrays[theirs]) for ours, theirs in names.items()})


def _torch_name(name: str) -> str:
    for ours, theirs in _ENDS.items():
        if name.endswith(ours):
            return name.removesuffix(ours) + theirs
    return name


def _counters(names: Iterable[str]) -> list[str]:
    return [name.removesuffix(_MEAN) + _COUNTER for name in names if name.endswith(_MEAN)]


def _config(
    network: NetworkName, arrays: Mapping[str, np.ndarray], preset: ModelPresetName | None, source: str | Path
) -> ModelConfig:
    flow = "vision.flow.blocks.0.conv.weight" in arrays
    seconds = [f"vision.{'image.' if flow else ''}blocks.{i}" for i in (1, 3, 5)]
    names = [*seconds, f"vision.blocks.{1 if flow else 7}"]
    a, b, c, d = (_outputs(arrays, f"{name}.conv.weight", source) for name in names)
    seen = "-flow" if flow else "-frames" if arrays[f"{seconds[0]}.conv.weight"].ndim == 5 else ""
    presets: list[ModelPresetName] = [
        name for name in PRESETS if name.removeprefix("paper").removeprefix("small") == seen
    ]
    widths, layer = (a, b, c, d), "vision_projection.fc1" if KINDS[network].projected else "fc1"
    embedding_size = _outputs(arrays, f"{layer}.weight", source)
    preset = preset or next((name for name in presets if ModelConfig.preset(network, name).widths == widths), None)
    if preset is None:
        raise ConfigError("preset", f"must be given ({' or '.join(presets)}), as the widths {widths} are of neither")
    try:
        return dataclasses.replace(ModelConfig.preset(network, preset), widths=widths, embedding_size=embedding_size)
    except ConfigError as error:
        raise ModelFolderError(source, f"has impossible sizes ({error})") from None


def _outputs(arrays: Mapping[str, np.ndarray], name: str, source: str | Path) -> int:
    """The features that a layer of that name gives."""
    if name not in arrays:
        raise ModelFolderError(source, f"lacks {name!r}; its names must be those that `to-torch` writes")
    if not arrays[name].ndim:
        raise ModelFolderError(source, f"{name!r} is a single number, not the weights of a layer")
    return len(arrays[name])

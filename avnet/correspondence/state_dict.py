"""Networks of correspondence as state dicts of PyTorch: the names, and what a network there must do.

| array here | in the state dict | shape there |
|---|---|---|
| papers' towers: `SIDE.blocks.I.conv.kernel` | `SIDE.blocks.I.conv.weight` | [out, in, 3, 3] |
| `SIDE.blocks.I.conv.bias` | `SIDE.blocks.I.conv.bias` | [out] |
| `SIDE.blocks.I.norm.scale` | `SIDE.blocks.I.norm.weight` | [out] |
| `SIDE.blocks.I.norm.bias` | `SIDE.blocks.I.norm.bias` | [out] |
| `SIDE.blocks.I.norm.mean` | `SIDE.blocks.I.norm.running_mean` | [out] |
| `SIDE.blocks.I.norm.var` | `SIDE.blocks.I.norm.running_var` | [out] |
| none | `SIDE.blocks.I.norm.num_batches_tracked` | [], written as 0; it may be missing and is passed over |
| backbones: `SIDE.` and more | `SIDE.` and the published name, see below | the published one |
| ave, avol, joint: `SIDE_projection.FC.kernel` | `SIDE_projection.FC.weight` | [out, in] |
| ave, avol, joint: `SIDE_projection.FC.bias` | `SIDE_projection.FC.bias` | [out] |
| of a backbone: `SIDE_projection.norm.scale` | `SIDE_projection.norm.weight` | [in] |
| of a backbone: `SIDE_projection.norm.bias` | `SIDE_projection.norm.bias` | [in] |
| ave, joint: `fc3.kernel`, `fc3.bias` | `fc3.weight`, `fc3.bias` | [2, 1], [2] |
| avol, zero-shot: `scale`, `shift` | `scale`, `shift` | [], [] |
| joint: `agreement`, `evidence`, `shift` | `agreement`, `evidence`, `shift` | [], [], [] |
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

Backbones have the names of the published weights that `python -m train imagenet`, `vit` and `ast` read. What follows
`vision.` or `audio.` is a state dict of

| backbone | class there | beside what is here |
|---|---|---|
| efficientnet-lite0 | `EfficientNet` of `efficientnet_lite_pytorch` | counters of batches; no `_fc` without classes |
| mobilenetv2 | torchvision's `mobilenet_v2` | counters of batches; no `classifier.1` without classes |
| dinov2 | `Dinov2Model`, `Dinov2WithRegistersModel` | `embeddings.mask_token` [1, width], of zeros |
| clip | `CLIPVisionModelWithProjection` | |
| mae | `ViTMAEModel` | |
| ast | `ASTForAudioClassification`, without classes `ASTModel` | |
| cav-mae | timm's `VisionTransformer`, without class token | `modality_a` is part of `pos_embed` |
| yamnet | none: ours, in PyTorch's layout | `norm.weight` of ones and counters of batches |

What is only there may be missing on the way back and is passed over. Transformers have the names of *files* on the Hub
(`model.safetensors`), which every version of `transformers` reads and writes, whatever it calls modules in memory:
`Dinov2Model.from_pretrained(None, config=config, state_dict=vision)`, and back by `save_pretrained`. Query, key and
value of an attention, one after the other here, are apart there; tokens and positions have an axis for the batch there,
except of CLIP. Positions are those that were learned: `image_size` is `grid` * `patch_size` of `artifact.json`, and
`max_length` of AST 10 * `columns` + 6 where squares are 16 wide and 10 apart.

YAMNet's layers are `stem` and `blocks.0` to `blocks.25`, depthwise and pointwise by turns. Of each, `conv.weight` is
[32, 1, 3, 3] of the stem, [channels, 1, 3, 3] depthwise and [out, in, 1, 1] pointwise, and `norm` is a `BatchNorm2d`
with epsilon 1e-4, the factor of which must stay 1. `classifier.weight` is [521, 1024]. Height is time and width is
frequency there; padding is as of block 0 above, and activations are ReLU, or ReLU6 where `artifact.json` says `relu6`.

For equal answers, with backbones,

* images are normalised by their mean and spread: (x - 127 / 255) / (128 / 255) of EfficientNet-Lite0; of a transformer
  as `artifact.json` says; of MobileNetV2 and others that is ImageNet's. EfficientNet-Lite0 pads like block 0 above;
* a grid holds EfficientNet's and MobileNet's last maps (of 1,280 channels), or the last tokens of the patches,
  normalised, of CLIP projected too; one vector of it is the mean over its cells;
* a spectrogram is cut into patches of `frames` columns (YAMNet's 96), of which each begins half a patch after the one
  before, as many as fit, in its middle. A patch's vector is the mean over the last map (YAMNet), over the class and
  distillation tokens (AST, its `pooler_output`) or over all tokens (CAV-MAE), a sound's the mean over its patches. AST
  takes (x - mean) / spread as `artifact.json` says;
* `SIDE_projection.norm` is a `LayerNorm` with epsilon 1e-6, before fc1;
* joint and zero-shot networks make groups of the classes, of which no array tells: `avnet/names/groups.json` has their
  names, `avnet/correspondence/zero_shot.py` and `joint.py` the arithmetic.
"""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import numpy as np

from avnet.backbones.audio import ast_weights, yamnet_names
from avnet.backbones.audio.config import ASTS, AudioBackboneConfig, AudioBackboneName
from avnet.backbones.config import VITS, BackboneConfig, BackboneName
from avnet.backbones.image import imagenet, vit_weights
from avnet.backbones.network import abstract
from avnet.backbones.torch_names import TorchNames
from avnet.correspondence.config import ModelConfig, ModelPresetName
from avnet.correspondence.kinds import KINDS, PaperName
from avnet.correspondence.network import Network, build
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import arrays_of, fill_network, shapes_of
from avnet.nn.abstract import abstract_network

PRESETS: tuple[ModelPresetName, ...] = get_args(ModelPresetName)


def _of_tower(config: BackboneConfig) -> TorchNames:
    return TorchNames.of(shapes_of(abstract(config)))


# What stands for the arrays of a backbone.
_IMAGES: dict[BackboneName, Callable[[BackboneConfig], TorchNames]] = {
    "tower": _of_tower,
    "efficientnet-lite0": imagenet.torch_names,
    "mobilenetv2": imagenet.torch_names,
    **dict.fromkeys(VITS, vit_weights.torch_names),
}
_SOUNDS: dict[AudioBackboneName, Callable[[AudioBackboneConfig], TorchNames]] = {
    "yamnet": yamnet_names.torch_names,
    **dict.fromkeys(ASTS, ast_weights.torch_names),
}


def to_state_dict(network: Network) -> dict[str, np.ndarray]:
    """The arrays of a network as in the tables: float32, the counters of batches int64."""
    return _names(network).write(arrays_of(network))


def from_state_dict(
    config: ModelConfig, state_dict: Mapping[str, np.ndarray], source: str | Path = "state dict"
) -> Network:
    """The network that a state dict is of; of what `to_state_dict` gave, the same bit for bit.

    Args:
        config: what it is; `config_of` reads it from the arrays of a network with the papers' towers.
        state_dict: float32 arrays as in the tables.
        source: where it comes from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    network = abstract_network(lambda rngs: build(config, rngs=rngs))
    return fill_network(source, network, _names(network).read(state_dict, source))


def config_of(
    network: PaperName,
    state_dict: Mapping[str, np.ndarray],
    preset: ModelPresetName | None = None,
    source: str | Path = "state dict",
) -> ModelConfig:
    """What arrays are the weights of, if it has the papers' towers.

    Args:
        network: its name.
        state_dict: arrays as in the table; the widths and the embedding size are theirs.
        preset: that has all that arrays do not tell: image size, clip and spectrogram. None for that of these widths.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: arrays that tell a size are missing or have an impossible shape.
        ConfigError: no preset is given, and none has these widths.
    """
    flow = "vision.flow.blocks.0.conv.weight" in state_dict
    seconds = [f"vision.{'image.' if flow else ''}blocks.{i}" for i in (1, 3, 5)]
    names = [*seconds, f"vision.blocks.{1 if flow else 7}"]
    a, b, c, d = (_outputs(state_dict, f"{name}.conv.weight", source) for name in names)
    seen = "-flow" if flow else "-frames" if state_dict[f"{seconds[0]}.conv.weight"].ndim == 5 else ""
    presets: list[ModelPresetName] = [
        name for name in PRESETS if name.removeprefix("paper").removeprefix("small") == seen
    ]
    widths, layer = (a, b, c, d), "vision_projection.fc1" if KINDS[network].projected else "fc1"
    embedding_size = _outputs(state_dict, f"{layer}.weight", source)
    preset = preset or next((name for name in presets if ModelConfig.preset(network, name).widths == widths), None)
    if preset is None:
        raise ConfigError("preset", f"must be given ({' or '.join(presets)}), as the widths {widths} are of neither")
    try:
        return dataclasses.replace(ModelConfig.preset(network, preset), widths=widths, embedding_size=embedding_size)
    except ConfigError as error:
        raise ModelFolderError(source, f"has impossible sizes ({error})") from None


def _names(network: Network) -> TorchNames:
    """What stands for the arrays of a network, abstract or not."""
    config, names = network.config, TorchNames({})
    if config.vision is not None:
        names |= _IMAGES[config.vision.network](config.vision).below("vision.")
    if config.audio is not None:
        names |= _SOUNDS[config.audio.network](config.audio).below("audio.")
    # All else has the same names here and there.
    return names | TorchNames.of({name: x for name, x in shapes_of(network).items() if name not in names.arrays})


def _outputs(arrays: Mapping[str, np.ndarray], name: str, source: str | Path) -> int:
    """The features that a layer of that name gives."""
    if name not in arrays:
        raise ModelFolderError(source, f"lacks {name!r}; its names must be those that `to-torch` writes")
    if not arrays[name].ndim:
        raise ModelFolderError(source, f"{name!r} is a single number, not the weights of a layer")
    return len(arrays[name])

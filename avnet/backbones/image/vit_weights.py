"""Published weights of vision transformers: DINOv2, CLIP and MAE, as their authors name arrays and as the Hub does.

Reference: github.com/facebookresearch/dinov2, openai/CLIP (and open_clip, which has its names), facebookresearch/mae;
the package `transformers` for the others.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from avnet.backbones.config import VITS, BackboneConfig, ViTName
from avnet.backbones.image.config import HEAD, ViTConfig
from avnet.backbones.image.vit import ViT
from avnet.backbones.network import abstract
from avnet.backbones.published import Dialect, StateDict, fill, find_dialect, shape_of, side_of
from avnet.backbones.published import torch_names as names_in
from avnet.backbones.torch_names import Filler, TorchNames
from avnet.errors import ConfigError, ModelFolderError

_BLOCK = "encoder.blocks.{}."
_OF_AUTHORS = {
    "class_token": "cls_token",
    "registers": "register_tokens",
    "positions": "pos_embed",
    "patches": "patch_embed.proj",
    _BLOCK + "norm1": "blocks.{}.norm1",
    _BLOCK + "attention.qkv": "blocks.{}.attn.qkv",
    _BLOCK + "attention.out": "blocks.{}.attn.proj",
    _BLOCK + "scale1": "blocks.{}.ls1.gamma",
    _BLOCK + "norm2": "blocks.{}.norm2",
    _BLOCK + "wide": "blocks.{}.mlp.fc1",
    _BLOCK + "narrow": "blocks.{}.mlp.fc2",
    _BLOCK + "scale2": "blocks.{}.ls2.gamma",
    "norm": "norm",
}
_OF_HUB = {
    "class_token": "embeddings.cls_token",
    "registers": "embeddings.register_tokens",
    "positions": "embeddings.position_embeddings",
    "patches": "embeddings.patch_embeddings.projection",
    _BLOCK + "attention.qkv": tuple(f"encoder.layer.{{}}.attention.attention.{x}" for x in ("query", "key", "value")),
    _BLOCK + "attention.out": "encoder.layer.{}.attention.output.dense",
    "norm": "layernorm",
}

# Of each network, the dialects of its files.
DIALECTS: dict[ViTName, tuple[Dialect, ...]] = {
    "dinov2": (
        Dialect("dinov2", "blocks.0.ls1.gamma", _OF_AUTHORS, unused=("mask_token", "head.")),
        Dialect(
            "transformers",
            "encoder.layer.0.layer_scale1.lambda1",
            {
                **_OF_HUB,
                _BLOCK + "norm1": "encoder.layer.{}.norm1",
                _BLOCK + "scale1": "encoder.layer.{}.layer_scale1.lambda1",
                _BLOCK + "norm2": "encoder.layer.{}.norm2",
                _BLOCK + "wide": "encoder.layer.{}.mlp.fc1",
                _BLOCK + "narrow": "encoder.layer.{}.mlp.fc2",
                _BLOCK + "scale2": "encoder.layer.{}.layer_scale2.lambda1",
            },
            prefixes=("", "dinov2.", "dinov2_with_registers."),
            unused=("embeddings.mask_token", "classifier."),
        ),
    ),
    "clip": (
        Dialect(
            "openai",
            "class_embedding",
            {
                "class_token": "class_embedding",
                "positions": "positional_embedding",
                "patches": "conv1",
                "pre_norm": "ln_pre",
                _BLOCK + "norm1": "transformer.resblocks.{}.ln_1",
                _BLOCK + "attention.qkv.kernel": "transformer.resblocks.{}.attn.in_proj_weight",
                _BLOCK + "attention.qkv.bias": "transformer.resblocks.{}.attn.in_proj_bias",
                _BLOCK + "attention.out": "transformer.resblocks.{}.attn.out_proj",
                _BLOCK + "norm2": "transformer.resblocks.{}.ln_2",
                _BLOCK + "wide": "transformer.resblocks.{}.mlp.c_fc",
                _BLOCK + "narrow": "transformer.resblocks.{}.mlp.c_proj",
                "norm": "ln_post",
                "projection.kernel": "proj",
            },
            prefixes=("visual.", ""),
            as_ours=frozenset({"projection.kernel"}),
            batched=False,
        ),
        Dialect(
            "transformers",
            "vision_model.embeddings.class_embedding",
            {
                "class_token": "vision_model.embeddings.class_embedding",
                "positions": "vision_model.embeddings.position_embedding.weight",
                "patches": "vision_model.embeddings.patch_embedding",
                "pre_norm": "vision_model.pre_layrnorm",
                _BLOCK + "norm1": "vision_model.encoder.layers.{}.layer_norm1",
                _BLOCK + "attention.qkv": tuple(
                    f"vision_model.encoder.layers.{{}}.self_attn.{x}_proj" for x in ("q", "k", "v")
                ),
                _BLOCK + "attention.out": "vision_model.encoder.layers.{}.self_attn.out_proj",
                _BLOCK + "norm2": "vision_model.encoder.layers.{}.layer_norm2",
                _BLOCK + "wide": "vision_model.encoder.layers.{}.mlp.fc1",
                _BLOCK + "narrow": "vision_model.encoder.layers.{}.mlp.fc2",
                "norm": "vision_model.post_layernorm",
                "projection": "visual_projection",
            },
            unused=("text_model.", "text_projection.", "logit_scale", "vision_model.embeddings.position_ids"),
            batched=False,
        ),
    ),
    "mae": (
        Dialect(
            "transformers",
            "encoder.layer.0.layernorm_before.weight",
            {
                **_OF_HUB,
                _BLOCK + "norm1": "encoder.layer.{}.layernorm_before",
                _BLOCK + "norm2": "encoder.layer.{}.layernorm_after",
                _BLOCK + "wide": "encoder.layer.{}.intermediate.dense",
                _BLOCK + "narrow": "encoder.layer.{}.output.dense",
            },
            prefixes=("vit.", ""),
            unused=("decoder.",),
        ),
        # Last: DINOv2 has its arrays too, and more.
        Dialect("mae", "blocks.0.norm1.weight", _OF_AUTHORS, unused=("mask_token", "decoder_", "head.")),
    ),
}
KNOWN = "DINOv2, CLIP and MAE"
_PRESETS: dict[ViTName, ViTConfig] = {
    "dinov2": ViTConfig.dinov2_small(),
    "clip": ViTConfig.clip_base(),
    "mae": ViTConfig.mae_base(),
}


def config_of(
    state_dict: Mapping[str, np.ndarray],
    image_size: int = 224,
    *,
    heads: int | None = None,
    quick_gelu: bool | None = None,
    source: str | Path = "state dict",
) -> BackboneConfig:
    """What the arrays of a file are the weights of: the network by their names, sizes by their shapes.

    Args:
        state_dict: arrays by name.
        image_size: side of the square that is to be seen of an image, pixels.
        heads: of the attention, which no shape tells; None is a head for 64 channels.
        quick_gelu: whether CLIP was trained with it, as OpenAI's were; None is yes.
        source: where they come from, for refusals.

    Raises:
        ConfigError: the size is beyond its bounds.
        ModelFolderError: the arrays are of no vision transformer that is known.
    """
    network, dialect, arrays = _network(state_dict, source)

    def shape(ours: str, axes: int) -> tuple[int, ...]:
        return shape_of(arrays, dialect.theirs(ours)[0], axes, source, leading_ones=not ours.endswith("kernel"))

    preset = _PRESETS[network]
    width, _, _, patch_size = shape("patches.kernel", 4)
    positions = shape("positions", 2)[0]
    registers = 0
    if "registers" in dialect.names and dialect.theirs("registers")[0] in arrays:
        registers = shape("registers", 2)[0]
    projection = 0
    if preset.projection and dialect.theirs("projection.kernel")[0] in arrays:
        # PyTorch has the outputs of a layer first; OpenAI's is no layer, but an array.
        projection = shape("projection.kernel", 2)[1 if "projection.kernel" in dialect.as_ours else 0]
    try:
        vit = replace(
            preset,
            width=width,
            depth=dialect.depth(arrays, "encoder.blocks.0.norm1.scale"),
            heads=heads or max(1, width // HEAD),
            hidden=shape("encoder.blocks.0.wide.kernel", 2)[0],
            patch_size=patch_size,
            grid=side_of(positions - 1, dialect.theirs("positions")[0], source),
            registers=registers,
            antialias=registers > 0,
            projection=projection,
            quick_gelu=preset.quick_gelu if quick_gelu is None else quick_gelu,
        )
    except ConfigError as error:
        raise ModelFolderError(source, f"is not {network}, or damaged ({error})") from None
    return BackboneConfig(network, image_size, vit=vit)


def from_state_dict(
    config: BackboneConfig, state_dict: Mapping[str, np.ndarray], source: str | Path = "state dict"
) -> ViT:
    """A network with the weights of its PyTorch namesake; what is not of the image's encoder is passed over.

    Args:
        config: as `config_of` reads it.
        state_dict: float32 arrays by name.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    network, dialect, arrays = _network(state_dict, source)
    if network != config.network:
        raise ModelFolderError(source, f"holds {network}, not {config.network}")
    vit = abstract(config)
    assert isinstance(vit, ViT)
    return fill(vit, dialect, arrays, source)


def torch_names(config: BackboneConfig) -> TorchNames:
    """What stands for the arrays of a network in a file on the Hub: the names of `transformers`."""
    assert config.vit is not None and config.network in VITS
    dialect = next(each for each in DIALECTS[config.network] if each.name == "transformers")
    names = names_in(abstract(config), dialect)
    if config.network != "dinov2":
        return names
    # That of what is hidden in training, which `Dinov2Model` has and an image never meets.
    return names | TorchNames({}, {"embeddings.mask_token": Filler(np.zeros((1, config.vit.width), np.float32))})


def _network(state_dict: Mapping[str, np.ndarray], source: str | Path) -> tuple[ViTName, Dialect, StateDict]:
    every = tuple(dialect for dialects in DIALECTS.values() for dialect in dialects)
    dialect, arrays = find_dialect(every, state_dict, source, KNOWN)
    networks: list[ViTName] = [name for name in VITS if any(each is dialect for each in DIALECTS[name])]
    return networks[0], dialect, arrays

"""Published weights of transformers over spectrograms: AST, as its authors name arrays and as the Hub does; CAV-MAE's.

Reference: github.com/YuanGongND/ast and cav-mae; the package `transformers`.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from avnet.backbones.audio.ast import AST
from avnet.backbones.audio.config import ASTS, WHOLE_AUDIOSET, ASTConfig, ASTName, AudioBackboneConfig
from avnet.backbones.audio.network import abstract_audio
from avnet.backbones.image.config import HEAD
from avnet.backbones.published import Dialect, StateDict, fill, find_dialect, shape_of
from avnet.backbones.published import torch_names as names_in
from avnet.backbones.torch_names import TorchNames
from avnet.errors import ConfigError, ModelFolderError

# Frames of the spectrograms that AST and CAV-MAE were trained on: ten seconds.
TRAINED_FRAMES = 1024
KNOWN = "AST and CAV-MAE"
_BLOCK = "encoder.blocks.{}."
_HUB = "audio_spectrogram_transformer."
_MODALITY = "modality_a"


def _of_authors(prefix: str) -> dict[str, str | tuple[str, ...]]:
    return {
        "tokens": (f"{prefix}cls_token", f"{prefix}dist_token"),
        "positions": f"{prefix}pos_embed",
        "squares": f"{prefix}patch_embed.proj",
        _BLOCK + "norm1": f"{prefix}blocks.{{}}.norm1",
        _BLOCK + "attention.qkv": f"{prefix}blocks.{{}}.attn.qkv",
        _BLOCK + "attention.out": f"{prefix}blocks.{{}}.attn.proj",
        _BLOCK + "norm2": f"{prefix}blocks.{{}}.norm2",
        _BLOCK + "wide": f"{prefix}blocks.{{}}.mlp.fc1",
        _BLOCK + "narrow": f"{prefix}blocks.{{}}.mlp.fc2",
        "norm": f"{prefix}norm",
        "classifier_norm": "mlp_head.0",
        "classifier": "mlp_head.1",
    }


def _of_hub(prefix: str) -> dict[str, str | tuple[str, ...]]:
    block = f"{prefix}encoder.layer.{{}}."
    return {
        "tokens": (f"{prefix}embeddings.cls_token", f"{prefix}embeddings.distillation_token"),
        "positions": f"{prefix}embeddings.position_embeddings",
        "squares": f"{prefix}embeddings.patch_embeddings.projection",
        _BLOCK + "norm1": f"{block}layernorm_before",
        _BLOCK + "attention.qkv": tuple(f"{block}attention.attention.{x}" for x in ("query", "key", "value")),
        _BLOCK + "attention.out": f"{block}attention.output.dense",
        _BLOCK + "norm2": f"{block}layernorm_after",
        _BLOCK + "wide": f"{block}intermediate.dense",
        _BLOCK + "narrow": f"{block}output.dense",
        "norm": f"{prefix}layernorm",
        "classifier_norm": "classifier.layernorm",
        "classifier": "classifier.dense",
    }


DIALECTS: dict[ASTName, tuple[Dialect, ...]] = {
    "ast": (
        Dialect("ast", "v.dist_token", _of_authors("v."), unused=("v.head.", "v.head_dist.")),
        Dialect("transformers", f"{_HUB}embeddings.distillation_token", _of_hub(_HUB)),
        Dialect("transformers", "embeddings.distillation_token", _of_hub("")),
    ),
    # Its blocks for sounds come first, then those that images and sounds share; see `_one_branch`.
    "cav-mae": (Dialect("cav-mae", _MODALITY, _of_authors("")),),
}


def config_of(
    state_dict: StateDict,
    frames: int | None = None,
    *,
    classifier: bool = True,
    heads: int | None = None,
    trained_frames: int = TRAINED_FRAMES,
    source: str | Path = "state dict",
) -> AudioBackboneConfig:
    """What the arrays of a file are the weights of: the network by their names, sizes by their shapes.

    Args:
        state_dict: arrays by name.
        frames: of the spectrogram that one vector is to be of; None is the preset's.
        classifier: whether the classifier is kept, where the file has AudioSet's.
        heads: of the attention, which no shape tells; None is a head for 64 channels.
        trained_frames: of the spectrograms that positions were learned for.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: the arrays are of no transformer over spectrograms that is known.
    """
    network, dialect, arrays = _network(state_dict, source)

    def shape(ours: str, axes: int) -> tuple[int, ...]:
        return shape_of(arrays, dialect.theirs(ours)[0], axes, source, leading_ones=not ours.endswith("kernel"))

    preset = AudioBackboneConfig.preset(network)
    assert preset.ast is not None
    width, _, _, tile = shape("squares.kernel", 4)
    squares = shape("positions", 2)[0] - preset.ast.tokens
    stride = _stride(preset.ast, tile, squares, preset.spectrogram.bins, trained_frames)
    if stride is None:
        name = dialect.theirs("positions")[0]
        raise ModelFolderError(source, f"{name!r} has {squares} positions, not those of {trained_frames} frames")
    try:
        ast = replace(
            preset.ast,
            frames=preset.ast.frames if frames is None else frames,
            width=width,
            depth=dialect.depth(arrays, "encoder.blocks.0.norm1.scale"),
            heads=heads or max(1, width // HEAD),
            hidden=shape("encoder.blocks.0.wide.kernel", 2)[0],
            tile=tile,
            stride=stride,
            columns=(trained_frames - tile) // stride + 1,
        )
    except ConfigError as error:
        raise ModelFolderError(source, f"is not {network}, or damaged ({error})") from None
    has_classifier = dialect.theirs("classifier.kernel")[0] in arrays
    if classifier and has_classifier and (count := shape("classifier.kernel", 2)[0]) != WHOLE_AUDIOSET:
        reason = f"classifies {count} classes, not AudioSet's {WHOLE_AUDIOSET}; leave its classifier out"
        raise ModelFolderError(source, reason)
    return replace(preset, ast=ast, classes=WHOLE_AUDIOSET if classifier and has_classifier else 0)


def from_state_dict(
    config: AudioBackboneConfig, state_dict: Mapping[str, np.ndarray], source: str | Path = "state dict"
) -> AST:
    """A network with the weights of its PyTorch namesake.

    Args:
        config: as `config_of` reads it.
        state_dict: float32 arrays by name; the classifier is passed over where the configuration keeps none.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    network, dialect, arrays = _network(state_dict, source)
    if network != config.network:
        raise ModelFolderError(source, f"holds {network}, not {config.network}")
    if not config.classes:
        unused = {dialect.theirs(f"{x}")[0] for x in _CLASSIFIER}
        arrays = {name: array for name, array in arrays.items() if name not in unused}
    ast = abstract_audio(config)
    assert isinstance(ast, AST)
    return fill(ast, dialect, arrays, source)


def torch_names(config: AudioBackboneConfig) -> TorchNames:
    """What stands for the arrays of a network in a file.

    Of AST it is one of the Hub: of an `ASTForAudioClassification` where the classifier is kept, else of an `ASTModel`.
    CAV-MAE has no names there. Its branch is a single transformer here, and has the names that its authors, and timm,
    give to one: `blocks.I`, without `_a`, `_v` and `_u`.
    """
    assert config.network in ASTS
    dialects = [each for each in DIALECTS[config.network] if each.name == "transformers"] or DIALECTS[config.network]
    return names_in(abstract_audio(config), dialects[0 if config.classes else -1])


_CLASSIFIER = ("classifier_norm.scale", "classifier_norm.bias", "classifier.kernel", "classifier.bias")


def _network(state_dict: StateDict, source: str | Path) -> tuple[ASTName, Dialect, StateDict]:
    every = tuple(dialect for dialects in DIALECTS.values() for dialect in dialects)
    dialect, arrays = find_dialect(every, state_dict, source, KNOWN)
    if dialect in DIALECTS["ast"]:
        return "ast", dialect, arrays
    return "cav-mae", dialect, _one_branch(arrays, source)


def _one_branch(arrays: StateDict, source: str | Path) -> StateDict:
    """The branch for sounds of CAV-MAE with the names of a single transformer.

    What tells sounds from images is added to every square, as positions are: the two become one. Blocks that images and
    sounds share have normalizations of their own for either. Its classifier, where there is one, has seen images too.
    """
    branch, depth = {}, sum(name.startswith("blocks_a.") and name.endswith(".attn.qkv.weight") for name in arrays)
    heads = ("pos_embed_a", "patch_embed_a.", "norm_a.")
    for name, array in arrays.items():
        begin, _, rest = name.partition(".")
        if name.startswith(heads):
            branch[name.replace("_a", "", 1)] = array
        elif begin == "blocks_a" and not _is_of_one_modality(rest):
            branch[f"blocks.{rest}"] = array
        elif begin == "blocks_u":
            number, _, layer = rest.partition(".")
            if not number.isdigit() or layer.startswith(("norm1.", "norm2.")) or "_v." in layer:
                continue
            branch[f"blocks.{depth + int(number)}.{layer.replace('_a.', '.', 1)}"] = array
    if (positions := branch.get("pos_embed")) is not None:
        width = positions.shape[-1:]
        if arrays[_MODALITY].size != int(np.prod(width)):
            raise ModelFolderError(source, f"{_MODALITY!r} has the shape {arrays[_MODALITY].shape}")
        branch["pos_embed"] = positions + arrays[_MODALITY].reshape(width)
    return branch


def _is_of_one_modality(layer: str) -> bool:
    return any(part in layer for part in ("norm1_a.", "norm1_v.", "norm2_a.", "norm2_v."))


def _stride(preset: ASTConfig, tile: int, squares: int, bins: int, frames: int) -> int | None:
    """From one square to the next, by how many squares there are; the preset's where that fits."""
    for stride in (preset.stride, *range(1, tile + 1)):
        if squares == max(0, (bins - tile) // stride + 1) * max(0, (frames - tile) // stride + 1):
            return stride
    return None

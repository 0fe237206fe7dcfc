"""The options of the programs that convert weights from elsewhere, and to PyTorch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.backbones.audio.config import PATCH_FRAMES
from avnet.backbones.config import IMAGENET_CLASSES, LARGEST, SMALLEST, BackboneConfig, ImagenetName
from avnet.correspondence.config import MOST_POOLED, ModelPresetName
from avnet.correspondence.kinds import NETWORKS, NetworkName
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least

# Frames of a spectrogram: a minute, which is the longest clip of a model too.
LONGEST = 5998


@dataclass(frozen=True)
class ImagenetConfig:
    """Convert ImageNet weights of PyTorch to a backbone.

    Example: python -m train imagenet --network efficientnet-lite0 --out backbone
    """

    out: Path
    """Folder for the backbone; an earlier backbone there is replaced."""
    weights: Annotated[Path | None, tyro.conf.Positional] = None
    """State dict: .pth (needs PyTorch) or .safetensors. Default: the weights in an installed package."""
    network: ImagenetName = "efficientnet-lite0"
    """Network to which the weights belong."""
    image_size: int = 224
    """Side of the square to which images are scaled for the network, in pixels."""
    classifier: bool = True
    """Keep the classifier of ImageNet's 1,000 classes, by which zero-shot localization names what an image shows."""

    def __post_init__(self):
        self.backbone()

    def backbone(self) -> BackboneConfig:
        """What the backbone will be.

        Raises:
            ConfigError: the size is beyond its bounds.
        """
        classes = IMAGENET_CLASSES if self.classifier else 0
        return BackboneConfig(self.network, self.image_size, classes=classes)


@dataclass(frozen=True)
class YamnetConfig:
    """Convert the public weights of YAMNet to an audio backbone.

    Two files are published (Google, Apache-2.0): `lite-model_yamnet_classification_tflite_1.tflite` of 8 bits, and
    `yamnet.h5` of Keras (needs h5py). README links the first.

    Example: python -m train yamnet yamnet.tflite --out audio-backbone
    """

    weights: Annotated[Path, tyro.conf.Positional]
    """File of weights: .tflite or .h5."""
    out: Path
    """Folder for the audio backbone; an earlier audio backbone there is replaced."""


@dataclass(frozen=True)
class VitConversionConfig:
    """Convert the published weights of a vision transformer (DINOv2, CLIP, MAE) to a backbone.

    Files are read as their authors publish them, and as the Hugging Face Hub has them (`model.safetensors`). Which
    network a file is of, and of what size, is read from its arrays. docs/backbones.md says where they are.

    Example: python -m train vit dinov2-small/model.safetensors --out backbone
    """

    weights: Annotated[Path, tyro.conf.Positional]
    """State dict: .safetensors, or .pth, .pt or .bin (needs PyTorch)."""
    out: Path
    """Folder for the backbone; an earlier backbone there is replaced."""
    image_size: int = 224
    """Side of the square to which images are scaled for the network, in pixels; positions are interpolated."""
    heads: int | None = None
    """Number of heads of the attention, which no array tells. Default: one for 64 channels, as in ViT-S, B and L."""
    activation: Literal["gelu", "quick-gelu"] | None = None
    """Activation of the wide layers. Default: quick-gelu for CLIP, as OpenAI's were trained (of open_clip, those that
    are called quickgelu), gelu for others."""

    def __post_init__(self):
        check_at_least(self, 1, "heads")
        if not SMALLEST <= self.image_size <= LARGEST:
            raise ConfigError("--image-size", f"must be from {SMALLEST} to {LARGEST} pixels, got {self.image_size}")


@dataclass(frozen=True)
class AstConversionConfig:
    """Convert the published weights of a transformer over spectrograms (AST, CAV-MAE) to an audio backbone.

    Files are read as their authors publish them, and as the Hugging Face Hub has them (`model.safetensors`). Which
    network a file is of, and of what size, is read from its arrays. docs/backbones.md says where they are.

    Example: python -m train ast ast-finetuned-audioset-10-10-0.4593/model.safetensors --out audio-backbone
    """

    weights: Annotated[Path, tyro.conf.Positional]
    """State dict: .safetensors, or .pth, .pt or .bin (needs PyTorch)."""
    out: Path
    """Folder for the audio backbone; an earlier audio backbone there is replaced."""
    frames: int = PATCH_FRAMES
    """Number of frames of the spectrogram, of 10 ms, that one vector is of; the next is of those half as many later.
    The weights were trained on 1,024; models then take ten seconds of sound at a time."""
    classifier: bool = True
    """Keep the classifier of AudioSet's 527 classes, by which zero-shot localization names what is heard."""
    heads: int | None = None
    """Number of heads of the attention, which no array tells. Default: one for 64 channels, as in all published."""
    trained_frames: int = 1024
    """Number of frames that the weights were trained on, of which the positions are."""

    def __post_init__(self):
        check_at_least(self, 1, "heads")
        check_at_least(self, 16, "frames", "trained_frames")
        if max(self.frames, self.trained_frames) > LONGEST:
            raise ConfigError("--frames, --trained-frames", f"must be at most {LONGEST}")


@dataclass(frozen=True)
class ZeroShotConfig:
    """Put two classifiers together to a model that localizes what both have a name for, without training.

    A classifier of images says what is in each cell, one of sounds what is audible; a table joins their classes, which
    `python -m eval groups` lists. Probabilities are calibrated on real video, or on records of your own.

    Example: python -m train zero-shot backbone audio-backbone --out model
    """

    vision: Annotated[Path, tyro.conf.Positional]
    """Backbone for images that keeps its classifier, as `python -m train imagenet` writes it."""
    audio: Annotated[Path, tyro.conf.Positional]
    """Backbone for sounds that keeps its classifier, as `python -m train yamnet` or `ast` writes it."""
    out: Path
    """Model folder; an earlier model there is replaced."""
    data: Path | None = None
    """Records on whose validation split probabilities are calibrated. Default: avnet's own calibration."""
    pairs: int = 500
    """Largest number of validation pairs to calibrate on."""
    frames: int = 1
    """Number of frames of a moment, from 1 to 25, that are seen, spread over a second: the mean of their features is
    taken, as in `--frames 5`, for which records need --fps 5."""

    def __post_init__(self):
        check_at_least(self, 2, "pairs")
        if not 1 <= self.frames <= MOST_POOLED:
            raise ConfigError("--frames", f"must be from 1 to {MOST_POOLED}, got {self.frames}")


@dataclass(frozen=True)
class FromTorchConfig:
    """Convert a PyTorch checkpoint of a network of correspondence to a model.

    Its arrays must have the names that `to-torch` writes. The names, and what a network in PyTorch must do to give the
    same answers (mind the padding), are listed in avnet/correspondence/state_dict.py. Of AVE-Net, AVOL-Net and L3-Net
    with the papers' towers, widths and embedding size are taken from the arrays. All else, and any network on
    backbones, wants a model that it is like.

    Example: python -m train from-torch checkpoint.pth --like base --out model
    """

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """State dict, or a checkpoint with an entry `state_dict` or `model`: .pth (needs PyTorch) or .safetensors."""
    out: Path
    """Model folder; an earlier model there is replaced."""
    network: NetworkName | None = None
    """Network to which the weights belong: ave, avol or l3, of others only --like tells enough. Default: that of
    --like."""
    preset: ModelPresetName | None = None
    """Preset for what the arrays do not tell: image size, clip length and spectrogram. Default: the preset with the
    widths of the arrays."""
    like: Annotated[str | Path | None, tyro.conf.arg(metavar="MODEL")] = None
    """Model (a folder, a name, or hf://user/model) of the same network and sizes, which has all that the arrays do not
    tell: the one that went to PyTorch, say. Its weights are not taken."""

    def __post_init__(self):
        if self.like is None and self.network not in NETWORKS:
            got = "" if self.network is None else f", got {self.network!r}"
            raise ConfigError("--network", f"must be {', '.join(NETWORKS)}, or left out for --like MODEL{got}")
        if self.like is not None and self.preset is not None:
            raise ConfigError("--preset", "goes without --like, which tells what a preset tells")


@dataclass(frozen=True)
class ToTorchConfig:
    """Convert a model to a state dict of PyTorch.

    The names of the arrays, and what a network in PyTorch must do to give the same answers, are listed in
    avnet/correspondence/state_dict.py. Backbones have the names of their published weights: what follows `vision.` and
    `audio.` is a state dict of torchvision or transformers, say.

    Example: python -m train to-torch runs/ave/model --out towers.pth
    """

    model: Annotated[str | Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Model: a folder, a name, or hf://user/model."""
    out: Path
    """File to write: .pth or .pt (needs PyTorch), or .safetensors."""

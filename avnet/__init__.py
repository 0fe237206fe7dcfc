"""Learns from unlabelled video which sights and sounds belong together.

AVE-Net, AVOL-Net (Arandjelovic and Zisserman, "Objects that Sound", 2018) and L3-Net ("Look, Listen and Learn", 2017):
embeddings, sound-source heatmaps, cross-modal search, and descriptions of images in speech or in words. Names are
loaded on first use, so importing this is cheap. In the examples of this package `np` is NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

# For type checkers and editors, which do not run `__getattr__`.
if TYPE_CHECKING:
    from avnet.apps.browse import index_map
    from avnet.apps.descriptions.describe import describe
    from avnet.apps.descriptions.options import DescribeOptions
    from avnet.apps.localize import LocalizeOptions, localize
    from avnet.apps.search import SearchOptions, search
    from avnet.apps.tags import TagOptions, tag_images, tags
    from avnet.audio.config import SpectrogramConfig
    from avnet.backbones.audio.backbone import AudioBackbone
    from avnet.backbones.audio.config import AudioBackboneConfig
    from avnet.backbones.backbone import Backbone
    from avnet.backbones.config import BackboneConfig
    from avnet.captioners.captioner import Captioner
    from avnet.captioners.config import CaptionerConfig
    from avnet.correspondence.config import ModelConfig
    from avnet.correspondence.model import Model
    from avnet.describer.describer import Describer
    from avnet.describer.text_describer import TextDescriber
    from avnet.errors import AvnetError
    from avnet.export.exported import Exported
    from avnet.index.index import Index
    from avnet.media.audio import read_waveform
    from avnet.media.image import read_image
    from avnet.media.video import read_video
    from avnet.pages.heatmap import overlay
    from avnet.speech_space.space import SpeechSpace
    from avnet.speech_space.tower import SpeechTowerConfig
    from avnet.synthesizers.synthesizer import Synthesizer
    from avnet.synthesizers.vocos import VocosConfig
    from avnet.tagger.tagger import Tagger
    from avnet.units.units import Units
    from avnet.zoo.reference import load

__version__ = "0.1.0"

# Imported on first use: together they load JAX and FFmpeg, and most programs need a few of them.
_HOME = {
    "AudioBackbone": "avnet.backbones.audio.backbone",
    "AudioBackboneConfig": "avnet.backbones.audio.config",
    "AvnetError": "avnet.errors",
    "Backbone": "avnet.backbones.backbone",
    "BackboneConfig": "avnet.backbones.config",
    "Captioner": "avnet.captioners.captioner",
    "CaptionerConfig": "avnet.captioners.config",
    "DescribeOptions": "avnet.apps.descriptions.options",
    "Describer": "avnet.describer.describer",
    "Exported": "avnet.export.exported",
    "Index": "avnet.index.index",
    "LocalizeOptions": "avnet.apps.localize",
    "Model": "avnet.correspondence.model",
    "ModelConfig": "avnet.correspondence.config",
    "SearchOptions": "avnet.apps.search",
    "SpectrogramConfig": "avnet.audio.config",
    "SpeechSpace": "avnet.speech_space.space",
    "SpeechTowerConfig": "avnet.speech_space.tower",
    "Synthesizer": "avnet.synthesizers.synthesizer",
    "TagOptions": "avnet.apps.tags",
    "Tagger": "avnet.tagger.tagger",
    "TextDescriber": "avnet.describer.text_describer",
    "Units": "avnet.units.units",
    "VocosConfig": "avnet.synthesizers.vocos",
    "describe": "avnet.apps.descriptions.describe",
    "index_map": "avnet.apps.browse",
    "load": "avnet.zoo.reference",
    "localize": "avnet.apps.localize",
    "overlay": "avnet.pages.heatmap",
    "read_image": "avnet.media.image",
    "read_video": "avnet.media.video",
    "read_waveform": "avnet.media.audio",
    "search": "avnet.apps.search",
    "tag_images": "avnet.apps.tags",
    "tags": "avnet.apps.tags",
}

__all__ = [
    "AudioBackbone",
    "AudioBackboneConfig",
    "AvnetError",
    "Backbone",
    "BackboneConfig",
    "Captioner",
    "CaptionerConfig",
    "DescribeOptions",
    "Describer",
    "Exported",
    "Index",
    "LocalizeOptions",
    "Model",
    "ModelConfig",
    "SearchOptions",
    "SpectrogramConfig",
    "SpeechSpace",
    "SpeechTowerConfig",
    "Synthesizer",
    "TagOptions",
    "Tagger",
    "TextDescriber",
    "Units",
    "VocosConfig",
    "__version__",
    "describe",
    "index_map",
    "load",
    "localize",
    "overlay",
    "read_image",
    "read_video",
    "read_waveform",
    "search",
    "tag_images",
    "tags",
]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'avnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

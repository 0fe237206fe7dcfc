"""Learns from unlabelled video which sights and sounds belong together.

AVE-Net, AVOL-Net (Arandjelovic and Zisserman, "Objects that Sound", 2018) and L3-Net ("Look, Listen and Learn", 2017):
embeddings, sound-source heatmaps and cross-modal search. Names are loaded on first use, so importing this is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avnet.audio.config import SpectrogramConfig
    from avnet.correspondence.config import ModelConfig
    from avnet.correspondence.model import Model
    from avnet.errors import AvnetError
    from avnet.files.artifact import load
    from avnet.index.index import Index

__version__ = "0.1.0"

_HOME = {
    "AvnetError": "avnet.errors",
    "Index": "avnet.index.index",
    "Model": "avnet.correspondence.model",
    "ModelConfig": "avnet.correspondence.config",
    "SpectrogramConfig": "avnet.audio.config",
    "load": "avnet.files.artifact",
}

__all__ = ["AvnetError", "Index", "Model", "ModelConfig", "SpectrogramConfig", "__version__", "load"]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'avnet' has no attribute {name!r}")

"""YAMNet in a state dict of PyTorch, where nobody has published it: the names are ours, the layout is PyTorch's."""

import numpy as np

from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.audio.network import abstract_audio
from avnet.backbones.torch_names import Filler, TorchNames, torch_name
from avnet.files.weights import shapes_of


def torch_names(config: AudioBackboneConfig) -> TorchNames:
    """What stands for its arrays: a `Conv2d` called `conv` and a `BatchNorm2d` called `norm` in each layer.

    The batch normalization has no factor here, so there it is 1 and must stay so.
    """
    shapes = shapes_of(abstract_audio(config))
    names = {ours: torch_name(ours) if "norm" in ours or "classifier" in ours else _conv(ours) for ours in shapes}
    factors = {
        f"{ours.removesuffix('.mean')}.weight": Filler(np.ones(shape, np.float32), fixed=True)
        for ours, shape in shapes.items()
        if ours.endswith(".norm.mean")
    }
    return TorchNames.of(shapes, names) | TorchNames({}, factors)


def _conv(kernel: str) -> str:
    return f"{kernel.removesuffix('.kernel')}.conv.weight"

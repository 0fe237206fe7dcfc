"""Kinds of captioners and their sizes: those of the papers, and small ones for two cores."""

from typing import Any, Literal, NamedTuple, get_args

Kind = Literal[
    "recurrent",
    "transformer",
    "show-and-tell",
    "lrcn",
    "show-attend-tell",
    "show-attend-tell-hard",
    "adaptive",
    "up-down",
    "look-back",
    "m2",
    "aoa",
    "x-lan",
    "x-transformer",
    "xnmt",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Ours attend to retrieved descriptions as to images; the others are as published, and see them by copying alone.
OURS: tuple[Kind, ...] = ("recurrent", "transformer")
# Kinds with an additive attention whose inner width is free.
WITH_ATTENTION: tuple[Kind, ...] = ("show-attend-tell", "show-attend-tell-hard", "up-down", "look-back", "xnmt")
# Kinds with attention of several heads, and the width that these divide among themselves.
WITH_HEADS: dict[Kind, str] = {
    "transformer": "width",
    "m2": "width",
    "aoa": "hidden",
    "x-lan": "width",
    "x-transformer": "width",
}
# Kinds that add sines and cosines of the place, which take half of the width each.
WITH_PLACES: tuple[Kind, ...] = ("transformer", "m2")
# Kinds whose encoder has slots of memory.
WITH_MEMORY: tuple[Kind, ...] = ("m2",)
# Kinds whose heads are each an even share of the width.
EVEN_HEADS: tuple[Kind, ...] = ("x-lan", "x-transformer")


class Preset(NamedTuple):
    """Sizes of one kind, by field of `CaptionerConfig`; what is not named has the default of all.

    Attributes:
        full: those of the paper or of its code, or for a GPU.
        small: that are other for two cores, on which it trains in an hour.
    """

    full: dict[str, Any]
    small: dict[str, Any]


# Each as published; what the paper leaves open as in its code.
PRESETS: dict[Kind, Preset] = {
    # Ours, for a CPU.
    "recurrent": Preset({}, {"width": 128, "hidden": 192}),
    # Ours, for a GPU.
    "transformer": Preset({"width": 512, "hidden": 2048}, {"width": 256, "hidden": 1024}),
    # Vinyals et al., 2015.
    "show-and-tell": Preset({"width": 512, "hidden": 512, "retrieved": 0}, {"width": 256, "hidden": 256}),
    # Donahue et al., 2015, its factored form of two layers.
    "lrcn": Preset(
        {"width": 1000, "hidden": 1000, "retrieved": 0, "dropout": 0.0}, {"width": 256, "hidden": 256, "dropout": 0.3}
    ),
    # Xu et al., 2015, for COCO.
    "show-attend-tell": Preset(
        {"width": 512, "hidden": 1800, "retrieved": 0, "dropout": 0.5}, {"width": 256, "hidden": 384, "attention": 256}
    ),
    "show-attend-tell-hard": Preset(
        {"width": 512, "hidden": 1800, "retrieved": 0, "dropout": 0.5}, {"width": 256, "hidden": 384, "attention": 256}
    ),
    # Lu et al., 2017.
    "adaptive": Preset({"width": 512, "hidden": 512, "retrieved": 0, "dropout": 0.5}, {"width": 256, "hidden": 256}),
    # Anderson et al., 2018.
    "up-down": Preset(
        {"width": 1000, "hidden": 1000, "retrieved": 0, "dropout": 0.0},
        {"width": 256, "hidden": 384, "attention": 256, "dropout": 0.3},
    ),
    # Qin et al., 2019, on the decoder of Anderson et al., 2018.
    "look-back": Preset(
        {"width": 1000, "hidden": 1000, "retrieved": 0, "dropout": 0.0},
        {"width": 256, "hidden": 384, "attention": 256, "dropout": 0.3},
    ),
    # Cornia et al., 2020.
    "m2": Preset(
        {"width": 512, "hidden": 2048, "retrieved": 0, "dropout": 0.1},
        {"width": 256, "hidden": 1024, "layers": 2, "memory": 10, "dropout": 0.3},
    ),
    # Huang et al., 2019.
    "aoa": Preset(
        {"width": 1024, "hidden": 1024, "layers": 6, "retrieved": 0, "dropout": 0.5},
        {"width": 256, "hidden": 256, "layers": 2, "dropout": 0.3},
    ),
    # Pan et al., 2020.
    "x-lan": Preset(
        {"width": 1024, "hidden": 1024, "layers": 4, "retrieved": 0, "dropout": 0.5},
        {"width": 256, "hidden": 256, "layers": 2, "dropout": 0.3},
    ),
    "x-transformer": Preset(
        {"width": 768, "hidden": 3072, "layers": 6, "retrieved": 0, "dropout": 0.5},
        {"width": 256, "hidden": 1024, "layers": 2, "dropout": 0.3},
    ),
    # Hasegawa-Johnson et al., 2017.
    "xnmt": Preset(
        {"width": 128, "hidden": 128, "attention": 128, "layers": 3, "retrieved": 0, "dropout": 1 / 3},
        {"width": 64, "hidden": 64, "attention": 64},
    ),
}

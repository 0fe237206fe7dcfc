"""Every option of `python -m train compact`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class CompactConfig:
    """Make a describer small: weights in fewer bits, a smaller voice, a shorter memory.

    What it says stays nearly the same: float16 has three digits. The voice is one that was learned (`python -m train
    cluster-gen` and others) or some hours of the describer's own recordings in 8 bits, the memory keeps the most
    typical recording of each image, how familiar an image is, is told from principal components, and a classifier that
    the tower for images has beside is left out. Prints the size of each part.

    Example: python -m train compact runs/describer/model --voice trees --out describer
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Describer of `python -m train describer`."""
    voice: Path
    """Folder of a voice in the describer's units: a learned one, or one of recordings, as `python -m train describer`
    leaves it beside its model."""
    out: Path
    """Folder for the small describer; an earlier one there is replaced."""
    hours: float = 2.0
    """Hours of speech that stay of a voice of recordings, evenly spaced among them; each hour takes 69 MB."""
    memory: int = 6_000
    """Maximum number of recordings in the memory: of each image the most typical one, then the second, and so on."""
    components: int = 128
    """Number of principal components that tell how familiar an image is; 0 keeps all features, in float16."""
    precision: Literal["float16", "int8"] = "float16"
    """How weights, and the leaves of a voice of trees, are stored. In int8, 255 steps for each channel, they take half
    of the space of float16, and some images are described in other words."""
    card: Path | None = None
    """Markdown file that becomes the card. Default: the card of the describer, and what was done to it."""

    def __post_init__(self):
        check_at_least(self, 1, "memory")
        if not self.hours > 0:
            raise ConfigError("--hours", f"must be more than 0, got {self.hours:g}")
        check_at_least(self, 0, "components")

"""What the template asks of a tagger: words of an image with their probabilities."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.errors import ConfigError
from avnet.zoo.reference import load

# Tags of an image, among which the template looks for two things and for what the first does.
TAGS = 20


@runtime_checkable
class TagsImages(Protocol):
    """A tagger as `avnet.load` gives it.

    Attributes:
        backbone: makes the grids of which it tags images.
    """

    backbone: Backbone

    def features_of(self, grids: np.ndarray) -> Any:
        """What it sees of grids [images, rows, columns, features]."""
        ...

    def probabilities(self, features: Any) -> np.ndarray:
        """Of each word for each image, [images, words]."""
        ...

    def choose(
        self, probabilities: np.ndarray, threshold: float | None = None, top: int | None = None
    ) -> Sequence[Any]:
        """Tags of each image, each with its `word`, most probable first."""
        ...


def open_tagger(folder: str) -> TagsImages:
    """Opens a model folder, a name or an address that is one of a tagger.

    Raises:
        ConfigError: it is something else.
        AvnetError: it cannot be read.
    """
    tagger = load(folder)
    if not isinstance(tagger, TagsImages):
        raise ConfigError("--tagger", f"must be a tagger, got a {type(tagger).__name__} in {folder}")
    return tagger

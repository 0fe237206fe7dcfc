"""The words of a tagger, what their probabilities mean, and from which probability on each is told."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from avnet.nn.numerics import sigmoid

# Files are named after words, so that none may lead elsewhere.
WORD = re.compile(r"\w[\w'-]{0,99}")
# No probability is more: a word with this threshold is never told.
NEVER = 1.0


@dataclass(frozen=True)
class Vocabulary:
    """Words with their calibration, fitted on images of validation.

    Attributes:
        words: in the order of the network's.
        slope: of each, by which log-odds are multiplied; more than 0.
        shift: of each, which is then added.
        threshold: of each, above which its probability makes it a tag.
    """

    words: tuple[str, ...]
    slope: np.ndarray
    shift: np.ndarray
    threshold: np.ndarray

    def __post_init__(self):
        arrays = (self.slope, self.shift, self.threshold)
        if not self.words or any(array.shape != (len(self.words),) for array in arrays):
            raise ValueError("its words, slopes, shifts and thresholds do not fit together")
        if len(set(self.words)) < len(self.words) or not all(WORD.fullmatch(word) for word in self.words):
            raise ValueError("its words are not distinct words")
        if not all(np.isfinite(array).all() for array in arrays) or self.slope.min() <= 0:
            raise ValueError("its calibration is not finite, or turns the order of images round")
        if not 0 <= self.threshold.min() <= self.threshold.max() <= NEVER:
            raise ValueError("its thresholds are no probabilities")

    @classmethod
    def uncalibrated(cls, words: Sequence[str]) -> "Vocabulary":
        """Words whose probabilities are those of the network, and tags where they are more than even."""
        ones = np.ones(len(words), np.float32)
        return cls(tuple(words), ones, 0 * ones, ones / 2)

    def probabilities(self, log_odds: Float[np.ndarray, "images words"]) -> Float[np.ndarray, "images words"]:
        """Calibrated probabilities of the network's log-odds."""
        return sigmoid(log_odds * self.slope + self.shift)

    def to_json(self) -> str:
        """What `of_json` takes."""
        arrays = {"slope": self.slope, "shift": self.shift, "threshold": self.threshold}
        return json.dumps({"words": self.words, **{name: array.tolist() for name, array in arrays.items()}}) + "\n"

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> "Vocabulary":
        """The vocabulary of a file.

        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        arrays = (np.asarray(values[name], np.float32) for name in ("slope", "shift", "threshold"))
        return cls(tuple(values["words"]), *arrays)

"""What people wrote of the images that a text describer learned from; its descriptions should agree with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avnet.consensus.cider import CiderD
from avnet.errors import ModelFolderError

# The greatest value of CIDEr-D.
MOST = 10.0


@dataclass(frozen=True)
class CaptionMemory:
    """Captions in words by number.

    Attributes:
        words: int32 [n], of all captions, one after the other.
        lengths: int32 [captions], how many words each has.
        learned: int32 [captions], ascending, row of its image among those of the familiarity.

    Reference: Devlin et al., "Exploring Nearest Neighbor Approaches for Image Captioning", 2015, section 3.2, who
        choose among captions of similar images; here it is among descriptions that a network finds.

    Example:
        >>> import numpy as np
        >>> from avnet.describer.caption_memory import CaptionMemory
        >>> memory = CaptionMemory.of([np.array([1, 2, 3]), np.array([4, 5])], np.array([0, 1]))
        >>> memory.agreement([[1, 2, 3], [4, 2]], np.array([0])).round(2).tolist()
        [0.75, 0.1]
    """

    words: np.ndarray
    lengths: np.ndarray
    learned: np.ndarray

    @classmethod
    def of(cls, captions: Sequence[np.ndarray], learned: Int[np.ndarray, " captions"]) -> "CaptionMemory":
        """Puts captions in order.

        Args:
            captions: int [words] of each, by number; at least one caption.
            learned: row of the image of each.
        """
        order = np.argsort(learned, kind="stable")
        lengths = np.array([len(captions[i]) for i in order], np.int32)
        words = np.concatenate([captions[i] for i in order]).astype(np.int32)
        return cls(words, lengths, learned[order].astype(np.int32))

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored."""
        return {"caption_words": self.words, "caption_lengths": self.lengths, "caption_images": self.learned}

    def agreement(
        self, descriptions: Sequence[Sequence[int]], images: Int[np.ndarray, " images"]
    ) -> Float[np.ndarray, " descriptions"]:
        """The mean CIDEr-D of each description against the captions of images, over 10: in [0, 1].

        Args:
            descriptions: words by number.
            images: rows of learned images; those without a caption are passed over.
        """
        places = np.searchsorted(self._images, images)
        places = places[self._images[np.minimum(places, len(self._images) - 1)] == images]
        if not len(places):
            return np.zeros(len(descriptions))
        several = [one for one in descriptions for _ in places]
        scores = self._scorer.scores(several, np.tile(places, len(descriptions)).tolist())
        return scores.reshape(len(descriptions), len(places)).mean(axis=1) / MOST

    @cached_property
    def _images(self) -> np.ndarray:
        return np.unique(self.learned)

    @cached_property
    def _scorer(self) -> CiderD:
        captions = np.split(self.words, np.cumsum(self.lengths)[:-1])
        first = np.searchsorted(self.learned, self._images)
        ends = [*first[1:].tolist(), len(captions)]
        return CiderD([[one.tolist() for one in captions[a:b]] for a, b in zip(first.tolist(), ends, strict=True)])


def read_caption_memory(file: Path, arrays: Mapping[str, np.ndarray], words: int, images: int) -> CaptionMemory:
    """What `CaptionMemory.arrays` were taken from, checked.

    Args:
        file: that holds them, for refusals.
        arrays: by name.
        words: that there are.
        images: of the familiarity.

    Raises:
        ModelFolderError: they are missing, or of something else.
    """
    try:
        memory = CaptionMemory(*(arrays[f"caption_{name}"] for name in ("words", "lengths", "images")))
    except KeyError as error:
        raise ModelFolderError(file, f"is damaged ({error})") from None
    parts = (memory.words, memory.lengths, memory.learned)
    if any(part.dtype != np.int32 or part.ndim != 1 or not len(part) for part in parts):
        raise ModelFolderError(file, "holds captions that are none")
    in_range = all(part.min() >= 0 for part in parts) and memory.words.max() < words and memory.learned.max() < images
    lengths = memory.lengths.astype(np.int64)
    fits = len(lengths) == len(memory.learned) and lengths.sum() == len(memory.words)
    if not in_range or not fits or (np.diff(memory.learned) < 0).any():
        raise ModelFolderError(file, "holds captions of other words or images")
    return memory

"""Tags: which words are said of an image, each with a score; mean average precision, beside the words' frequency."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from avnet.errors import DataError
from eval.metrics.ranking import average_precision, chance_average_precision, rank_relevance


class TagPrecision(NamedTuple):
    """Mean average precisions, each in [0, 1].

    Attributes:
        words: over the words, of ranking the images by the score of a word (Fang et al. 2015).
        words_chance: of ranking them at random.
        images: over the images, of ranking the words by their scores for an image.
        images_frequency: of ranking them by how frequent they are, the same for every image.
    """

    words: float
    words_chance: float
    images: float
    images_frequency: float


def tag_precision(
    scores: Float[np.ndarray, "images words"],
    said: Bool[np.ndarray, "images words"],
    frequency: Float[np.ndarray, " words"],
) -> TagPrecision:
    """Mean average precision of tags over words and over images, each with what needs no image.

    Words that are said of no image, and images of which no word is said, do not count.

    Args:
        scores: of each word for each image, higher is more likely.
        said: whether people say the word of the image; say, two or more of five.
        frequency: of each word in training descriptions.

    Raises:
        DataError: no word is said of any image.

    Reference: Fang et al., "From captions to visual concepts and back", 2015, sections 3 and 6.
    """
    if not said.any():
        raise DataError("tags", "no word is said of any image")
    by_word = rank_relevance(scores.T, said.T)
    by_image = rank_relevance(scores, said)
    by_frequency = rank_relevance(np.tile(frequency, (len(said), 1)), said)
    return TagPrecision(
        float(np.nanmean(average_precision(by_word))),
        float(np.nanmean(chance_average_precision(by_word))),
        float(np.nanmean(average_precision(by_image))),
        float(np.nanmean(average_precision(by_frequency))),
    )

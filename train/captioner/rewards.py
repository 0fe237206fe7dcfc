"""What drawn descriptions are rewarded for, by name.

A reward is computed on the host, so it may be anything; it never has a gradient.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float, Int

from avnet.consensus.cider import ORDERS, CiderD
from avnet.units.pieces import Pieces

# Lengths of runs of units: that of another image, a broken and a hanging description all cost more than with 4 and 8.
UNIT_ORDERS = (2, 4)
# How far weights of pieces are drawn to zero, in squares of counts of strings of length 1.
RIDGE = 1.0

Tokens = Sequence[Hashable]
String = Sequence[int] | Int[np.ndarray, " n"]


@dataclass(frozen=True)
class Said:
    """What people say of images, by which a captioner is judged.

    Attributes:
        strings: of each description; words as people wrote them, rare ones too, or numbers of pieces.
        image_of: int64 [strings], the image of each.
        training: int64 [n], numbers of the strings to learn from; frequencies are counted in those of their images.
        tokens: what each number that a captioner says is in `strings`.
        pieces: units of each number.
        sigma: of the Gaussian that compares lengths in tokens; None is half of their mean.
        seen: unit embeddings of all images in a space that they share with what is said; None without a space.
        heard: unit embeddings of what is said, of each string, in the same space.
    """

    strings: Sequence[Tokens]
    image_of: Int[np.ndarray, " strings"]
    training: Int[np.ndarray, " n"]
    tokens: Tokens
    pieces: Pieces
    sigma: float | None = None
    seen: Float[np.ndarray, "images features"] | None = None
    heard: Float[np.ndarray, "strings features"] | None = None


class Reward(Protocol):
    """Judges descriptions of images."""

    def scores(
        self, strings: Sequence[String], images: Sequence[int] | Int[np.ndarray, " strings"], ended: Sequence[bool]
    ) -> Float[np.ndarray, " strings"]:
        """How good each description is; more is better.

        Args:
            strings: numbers that the captioner said, without the end.
            images: number of the image of each.
            ended: whether each came to its end, and was not cut off.
        """
        ...


class CiderReward:
    """CIDEr-D with the document frequencies of the training images; in [0, 10].

    Of the two dialects of self-critical training this is the one in which the end is a token of hypotheses, references
    and frequencies: without it networks learn to break off.

    Args:
        said: what people say.
        spell: what is compared, of a string of numbers.
        references: the same of each string of `said`.
        sigma: of the Gaussian; None is half of the mean length, as the 6 of published scores is of sentences. With 6,
            two people's descriptions of one image in 100 units would hardly be alike.
        orders: lengths of runs.

    Reference: Rennie et al., "Self-critical sequence training for image captioning", 2017, section 3 and appendix E.
    """

    def __init__(
        self,
        said: Said,
        spell: Callable[[String], Tokens],
        references: Sequence[Tokens],
        sigma: float | None = None,
        orders: tuple[int, ...] = ORDERS,
    ):
        self._spell = spell
        training = sorted({int(said.image_of[number]) for number in said.training})
        self._place = {image: place for place, image in enumerate(training)}
        self._references: dict[int, list[Tokens]] = {image: [] for image in training}
        for image, reference in zip(said.image_of, references, strict=True):
            self._references.setdefault(int(image), []).append(reference)
        several = [self._references[image] for image in training]
        if sigma is None:
            sigma = max(1.0, float(np.mean([len(one) for row in several for one in row])) / 2)
        self._scorer = CiderD(several, sigma=sigma, orders=orders, count_end=True)

    def scores(
        self, strings: Sequence[String], images: Sequence[int] | Int[np.ndarray, " strings"], ended: Sequence[bool]
    ) -> Float[np.ndarray, " strings"]:
        """CIDEr-D of each description against all that people say of its image."""
        hypotheses, numbers = [self._spell(string) for string in strings], [int(image) for image in images]
        if all(number in self._place for number in numbers):
            return self._scorer.scores(hypotheses, [self._place[number] for number in numbers], ended)
        return self._scorer.scores_against(hypotheses, [self._references[number] for number in numbers], ended)


def cider(said: Said) -> Reward:
    """CIDEr-D over the tokens of the captioner: words or pieces."""
    return CiderReward(said, lambda string: [said.tokens[number] for number in string], said.strings, said.sigma)


def cider_units(said: Said) -> Reward:
    """CIDEr-D over units, for captioners that say pieces: two ways to cut the same units score the same."""

    def spell(string: String) -> Tokens:
        return said.pieces.expand(string).tolist()

    references = [spell(np.asarray(string)) for string in said.strings]
    return CiderReward(said, spell, references, orders=UNIT_ORDERS)


class SimilarityReward:
    """Ten times the cosine of an image and what is said of it, in the space of both; in [-10, 10].

    To say and hear every draw would take minutes a step. What a recording becomes in the space is told here from its
    pieces alone, by a linear map of how often each occurs, learned from the recordings for training. So the order of
    pieces is not judged: the share of cross-entropy has to keep it. What is cut off gets nothing.

    Args:
        said: what people say, with embeddings.

    Reference: Cho et al., "Fine-grained image captioning with CLIP reward", 2022, for the reward.
    """

    def __init__(self, said: Said):
        if said.seen is None or said.heard is None:
            raise ValueError("a reward of similarity needs embeddings of images and of what is said")
        self._seen, self._count = said.seen, len(said.tokens)
        counts = np.stack([self._counted(said.strings[number]) for number in said.training])
        gram = counts.T @ counts + RIDGE * np.eye(self._count, dtype=np.float32)
        self._weights = np.linalg.solve(gram, counts.T @ said.heard[said.training])

    def _counted(self, string: Any) -> Float[np.ndarray, " pieces"]:
        counts = np.zeros(self._count, np.float32)
        np.add.at(counts, np.asarray(string, np.int64), 1.0)
        return counts / max(float(np.linalg.norm(counts)), 1.0)

    def embed(self, strings: Sequence[String]) -> Float[np.ndarray, "strings features"]:
        """Unit embeddings of strings of pieces; zeros of what has none that is known."""
        vectors = np.stack([self._counted(string) for string in strings]) @ self._weights
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    def scores(
        self, strings: Sequence[String], images: Sequence[int] | Int[np.ndarray, " strings"], ended: Sequence[bool]
    ) -> Float[np.ndarray, " strings"]:
        """Ten times the cosine of each description with its image."""
        cosines = (self.embed(strings) * self._seen[np.asarray(images, np.int64)]).sum(axis=1)
        return 10.0 * np.where(ended, cosines, 0.0)


# A new reward is a function and a line here.
REWARDS: dict[str, Callable[[Said], Reward]] = {
    "cider": cider,
    "cider-units": cider_units,
    "similarity": SimilarityReward,
}

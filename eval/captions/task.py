"""The images of a split that descriptions are compared on, with what people wrote of them."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.consensus.cider import CiderD
from avnet.errors import DataError
from avnet.units.words import words
from data.captions.corpus import CaptionCorpus
from data.images.grids import grids_of, pooled_of


@dataclass
class Task:
    """Images, their captions, and what each backbone sees of them.

    Attributes:
        corpus: of captions.
        images: numbers of the images that are compared on, int64 [n].
        references: captions of each.
        memory: numbers of the captions of training images, int64; those without a word are left out.
    """

    corpus: CaptionCorpus
    images: np.ndarray
    references: list[list[str]]
    memory: np.ndarray
    _grids: dict[str, np.ndarray] = field(default_factory=dict)

    def grids(self, backbone: Backbone) -> np.ndarray:
        """float16 [images of the corpus, rows, columns, features], computed once for a backbone."""
        if backbone.fingerprint not in self._grids:
            self._grids[backbone.fingerprint] = grids_of(self.corpus, backbone)
        return self._grids[backbone.fingerprint]

    def pooled(self, backbone: Backbone) -> np.ndarray:
        """float32 [images of the corpus, features], of length 1."""
        vectors = pooled_of(self.corpus, backbone)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)

    @cached_property
    def memory_tokens(self) -> list[list[str]]:
        """Words of each caption of training images."""
        return [words(self.corpus.texts[number]) for number in self.memory]

    @cached_property
    def scorer(self) -> CiderD:
        """CIDEr with the document frequencies of the training images."""
        by_image: dict[int, list[list[str]]] = {}
        for number, tokens in zip(self.memory, self.memory_tokens, strict=True):
            by_image.setdefault(int(self.corpus.image_of[number]), []).append(tokens)
        return CiderD(list(by_image.values()))


def task_of(corpus: CaptionCorpus, split: str, limit: int, seed: int) -> Task:
    """The images of a split with at least two captions, since a caption is measured against the others of its image.

    Args:
        corpus: of captions.
        split: of the images.
        limit: of them, drawn; 0 for all.
        seed: draws them.

    Raises:
        DataError: there are no such images, or no captions of training images.
    """
    said = np.array([bool(words(text)) for text in corpus.texts])
    counts = np.bincount(corpus.image_of[said], minlength=len(corpus.names))
    images = np.intersect1d(corpus.images_in(split), np.flatnonzero(counts >= 2))
    if not len(images):
        raise DataError(corpus.folder, f"has no image in the split {split!r} with two captions")
    if limit and limit < len(images):
        images = np.sort(np.random.default_rng(seed).choice(images, limit, replace=False))
    captions: dict[int, list[str]] = {int(image): [] for image in images}
    for number in np.flatnonzero(said & np.isin(corpus.image_of, images)):
        captions[int(corpus.image_of[number])].append(corpus.texts[number])
    memory = corpus.captions_in("train")
    memory = memory[said[memory]]
    if not len(memory):
        raise DataError(corpus.folder, "has no captions of training images")
    return Task(corpus, images, list(captions.values()), memory)

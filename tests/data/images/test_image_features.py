"""What is computed of images and kept beside them, of spoken and of written corpora alike."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from data.captions.corpus import CaptionCorpus
from data.images.corpus import IMAGES, ImageCorpus
from data.images.grids import grids_of, pooled_of, squares_of


class MeanTower(NamedTuple):
    """Sees the mean color of the four quarters of an image."""

    fingerprint: str = "0123456789abcdef" * 2
    image_size: int = 16
    cells: int = 2
    features: int = 3

    def grids(self, images: list[np.ndarray]) -> np.ndarray:
        return np.stack([image.reshape(2, 8, 2, 8, 3).mean(axis=(1, 3)) for image in images])


@pytest.fixture
def corpora(tmp_path) -> list[ImageCorpus]:
    (tmp_path / IMAGES).mkdir()
    for number in range(3):
        image = np.random.default_rng(number).integers(0, 256, (2, 2, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        Image.fromarray(image).save(tmp_path / IMAGES / f"{number:07d}.jpg", quality=95)
    listing = (tmp_path, ("a", "b", "c"), ("train", "train", "test"), np.array([0, 2]))
    return [ImageCorpus(*listing), CaptionCorpus(*listing, ("A dog", "A cat"))]


def test_grids_are_of_the_images_and_the_same_for_any_corpus(corpora):
    tower: Any = MeanTower()
    one, other = (np.array(grids_of(corpus, tower)) for corpus in corpora)
    assert one.shape == (3, 2, 2, 3) and one.dtype == np.float16
    np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(one[1], tower.grids([corpora[0].image(1)])[0], atol=0.1)
    np.testing.assert_allclose(pooled_of(corpora[1], tower)[2], one[2].mean(axis=(0, 1), dtype=np.float32), atol=0.05)


def test_arrays_are_kept_and_computed_anew_where_damaged(corpora):
    corpus = corpora[1]
    squares = np.array(squares_of(corpus, 8))
    np.testing.assert_array_equal(squares_of(corpus, 16)[2], corpus.image(2))
    (file,) = Path(corpus.folder).glob("squares-8.npy")
    before = file.stat().st_mtime_ns
    squares_of(corpus, 8)
    assert file.stat().st_mtime_ns == before
    file.write_bytes(file.read_bytes()[:-1])
    np.testing.assert_array_equal(squares_of(corpus, 8), squares)

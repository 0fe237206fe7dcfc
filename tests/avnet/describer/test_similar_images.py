"""Candidates are compared with the descriptions of the right images."""

from dataclasses import replace

import numpy as np
import pytest
from one_of_each import parts, save_describer

from avnet.describer.describer import Describer
from avnet.describer.folder import RetrievalMemory


@pytest.fixture
def describer(tmp_path):
    """Of two learned images: recordings 0 and 2 are of the second, 1 of the first."""
    own = parts()
    rows = np.array([[8, 3, 10, 10], [4, 9, 10, 10], [5, 10, 10, 10]], np.int32)
    memory = RetrievalMemory(np.eye(8, dtype=np.float32)[:3], rows, np.array([1, 0, 1]), np.array([1, 0, 1]))
    save_describer(tmp_path / "describer", replace(own, memory=memory))
    return Describer.load(tmp_path / "describer")


def units_of(describer, image):
    strings = describer._descriptions_of_similar(np.eye(8, dtype=np.float32)[image])
    return [[units.tolist() for units in of_image] for of_image in strings]


def test_descriptions_are_those_of_the_nearest_images_without_end_and_padding(describer):
    # Piece 8 is the units 0 and 1; 9 is the end and 10 the padding.
    assert units_of(describer, 1) == [[[0, 1, 3], [5]], [[4]]]
    assert units_of(describer, 0) == [[[4]], [[0, 1, 3], [5]]]


def test_an_image_of_which_the_memory_has_nothing_is_left_out(describer, tmp_path):
    memory = describer.parts.memory
    rest = [1]
    short = RetrievalMemory(memory.embeddings[rest], memory.pieces[rest], memory.image[rest], memory.learned[rest])
    save_describer(tmp_path / "short", replace(describer.parts, memory=short))
    assert units_of(Describer.load(tmp_path / "short"), 1) == [[[4]]]

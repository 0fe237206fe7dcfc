"""What people wrote of learned images: agreement with it by hand, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from avnet.describer.caption_memory import CaptionMemory, read_caption_memory
from avnet.errors import ModelFolderError

# Of the images 2, 0, 2 and 5: a dog runs; a cat; the dog runs; a man.
CAPTIONS = [np.array([1, 2, 3]), np.array([1, 4]), np.array([5, 2, 3]), np.array([1, 6])]
MEMORY = CaptionMemory.of(CAPTIONS, np.array([2, 0, 2, 5]))


def test_captions_are_kept_by_image():
    assert MEMORY.learned.tolist() == [0, 2, 2, 5] and MEMORY.lengths.tolist() == [2, 3, 3, 2]
    assert MEMORY.words.tolist() == [1, 4, 1, 2, 3, 5, 2, 3, 1, 6]


def test_agreement_is_the_mean_over_images_worked_out_by_hand():
    # "dog runs" (2 3): both words are of one image in three, as is the run of both; a (1) is of all and weighs nothing.
    weight = np.log(3)
    ones, twos = np.array([0, weight, weight]), np.array([weight, weight])
    of_a_dog = (np.hypot(*ones[1:]) / np.linalg.norm(ones) + weight / np.linalg.norm(twos)) / 4
    of_the_dog = (np.hypot(weight, weight) / np.linalg.norm([weight] * 3) + weight / np.linalg.norm(twos)) / 4
    expected = np.exp(-1 / 72) * (of_a_dog + of_the_dog) / 2
    agreement = MEMORY.agreement([[2, 3], [4]], np.array([2]))
    assert agreement.tolist() == pytest.approx([expected, 0])
    both = MEMORY.agreement([[2, 3], [4]], np.array([2, 0]))
    assert both[0] == pytest.approx(expected / 2) and both[1] > 0


def test_images_without_captions_are_passed_over():
    assert MEMORY.agreement([[2, 3]], np.array([1, 2, 9])) == MEMORY.agreement([[2, 3]], np.array([2]))
    assert MEMORY.agreement([[2, 3], [1]], np.array([9])).tolist() == [0, 0]


WRONG = (
    {"caption_words": None},
    {"caption_words": np.array([1, 4, 1, 2, 3, 5, 2, 3, 1, 7], np.int32)},
    {"caption_words": MEMORY.words.astype(np.int64)},
    {"caption_words": MEMORY.words[:-1]},
    {"caption_words": -MEMORY.words},
    {"caption_lengths": MEMORY.lengths[:-1]},
    {"caption_lengths": np.array([5, 3, 3, -1], np.int32)},
    {"caption_lengths": np.zeros((0,), np.int32)},
    {"caption_images": np.array([0, 2, 2, 6], np.int32)},
    {"caption_images": MEMORY.learned[::-1].copy()},
)


@pytest.mark.parametrize("wrong", WRONG)
def test_other_arrays_are_refused(wrong):
    assert read_caption_memory(Path("m"), MEMORY.arrays, words=7, images=6).learned.tolist() == [0, 2, 2, 5]
    arrays = {name: array for name, array in {**MEMORY.arrays, **wrong}.items() if array is not None}
    with pytest.raises(ModelFolderError, match=r"m: (is damaged|holds captions)"):
        read_caption_memory(Path("m"), arrays, words=7, images=6)

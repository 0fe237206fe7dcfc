"""Boxes of words from a file, and attention measured in them."""

import numpy as np
import pytest

from avnet.captioners.features import grid_boxes
from avnet.describer.text_describer import TextDescription
from avnet.errors import DataError
from eval.captions.boxes import looks, read_boxes

HEAD = "image,word,left,top,right,bottom\n"


def file_of(folder, text):
    (folder / "boxes.csv").write_text(text, encoding="utf-8")
    return folder / "boxes.csv"


def test_boxes_are_read_and_doubtful_words_left_out(tmp_path):
    text = "\ufeff" + HEAD + "a.jpg,Dog ,0,0,0.5,1\r\na.jpg,ball,.5,.5,1,1\na.jpg,ball,0,0,.1,.1\nb.jpg,dog,0,0,1,1\n"
    assert read_boxes(file_of(tmp_path, text)) == {"a.jpg": {"dog": (0, 0, 0.5, 1)}, "b.jpg": {"dog": (0, 0, 1, 1)}}


@pytest.mark.parametrize("values", ["0.5,0,0.5,1", "0,0,2,1", "nan,0,1,1", "x,0,1,1", "0,0,1"])
def test_what_is_no_box_is_refused_by_its_line(values, tmp_path):
    path = file_of(tmp_path, f"{HEAD}a,dog,0,0,1,1\na,cat,{values}\n")
    with pytest.raises(DataError, match=r"boxes.csv: has no box in line 3: .*, got "):
        read_boxes(path)


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(DataError, match="has no column 'word'"):
        read_boxes(file_of(tmp_path, "image,left\n"))
    with pytest.raises(DataError, match="cannot be read"):
        read_boxes(tmp_path / "missing.csv")


def test_attention_is_weighed_by_words():
    # Two cells, left and right; the dog is in the left half of both images, the ball nowhere.
    def description(words, left):
        attention = np.array([[share, 1 - share] for share in left], np.float32)
        return TextDescription(" ".join(words), words, -1, 1, 1, attention, grid_boxes(1, 2), None, "end")

    dog = {"dog": (0.0, 0.0, 0.5, 1.0)}
    both = [description(("a", "dog"), (0.1, 0.9)), description(("dog", "dog", "ball"), (0.6, 0.3, 0.0))]
    result = looks(both, [dog, dog])
    assert result is not None and result.words == 3
    assert result.inside == pytest.approx((0.9 + 0.6 + 0.3) / 3) and result.chance == 0.5
    assert looks(both, [{}, {}]) is None
    without = TextDescription("dog", ("dog",), -1, 1, 1, None, grid_boxes(1, 2), None, "end")
    assert looks([without], [dog]) is None

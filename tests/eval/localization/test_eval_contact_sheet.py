import numpy as np

from avnet.media import read_image
from eval.localization import contact_sheet
from eval.localization.contact_sheet import CAPTION, GAP, TILE, Tile

NONE = np.zeros((0, 4))


def tile(heatmaps=1, boxes=NONE, size=(50, 100), caption="dog 0.90"):
    image = np.full((*size, 3), 128, np.uint8)
    return Tile(image, boxes, tuple((caption, np.zeros((4, 8), np.float32)) for _ in range(heatmaps)))


def test_tiles_are_laid_out_by_rows():
    page = contact_sheet.draw([tile()] * 4, columns=3)
    assert page.shape == (2 * (TILE + CAPTION + GAP) + GAP, 3 * (TILE + GAP) + GAP, 3)


def test_fewer_tiles_than_columns_make_a_narrower_page():
    assert contact_sheet.draw([tile()], columns=3).shape[1] == TILE + 2 * GAP


def test_tiles_of_different_shapes_share_a_page():
    page = contact_sheet.draw([tile(heatmaps=2), tile(size=(300, 20)), tile(size=(1, 400))])
    assert page.shape[1] == 3 * (2 * TILE + 2 + GAP) + GAP


def test_boxes_are_drawn_where_they_lie_whatever_the_order_of_their_corners():
    plain, with_box, reverse = (
        contact_sheet.draw([tile(boxes=np.array(boxes).reshape(-1, 4))])
        for boxes in ([], [[0.5, 0.0, 1.0, 1.0]], [[1.0, 1.0, 0.5, 0.0]])
    )
    edge = np.nonzero((plain != with_box).any(-1))[1] - GAP
    # The box is the right half; an image twice as wide as high fills the tile's width.
    assert TILE // 2 - 2 <= edge.min() <= TILE // 2 + 1
    assert edge.max() == TILE - 1
    np.testing.assert_array_equal(with_box, reverse)


def test_captions_beyond_ascii_are_drawn():
    assert contact_sheet.draw([tile(caption="Hündin \u72ac " + "x" * 200)]).shape[1] == TILE + 2 * GAP


def test_the_page_is_written_as_it_was_drawn(tmp_path):
    contact_sheet.save([tile()], tmp_path / "page.png")
    np.testing.assert_array_equal(read_image(tmp_path / "page.png"), contact_sheet.draw([tile()]))

"""Views of images for training."""

import numpy as np

from data.images.views import view_of

PICTURE = np.arange(6 * 10 * 3, dtype=np.uint8).reshape(6, 10, 3)


def test_the_first_views_are_the_square_and_its_mirror():
    square, mirror = view_of(PICTURE, 0, 0), view_of(PICTURE, 0, 1)
    assert np.array_equal(square, PICTURE[:, 2:8]) and np.array_equal(mirror, square[:, ::-1])


def test_others_are_squares_cut_out_of_it_every_second_in_a_mirror():
    square = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    sides = set()
    for view in range(2, 12):
        cut = view_of(square, 3, view)
        assert np.array_equal(cut, view_of(square, 3, view)) and 30 <= len(cut) <= 40 and len(cut) == cut.shape[1]
        upright, sides = cut[:, ::-1] if view % 2 else cut, sides | {len(cut)}
        starts = [(top, left) for top in range(41 - len(cut)) for left in range(41 - len(cut))]
        assert any(np.array_equal(square[t : t + len(cut), s : s + len(cut)], upright) for t, s in starts)
    assert len(sides) > 4


def test_each_image_is_cut_in_its_own_way_and_a_pixel_stays_one():
    square = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len({view_of(square, number, 2).tobytes() for number in range(5)}) == 5
    assert view_of(square[:1, :1], 0, 7).shape == (1, 1, 3)

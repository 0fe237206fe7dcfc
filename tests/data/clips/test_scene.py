import numpy as np
import pytest

from data.clips import scene


def generator(*seed):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("width", "height"), [(256, 256), (320, 180), (64, 96)])
def test_objects_stay_inside_the_frame_throughout(width, height):
    for seed in range(40):
        for track in scene.place(generator(seed), [1.0, 3.5, 0.3], width, height):
            boxes = track.pixels(20, width, height)
            assert boxes.min() >= 0
            assert (boxes[:, :2] + boxes[:, 2:] <= [width, height]).all()


def test_objects_have_the_size_that_was_promised():
    side = [max(scene.place(generator(i), [1.6], 256, 256)[0].start[2:]) / 256 for i in range(200)]
    low, high = scene.OBJECT_SIDE
    assert low <= min(side) < low + 0.03 and high - 0.03 < max(side) <= high


def test_objects_keep_their_aspect():
    for seed in range(20):
        track = scene.place(generator(seed), [2.5], 300, 200)[0]
        assert track.start[2] / track.start[3] == pytest.approx(2.5)
        assert track.end[2] / track.end[3] == pytest.approx(2.5)


def test_three_objects_hardly_cover_each_other():
    shares = []
    for seed in range(60):
        tracks = scene.place(generator(seed), [1.0, 0.8, 1.4], 256, 256)
        mask = np.zeros((3, 256, 256), bool)
        for i, track in enumerate(tracks):
            x, y, width, height = track.pixels(9, 256, 256)[4]
            mask[i, y : y + height, x : x + width] = True
        areas = mask.sum(axis=(1, 2))
        shares += [(mask[i] & mask[j]).sum() / min(areas[i], areas[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert np.mean(shares) < 0.05
    assert np.quantile(shares, 0.95) < 0.2


def test_a_track_moves_evenly():
    track = scene.Track((0, 0, 10, 10), (40, 20, 20, 20))
    assert track.at(5)[1].tolist() == [10, 5, 12.5, 12.5]
    assert track.pixels(5, 50, 50)[-1].tolist() == [30, 20, 20, 20]  # pushed back into the frame


@pytest.mark.parametrize("photo", [(512, 300), (300, 512), (64, 64)])
def test_a_crop_lies_in_the_photo_and_has_the_aspect_of_the_frame(photo):
    for seed in range(50):
        parts = scene.crop(generator(seed), photo, 320, 180).at(10)
        assert parts[:, 2] / parts[:, 3] == pytest.approx(320 / 180)
        assert parts[:, :2].min() >= -1e-9
        assert (parts[:, :2] + parts[:, 2:] <= np.array(photo) + 1e-9).all()


def test_backgrounds_differ_strongly_in_brightness_and_colour():
    grounds = np.stack([scene.background(generator(i), 48, 32) for i in range(60)]).astype(float)
    assert grounds.shape == (60, 32, 48, 3)
    means = grounds.mean(axis=(1, 2))
    assert means.mean(axis=1).min() < 60 and means.mean(axis=1).max() > 180
    assert (means.std(axis=0) > 30).all()


def test_same_generator_gives_the_same_scene():
    assert scene.place(generator(3), [1.0, 2.0], 64, 64) == scene.place(generator(3), [1.0, 2.0], 64, 64)
    assert (scene.background(generator(3), 40, 30) == scene.background(generator(3), 40, 30)).all()

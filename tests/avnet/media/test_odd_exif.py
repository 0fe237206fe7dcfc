"""Photos whose EXIF is odd: each is read, upright where it says so, or refused as one file."""

import struct

import numpy as np
import pytest
from media.exif import ODD, TURNED, UNKNOWN, exif, photo
from PIL import Image, ImageOps

from avnet.errors import AvnetError, Damaged
from avnet.media.image import read_image
from data.clips.sources import read_cutout


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_tags_do_not_keep_a_photo_from_being_read_upright(tmp_path, odd, suffix):
    path = photo(tmp_path / f"photo{suffix}", exif(ODD[odd]))
    image = read_image(path)
    assert image.shape == (60, 40, 3)
    assert image[:30, 20:].mean() > 200 > 50 > image[:30, :20].mean()
    assert read_cutout(path).size == (40, 60)


@pytest.mark.parametrize("odd", UNKNOWN)
def test_an_orientation_that_is_none_leaves_a_photo_as_it_is(tmp_path, odd):
    assert read_image(photo(tmp_path / "photo.jpg", exif(UNKNOWN[odd]))).shape == (40, 60, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_turns_as_pillow_turns(tmp_path, orientation):
    path = photo(tmp_path / "photo.jpg", exif([(0x112, 3, 1, struct.pack("<H", orientation))]))
    with Image.open(path) as image:
        assert np.array_equal(read_image(path), np.asarray(ImageOps.exif_transpose(image)))


def test_broken_bytes_anywhere_in_the_exif_are_read_or_refused(tmp_path):
    rng = np.random.default_rng(0)
    sensible = exif([TURNED, (0x11A, 5, 1, struct.pack("<II", 72, 1)), (0x132, 2, 20, b"2020:01:01 00:00:00\0")])
    for _ in range(60):
        broken = bytearray(sensible)
        for place in rng.integers(8, len(broken), 3):
            broken[place] = rng.integers(256)
        try:
            assert sorted(read_image(photo(tmp_path / "photo.jpg", bytes(broken))).shape) == [3, 40, 60]
        except AvnetError as error:
            assert error.subject == str(tmp_path / "photo.jpg")


@pytest.mark.parametrize("raised", [struct.error("odd"), TypeError("odd"), KeyError("odd"), AttributeError("odd")])
def test_whatever_the_library_raises_is_one_refused_file(tmp_path, monkeypatch, raised):
    def load(self):
        raise raised

    path = photo(tmp_path / "photo.jpg", exif([TURNED]))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(Damaged, match=r"photo.jpg: cannot be decoded \('?odd"):
        read_image(path)

"""Images of all formats that are read, and those that are nearly whole."""

import io

import numpy as np
import pytest
from media import odd_media as odd
from PIL import Image

from avnet.errors import Damaged, NotMedia
from avnet.media.image import is_image, read_image

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")


def save_image(path, image=None, **options):
    Image.fromarray(odd.quadrants() if image is None else image).save(path, **options)
    return path


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_an_image_whatever_its_name(tmp_path, kind):
    path = save_image(tmp_path / "picture", format=kind)
    assert is_image(path)
    assert np.abs(odd.corners(read_image(path)) - odd.corners(odd.quadrants())).max() < 40


def test_a_gif_that_moves_is_a_video(tmp_path):
    frames = [Image.new("L", (32, 32), 40 * k) for k in range(4)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    assert not is_image(tmp_path / "moves.gif")


def test_a_heic_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr("avnet.media.image.reads_heif", lambda: False)
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert is_image(path)
    with pytest.raises(NotMedia, match="needs the package pillow-heif"):
        read_image(path)


def test_a_heic_is_read(tmp_path):
    import pillow_heif as heif

    heif.register_heif_opener()
    path = save_image(tmp_path / "photo.heic", format="HEIF")
    assert np.abs(odd.corners(read_image(path)) - odd.corners(odd.quadrants())).max() < 40


def noise(size=64):
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), np.uint8)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_a_jpeg_without_its_end_is_read_where_it_is_whole(tmp_path, options):
    whole = io.BytesIO()
    Image.fromarray(noise()).save(whole, "JPEG", **options)
    path = tmp_path / "photo.jpg"
    path.write_bytes(whole.getvalue()[:-2])
    assert np.array_equal(read_image(path), np.asarray(Image.open(whole)))
    path.write_bytes(whole.getvalue() + b"a film follows" * 100)
    assert np.array_equal(read_image(path), np.asarray(Image.open(whole)))


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_jpeg_that_was_cut_is_refused(tmp_path, share):
    path = save_image(tmp_path / "photo.jpg", noise())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(Damaged, match="truncated"):
        read_image(path)


def test_the_clear_color_of_a_deep_gray_png_is_clear(tmp_path):
    values = np.full((16, 16), 0x1234, np.uint16)
    values[:8] = 0x8000
    Image.fromarray(values).save(tmp_path / "deep.png", transparency=0x1234)
    image = read_image(tmp_path / "deep.png")
    assert (image[:8] == 0x80).all() and (image[8:] == 255).all()

from fractions import Fraction

import av
import numpy as np
import pytest

from avnet.media import read_frames
from avnet.media.write import write_video

# Y', Cb, Cr in limited range of the R'G'B' bytes (200, 40, 60), by hand from Y' = Kr R + (1 - Kr - Kb) G + Kb B,
# Cb = (B - Y') / (2 - 2 Kb), Cr = (R - Y') / (2 - 2 Kr); then 16 + 219/255 Y', 128 + 224/255 Cb and Cr.
RED = (200, 40, 60)
BT709 = (81, 121, 197)  # Kr = 0.2126, Kb = 0.0722: Y' = 75.46, Cb = -8.33, Cr = 79.08
BT601 = (93, 113, 197)  # Kr = 0.299, Kb = 0.114: Y' = 90.12, Cb = -17.00, Cr = 78.37
HD, SD = (1280, 720), (720, 576)
NEAR = 4  # codes are rounded, and so is the scaling; the other matrix is 14 off in red


def film(path, size, codes, matrix=2):
    """One frame of one colour, tagged with a matrix code of ITU-T H.273; 2 says nothing."""
    frame = av.VideoFrame(size[0], size[1], "yuv420p")
    for plane, code in zip(frame.planes, codes, strict=True):
        plane.update(bytes([code]) * plane.buffer_size)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast", "qp": "0"})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], "yuv420p"
        stream.codec_context.colorspace = frame.colorspace = matrix
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def colour(path):
    return read_frames(path, [0.0], 32).images[0][16, 16].astype(int)


@pytest.mark.parametrize("size", [HD, (1280, 534), (406, 720)])
def test_untagged_hd_is_bt709(tmp_path, size):
    assert np.abs(colour(film(tmp_path / "film.mkv", size, BT709)) - RED).max() <= NEAR


@pytest.mark.parametrize("size", [SD, (1278, 718)])
def test_untagged_sd_is_bt601(tmp_path, size):
    assert np.abs(colour(film(tmp_path / "film.mkv", size, BT601)) - RED).max() <= NEAR


@pytest.mark.parametrize(("size", "codes", "matrix"), [(HD, BT601, 6), (HD, BT601, 5), (SD, BT709, 1)])
def test_what_is_tagged_is_read_by_its_tag_whatever_its_size(tmp_path, size, codes, matrix):
    assert np.abs(colour(film(tmp_path / "film.mkv", size, codes, matrix)) - RED).max() <= NEAR


def test_reserved_matrix_is_as_untagged(tmp_path):
    assert np.abs(colour(film(tmp_path / "film.mkv", HD, BT709, 3)) - RED).max() <= NEAR


@pytest.mark.parametrize(("size", "codes"), [(HD, BT709), (SD, BT601)])
def test_films_are_written_by_the_matrix_that_players_expect(tmp_path, size, codes):
    write_video(tmp_path / "film.mp4", [np.full((size[1], size[0], 3), RED, np.uint8)], 25)
    with av.open(str(tmp_path / "film.mp4")) as container:
        frame = next(container.decode(video=0))
    assert frame.colorspace == (1 if size == HD else 2)
    middle = [plane.line_size * (plane.height // 2) + plane.width // 2 for plane in frame.planes]
    assert [bytes(plane)[at] for plane, at in zip(frame.planes, middle, strict=True)] == pytest.approx(codes, abs=1)
    assert np.abs(colour(tmp_path / "film.mp4") - RED).max() <= NEAR

from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags

from avnet.media import read_frames
from avnet.media.container import open_container

SIZE = (320, 240)


def bars(time):
    """Grey bars of 32 pixels that move 1600 pixels per second to the left."""
    column = np.arange(SIZE[0]) + round(1600 * time)
    return np.broadcast_to(np.where(column % 64 < 32, 40, 210).astype(np.uint8)[:, None], (SIZE[1], SIZE[0], 3))


def woven(time):
    """Two moments in one frame, 1/50 s apart: the upper lines come first."""
    frame = bars(time).copy()
    frame[1::2] = bars(time + 1 / 50)[1::2]
    return frame


def film(path, image_at, interlaced):
    """Writes five frames at 25 per second."""
    with av.open(str(path), "w") as out:
        encode(out, image_at, {"preset": "ultrafast", "crf": "8"} | ({"x264-params": "tff=1"} if interlaced else {}))
    return path


def encode(out, image_at, options):
    stream = out.add_stream("libx264", rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
    if "x264-params" in options:
        stream.codec_context.flags |= Flags.interlaced_dct
    for index in range(5):
        frame = av.VideoFrame.from_ndarray(image_at(index / 25), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def combs(image):
    """Mean difference between a line and the mean of its neighbours, levels."""
    lines = image.astype(float)
    return np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).mean()


@pytest.mark.parametrize("short_side", [None, 120, 77])
def test_interlaced_frame_shows_the_moment_of_its_upper_field(tmp_path, short_side):
    path = film(tmp_path / "camera.mkv", woven, True)
    with open_container(path) as container:
        assert next(container.decode(video=0)).interlaced_frame
    progressive = read_frames(film(tmp_path / "film.mkv", bars, False), [0.04, 0.12], short_side).images
    for result, expected in zip(read_frames(path, [0.04, 0.12], short_side).images, progressive, strict=True):
        assert result.shape == expected.shape and result.flags.c_contiguous
        assert combs(result) < 2
        assert np.abs(result.astype(int) - expected).mean() < 4

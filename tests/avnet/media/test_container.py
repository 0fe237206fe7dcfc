import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
from media.media_files import make_video
from PIL import Image

from avnet.errors import Damaged
from avnet.media.audio import iterate_sound
from avnet.media.container import FileReader, OpenFile, open_container
from avnet.media.reader import open_frames
from avnet.media.tracks import probe


@pytest.fixture
def film(tmp_path):
    path = make_video(tmp_path / "film.mkv", 1.5)
    descriptor = os.open(path, os.O_RDONLY)
    yield OpenFile(path, descriptor)
    os.close(descriptor)


def test_an_open_film_is_read_as_its_path_is(film):
    assert probe(film) == probe(film.path)
    for one, other in zip(iterate_sound(film), iterate_sound(film.path), strict=True):
        assert np.array_equal(one.samples, other.samples) and one.start_s == other.start_s
    with open_frames(film) as ours, open_frames(film.path) as theirs:
        for (time, image), (other_time, other_image) in zip(ours.every(), theirs.every(), strict=True):
            assert time == other_time and np.array_equal(image, other_image)


def test_it_is_read_when_its_name_is_gone(film):
    film.path.unlink()
    assert probe(film).video is not None


def test_two_readers_of_one_file_do_not_disturb_each_other(film):
    content = film.path.read_bytes()
    one, other = FileReader(film), FileReader(film)
    assert one.read(10) + one.read(5) == content[:15]
    assert other.read(3) == content[:3]
    assert other.seek(-4, os.SEEK_END) == len(content) - 4 and other.read() == content[-4:]
    assert one.tell() == 15 and one.seek(5, os.SEEK_CUR) == 20 and one.read(2) == content[20:22]


def test_a_place_that_is_none_is_an_errno_and_moves_nothing(film):
    reader = FileReader(film)
    reader.read(7)
    assert reader.seek(-1) == reader.seek(-8, os.SEEK_CUR) == reader.seek(1 << 70) == -errno.EINVAL
    assert reader.tell() == 7
    assert reader.seek(1 << 40) == 1 << 40 and reader.read(1) == b""


def test_what_the_system_cannot_read_is_a_refusal(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        with pytest.raises(Damaged, match="cannot be decoded"), open_container(OpenFile(tmp_path, descriptor)):
            pass
    finally:
        os.close(descriptor)


def test_pillow_reads_it_too(tmp_path):
    path = Path(tmp_path / "x.png")
    Image.new("RGB", (3, 2), (1, 2, 3)).save(path)
    descriptor = os.open(path, os.O_RDONLY)
    with Image.open(io.BufferedReader(FileReader(OpenFile(path, descriptor)))) as image:
        assert image.size == (3, 2) and image.getpixel((0, 0)) == (1, 2, 3)
    os.close(descriptor)

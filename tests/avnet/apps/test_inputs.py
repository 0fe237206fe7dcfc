from pathlib import Path

import numpy as np
import pytest

from avnet.apps.inputs import find_media, image_of, sound_of
from avnet.errors import ConfigError, DataError
from avnet.media import Waveform


def test_folders_are_searched_by_suffix_and_files_are_taken_as_they_are(tmp_path):
    for name in ("video.mp4", "sound.wav", "photo.png", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(b"")
    files, left_out = find_media([tmp_path, str(tmp_path / "notes.txt"), tmp_path / "photo.png"])
    assert [file.name for file in files] == ["photo.png", "sound.wav", "video.mp4", "notes.txt"]
    assert [Path(error.subject).name for error in left_out] == [".hidden.png"]  # and not what is named itself
    files, left_out = find_media([tmp_path, tmp_path / ".hidden.png"])
    assert tmp_path / ".hidden.png" in files and [Path(error.subject).name for error in left_out] == ["notes.txt"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no image, sound or video file"):
        find_media([tmp_path / "empty"])
    (tmp_path / "empty" / "film.zip").touch()
    with pytest.raises(DataError, match=r"holds no image, sound or video file \(.*film.zip has the suffix .zip"):
        find_media([tmp_path / "empty"])


def test_arrays_are_taken_as_they_are():
    image = np.zeros((4, 6, 3), np.uint8)
    assert image_of(image) is image
    assert sound_of(np.ones(8), 4).span_s() == (0.0, 2.0)
    assert sound_of(Waveform(np.ones(8, np.float32), 1.0, 4), 4).span_s() == (1.0, 3.0)


def test_arrays_that_are_no_image_or_sound_are_refused():
    for array in (np.zeros((4, 6), np.uint8), np.zeros((4, 6, 3), np.float32)):
        with pytest.raises(ConfigError, match="must be uint8"):
            image_of(array)
    for array in (np.zeros((2, 8)), np.zeros(0)):
        with pytest.raises(ConfigError, match="must be mono samples"):
            sound_of(array, 4)
    with pytest.raises(ConfigError, match="must have 4 Hz"):
        sound_of(Waveform(np.ones(8, np.float32), 0.0, 8), 4)

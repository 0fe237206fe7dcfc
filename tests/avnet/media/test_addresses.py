"""What is an address, and what is a file with the name of one."""

import os

import pytest
from media.films import film, run
from media.media_files import make_sound

from avnet.errors import NotMedia
from avnet.media import read_waveform
from avnet.media.container import address_of
from data.sampling.config import SamplingConfig


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("https://host.org/a.mp4", "https://host.org/a.mp4"),
        ("https:/host.org/a.mp4", "https://host.org/a.mp4"),
        ("weird+scheme.2://x", "weird+scheme.2://x"),
        ("disk:/a.mp4", None),
        ("a/b:/c.mp4", None),
        ("C:/Videos/a.mp4", None),
        ("a:b.mp4", None),
        (":/a.mp4", None),
    ],
)
def test_addresses_are_told_from_paths(path, address):
    assert address_of(path) == address


def test_what_is_there_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("disk:", "https:"):
        os.mkdir(folder)
        make_sound(tmp_path / folder / "a.wav", 0.5)
        for path in (f"{folder}/a.wav", f"{folder}//a.wav"):
            assert address_of(path) is None and len(read_waveform(path).samples) > 0
    with pytest.raises(NotMedia, match=r"^https://b\.wav: is an address"):
        read_waveform("https:/b.wav")
    with pytest.raises(NotMedia, match=r"^disk:/b\.wav: no such file"):
        read_waveform("disk:/b.wav")


@pytest.mark.parametrize("given", ["disk:", "disk:/a.mp4"])
def test_films_in_such_a_folder_are_prepared(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    os.mkdir("disk:")
    film(tmp_path / "disk:" / "a.mp4", 50)
    rows = run(given, tmp_path / "out", sampling=SamplingConfig(short_side=32))
    assert [(row.name, row.status) for row in rows] == [("a.mp4", "ok")]

"""Every file of a folder has a row in the manifest, with the reason where it is not used."""

import json

import av
import numpy as np
import pytest
from media.films import film, run
from media.media_files import flat, make_sound, tone
from media.odd_media import frames, mux, sounds

from avnet.apps.inputs import find_media
from avnet.media import probe, read_waveform
from data.corpus.manifest import FILE
from data.sampling.config import SamplingConfig

# Suffix: format of the muxer, codecs of picture and sound.
FILMS = {
    "mpg": ("mpeg", "mpeg1video", "mp2"),
    "vob": ("vob", "mpeg2video", "ac3"),
    "wmv": ("asf", "wmv2", "wmav2"),
    "flv": ("flv", "flv", "libmp3lame"),
    "m2ts": ("mpegts", "libx264", "aac"),
    "3gp": ("mp4", "mpeg4", "aac"),
    "mxf": ("mxf", "mpeg2video", "pcm_s16le"),
    "divx": ("avi", "mpeg4", "libmp3lame"),
}
SOUNDS = {
    "aiff": ("aiff", "pcm_s16be"),
    "caf": ("caf", "pcm_s16le"),
    "w64": ("w64", "pcm_s16le"),
    "aac": ("adts", "aac"),
    "wma": ("asf", "wmav2"),
    "ac3": ("ac3", "ac3"),
    "au": ("au", "pcm_s16be"),
    "wv": ("wv", "wavpack"),
    "mka": ("matroska", "flac"),
}


def video(path, number=0):
    container, picture, sound = FILMS[path.suffix[1:]]
    moving = frames(picture, image_at=flat(lambda t: 60 + 20 * number + 40 * (t > 0.8)))
    rate = 44_100 if container == "flv" else 48_000
    return mux(path, moving, sounds(sound, [tone(200 + 50 * number)], rate=rate), suffix=f".{container}")


def test_every_film_that_can_be_read_is_used_and_every_other_file_says_why_not(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    for number, suffix in enumerate(FILMS):
        video(folder / f"film.{suffix}", number)
    film(folder / "clip.mp4", 50)
    for name in ("clip.json", "clip_0.png", "clip.en.srt", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    reasons = {
        "photo.heic": "is an image",
        "moving.gif": "is an image",
        "song.mp3": "is a sound",
        "down.mp4.part": "unfinished download",
        "NoSuffix": "no suffix",
        "backup.zip": ".zip",
        "notes.txt": "text or data (.txt)",
        "._clip.mp4": "is hidden",
    }
    for name in reasons:
        (folder / name).write_bytes(b"x")
    rows = {row.name: row for row in run(folder, tmp_path / "out", sampling=SamplingConfig(short_side=32))}
    refusals = {name: row.reason for name, row in rows.items() if name.startswith("film") and row.status != "ok"}
    assert not refusals
    assert set(rows) == {"clip.mp4", *(f"film.{suffix}" for suffix in FILMS), *reasons}
    assert {name for name, row in rows.items() if row.status == "ok"} == set(rows) - set(reasons)
    assert all(says in rows[name].reason for name, says in reasons.items())
    names = [json.loads(line)["name"] for line in (tmp_path / "out" / FILE).read_text().splitlines()]
    assert names == sorted(rows)


@pytest.mark.parametrize("suffix", SOUNDS)
def test_every_format_of_sound_is_read(tmp_path, suffix):
    container, codec = SOUNDS[suffix]
    path = mux(tmp_path / f"sound.{suffix}", sounds(codec, [tone(440)], rate=48_000), suffix=f".{container}")
    samples = read_waveform(path).samples
    assert len(samples) == pytest.approx(1.6 * 48_000, abs=5000)
    assert np.argmax(np.abs(np.fft.rfft(samples, 48_000 * 4))) / 4 == pytest.approx(440, abs=2)


def test_a_folder_says_what_an_app_does_not_read(tmp_path):
    make_sound(tmp_path / "a.wav", 0.2)
    (tmp_path / "index").mkdir()
    for name in ("a.txt", "b.zip", "c", "d.csv", ".e", ".f.wav", "index/artifact.json", "index/vectors.npy"):
        (tmp_path / name).write_bytes(b"x")
    media = find_media([tmp_path])
    assert [file.name for file in media.files] == ["a.wav"]
    others = [".f.wav", "b.zip", "c", "d.csv"]
    assert [error.subject for error in media.left_out] == [str(tmp_path / name) for name in others]


def test_sound_without_a_decoder_is_not_called_none(tmp_path, monkeypatch):
    path = mux(tmp_path / "film.mp4", frames(), sounds("alac"))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"alac", b"zzzz"))
    with av.open(str(path)) as container:
        assert container.streams.audio
    assert "cannot be read" in probe(path).no_audio

"""Media decoded by another process are the same to the bit, and refused in the same words."""

import io
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from media.hostile_media import ACTS, NAME, hostile
from media.media_files import claim_size, make_mute, make_sound, make_video, ramp, tone, truncate, turn_clockwise
from media.odd_media import frames, hdr_frame, mux
from PIL import Image
from random_networks import random_network

import avnet
from avnet.apps.index import index_files
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError, Crashed, Damaged
from avnet.media import audio, decoding, image, tracks, video
from avnet.media.decoding import sandboxed, sandboxed_media
from avnet.media.sandbox.limits import Limits
from avnet.pages.localization import write_localization
from avnet.pages.search_page import search_page

IMAGES = {
    "turned.jpg": {"exif": True},
    "progressive.jpg": {"progressive": True},
    "clear.png": {"mode": "RGBA"},
    "deep.png": {"mode": "I;16"},
    "photo.webp": {},
    "photo.avif": {},
    "photo.bmp": {},
    "still.gif": {},
    "photo.heic": {"format": "HEIF"},
    "endless.jpg": {},
    "packed.tiff": {"compression": "tiff_lzw"},
    "strips.tiff": {},
}
VIDEOS = (
    "a.mp4",
    "b.mov",
    "c.mkv",
    "d.ts",
    "e.webm",
    "f.avi",
    "g.ffv1",
    "turned.mp4",
    "mute.mp4",
    "hdr.mkv",
    "g.gif",
)
SOUNDS = ("a.wav", "b.ogg", "c.mp3", "d.flac")
# What is refused, each for a reason of its own.
REFUSED = (
    "junk.mp4",
    "empty.mp4",
    "missing.mp4",
    "folder",
    "cut.mp4",
    "claims.mkv",
    "large.png",
    "cut.jpg",
    "a.txt",
)


@pytest.fixture(scope="module")
def media(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    assert image.reads_heif()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (48, 66, 3), np.uint8)
    for name, options in IMAGES.items():
        options = dict(options)
        mode = options.pop("mode", "RGB")
        if options.pop("exif", False):
            exif = Image.Exif()
            exif[0x0112] = 6
            options["exif"] = exif
        one = Image.fromarray(pixels)
        if mode == "RGBA":
            one.putalpha(Image.fromarray(pixels[..., 0]))
        if mode == "I;16":
            one = Image.fromarray(rng.integers(0, 65535, (48, 66), np.uint16))
        one.save(folder / name, **options)
    (folder / "endless.jpg").write_bytes((folder / "endless.jpg").read_bytes()[:-2])
    noise = rng.integers(0, 255, (25, 48, 64, 3), np.uint8)
    for name in ("a.mp4", "b.mov", "c.mkv", "d.ts", "e.webm", "f.avi", "turned.mp4"):
        make_video(folder / name, 1.0, lambda t: noise[round(t * 25) % 25], tone(300))
    make_video(folder / "g.ffv1", 1.0, ramp(), right=tone(700), video_start_s=0.4)
    make_mute(folder / "mute.mp4", 1.0)
    turn_clockwise(folder / "turned.mp4", 90)
    mux(folder / "hdr.mkv", frames(frame_at=lambda t: hdr_frame(noise[0]), pix_fmt="yuv420p10le", colour=(9, 16, 9)))
    stills = [Image.fromarray(still) for still in noise[:3]]
    stills[0].save(folder / "g.gif", save_all=True, append_images=stills[1:], duration=200)
    for name in SOUNDS:
        make_sound(folder / name, 1.0, tone(300))
    (folder / "junk.mp4").write_bytes(rng.bytes(3000))
    (folder / "empty.mp4").touch()
    (folder / "folder").mkdir()
    truncate(make_video(folder / "cut.mp4", 1.0), 0.5)
    claim_size(make_mute(folder / "claims.mkv", 0.2, ramp(size=(320, 256))), 65000, 65000)
    Image.new("1", (20_000, 20_000)).save(folder / "large.png")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    (folder / "cut.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    (folder / "a.txt").write_text("no media")
    return folder


def outcome(call, *args):
    """What a call gives, or how it refuses."""
    try:
        return call(*args)
    except AvnetError as error:
        return type(error), str(error)


def same(one, other) -> None:
    """Asserts that two results are the same, arrays to the bit."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, audio.Waveform):
        same(list(vars(one).values()), list(vars(other).values()))
    else:
        assert one == other


def read_all(path: Path) -> list:
    """Everything that is read of a file, or how it is refused."""
    times = np.array([-1.0, 0.1, 0.1, 0.5, 0.93, 7.0])
    return [
        outcome(image.is_image, path),
        outcome(image.read_image, path),
        outcome(tracks.probe, path),
        outcome(tracks.probe, path, 1),
        outcome(tracks.probe, path, 2),
        outcome(lambda: list(video.iterate_frames(path))),
        outcome(lambda: list(video.frames_on_screen(path, times, 16, video.HELD_S))),
        outcome(lambda: list(video.frames_on_screen(path, times))),
        outcome(lambda: list(video.frames_on_screen(path, times[:0]))),
        outcome(lambda: list(audio.iterate_sound(path))),
        outcome(lambda: list(audio.iterate_sound(path, 16_000, 1))),
        outcome(lambda: list(audio.iterate_sound(path, 16_000, 3))),
    ]


@pytest.fixture(scope="module")
def in_this_process(media):
    return {path.name: read_all(path) for path in media.iterdir()} | {"missing.mp4": read_all(media / "missing.mp4")}


@pytest.fixture(scope="module")
def in_the_sandbox(in_this_process, media):
    with sandboxed():
        return {name: read_all(media / name) for name in in_this_process}


@pytest.mark.parametrize("name", [*IMAGES, *VIDEOS, *SOUNDS, *REFUSED])
def test_every_file_is_read_and_refused_as_in_this_process(in_this_process, in_the_sandbox, name):
    same(in_this_process[name], in_the_sandbox[name])


def test_the_files_are_what_they_are_meant_to_be(in_this_process):
    for name in IMAGES:
        assert in_this_process[name][0] is True and isinstance(in_this_process[name][1], np.ndarray), name
    for name in VIDEOS:
        assert in_this_process[name][0] is False and len(in_this_process[name][5]) >= 3, name
        assert isinstance(in_this_process[name][5], list), name
    for name in SOUNDS:
        assert isinstance(in_this_process[name][9], list), name
    for name in REFUSED:
        assert isinstance(in_this_process[name][1], tuple) and isinstance(in_this_process[name][9], tuple), name
    assert len({in_this_process[name][1][1] for name in REFUSED}) == len(REFUSED)


def test_two_streams_of_one_file_go_side_by_side_and_an_abandoned_one_ends(media):
    path = media / "a.mp4"
    with sandboxed():
        stills, parts = video.iterate_frames(path), audio.iterate_sound(path)
        for _ in range(3):
            next(stills)
            next(parts)
        del stills
        assert len(list(video.iterate_frames(path))) == 25  # by the process that was set free
        (holder,) = decoding._entered
        assert len(holder._idle) == 1
        del parts
        assert len(holder._idle) == 2
    assert not decoding._entered and not holder._idle


def test_a_stream_that_outlives_the_block_ends_with_its_process(media):
    with sandboxed():
        stills = video.iterate_frames(media / "a.mp4")
        next(stills)
        (holder,) = decoding._entered
    assert len(list(stills)) == 24 and not holder._idle


def test_threads_share_the_sandbox(media):
    results, direct = {}, image.read_image(media / "turned.jpg")
    with sandboxed():
        threads = [
            threading.Thread(target=lambda i=i: results.update({i: image.read_image(media / "turned.jpg")}))
            for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for result in results.values():
        np.testing.assert_array_equal(result, direct)
    assert len(results) == 4


@pytest.fixture(scope="module")
def model():
    config = ModelConfig.small("avol")
    return Model(config, random_network(config))


@pytest.fixture
def nothing_is_decoded_here(monkeypatch):
    """Neither FFmpeg nor Pillow opens anything in this process; what it writes itself, it writes."""
    opens = av.open

    def refuse(file, mode="r", *args, **options):
        assert mode == "w", f"{file} is decoded in this process"
        return opens(file, mode, *args, **options)

    monkeypatch.setattr(av, "open", refuse)
    monkeypatch.setattr(Image, "open", lambda *args, **options: pytest.fail("an image is decoded in this process"))


def test_apps_and_pages_decode_nothing_in_this_process(media, model, tmp_path, nothing_is_decoded_here):
    config = ModelConfig.small("ave")
    searcher = Model(config, random_network(config))
    options = avnet.LocalizeOptions(fps=2, fine=False)
    with sandboxed():
        result = avnet.localize(model, media / "a.mp4", options=options)
        write_localization(result, tmp_path)
        avnet.localize(model, media / "g.gif", media / "a.wav", options)
        avnet.localize(model, media / "turned.jpg", media / "b.ogg")
        index_files(searcher, tmp_path / "index", [media / "a.mp4", media / "turned.jpg", media / "d.flac"])
        assert "data:image/jpeg" in search_page(avnet.search(searcher, tmp_path / "index", video=media / "c.mkv"))
    assert (tmp_path / "overlay.mp4").stat().st_size > 1000


@pytest.mark.parametrize("act", ACTS)
def test_a_hostile_file_is_refused_in_words_and_the_process_goes_on(media, model, tmp_path, monkeypatch, act):
    monkeypatch.setattr(sandboxed_media, "PROGRAM", NAME)
    (tmp_path / "other").write_text("secret")
    (tmp_path / "hostile.jpg").write_bytes(hostile(act))
    sound = media / "a.wav"
    with sandboxed(Limits(seconds_per_file=10.0)):
        with pytest.raises(Crashed if act == "die" else Damaged) as refusal:
            avnet.localize(model, tmp_path / "hostile.jpg", sound)
        assert refusal.value.subject == str(tmp_path / "hostile.jpg")
        assert "\n" not in str(refusal.value) and str(refusal.value).isprintable()
        assert avnet.localize(model, media / "turned.jpg", sound).image is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.jpg", "other"]


def test_a_film_is_not_decoded_further_than_it_is_taken(media, tmp_path):
    make_mute(tmp_path / "long.mkv", 40.0, ramp(size=(640, 480)), suffix=".ffv1")
    with sandboxed():
        list(video.iterate_frames(media / "a.mp4"))
        began = time.monotonic()
        stills = video.iterate_frames(tmp_path / "long.mkv")
        next(stills)
        del stills
        first = time.monotonic() - began
        began = time.monotonic()
        assert len(list(video.iterate_frames(tmp_path / "long.mkv"))) == 1000
        assert first < (time.monotonic() - began) / 2

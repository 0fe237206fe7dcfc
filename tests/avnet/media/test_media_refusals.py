import os

import numpy as np
import pytest
from media.media_files import (
    claim_size,
    flat,
    make_mute,
    make_sound,
    make_video,
    truncate,
)
from PIL import Image

from avnet.errors import Damaged, MediaError, NoAudioTrack, NotMedia, NoVideoTrack, TooLarge
from avnet.media import container, iterate_frames, probe, read_frames, read_image, read_waveform, reader

RATE = 48_000


def refuse(tmp_path, kind):
    """A file of a kind that must be refused."""
    path = tmp_path / f"{kind.replace(' ', '_')}.mp4"
    if kind == "directory":
        path.mkdir()
    elif kind == "address":
        return "https://example.org/film.mp4"
    elif kind == "random bytes":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif kind == "empty":
        path.touch()
    elif kind == "index lost":
        truncate(make_video(path), 0.5)
    elif kind == "playlist":
        film = make_video(tmp_path / "film.ts")
        path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n")
    elif kind == "concat script":
        path.write_text(f"ffconcat version 1.0\nfile {make_video(tmp_path / 'film.mp4').name}\n")
    elif kind == "pipe":
        os.mkfifo(path)
    return path


def one_line(refusal, path):
    text = str(refusal.value)
    assert text.startswith(f"{path}: ") and len(text) > len(str(path)) + 5
    assert "\n" not in text


KINDS = ("missing", "directory", "address", "random bytes", "empty", "index lost", "playlist", "concat script", "pipe")


@pytest.mark.parametrize("read", [probe, read_waveform, lambda path: read_frames(path, [0.0])])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_media_file_is_refused_in_one_line(tmp_path, kind, read):
    path = refuse(tmp_path, kind)
    with pytest.raises(NotMedia) as refusal:
        read(path)
    one_line(refusal, path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_image_is_refused_in_one_line(tmp_path, kind):
    path = refuse(tmp_path, kind)
    with pytest.raises(NotMedia) as refusal:
        read_image(path)
    one_line(refusal, path)


def test_missing_tracks_are_refused_by_name(tmp_path):
    mute, blind = make_mute(tmp_path / "mute.mp4", 0.2), make_sound(tmp_path / "blind.wav", 0.2)
    with pytest.raises(NoAudioTrack) as refusal:
        read_waveform(mute)
    one_line(refusal, mute)
    for read in (lambda path: read_frames(path, [0.0]), lambda path: list(iterate_frames(path))):
        with pytest.raises(NoVideoTrack) as refusal:
            read(blind)
        one_line(refusal, blind)


def test_absurd_claims_of_size_are_refused(tmp_path):
    path = make_mute(tmp_path / "bomb.mkv", 0.1, flat(lambda _: 99, (320, 256)), suffix=".ffv1")
    assert len(list(iterate_frames(path))) == 2
    claim_size(path, 16_384, 16_384)
    for read in (lambda path: read_frames(path, [0.0]), lambda path: list(iterate_frames(path))):
        with pytest.raises(TooLarge) as refusal:
            read(path)
        one_line(refusal, path)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".ts", ".avi"])
def test_limit_of_size_holds_for_every_decoder(tmp_path, suffix, monkeypatch):
    path = make_mute(tmp_path / f"film{suffix}", 0.4)
    monkeypatch.setattr(container, "MAX_PIXELS", 1_000_000)
    monkeypatch.setattr(reader, "MAX_PIXELS", 1_000_000)
    assert list(iterate_frames(path))
    monkeypatch.setattr(container, "MAX_PIXELS", 64 * 48 - 1)
    monkeypatch.setattr(reader, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(TooLarge):
        read_frames(path, [0.0])


def test_absurd_claims_of_a_image_are_refused(tmp_path):
    Image.new("1", (8192, 4321)).save(tmp_path / "bomb.png")
    with pytest.raises(TooLarge) as refusal:
        read_image(tmp_path / "bomb.png")
    one_line(refusal, tmp_path / "bomb.png")


def test_cut_off_image_is_damaged(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.png")
    with pytest.raises(Damaged):
        read_image(truncate(tmp_path / "cut.png", 0.5))


def test_what_lies_before_the_damage_is_kept(tmp_path):
    whole = make_video(tmp_path / "film.mp4", options={"movflags": "+faststart"}, image_at=busy)
    path = truncate(whole, 0.6)
    times = [time for time, _ in iterate_frames(path)]
    assert 10 <= len(times) < 50
    assert read_frames(path, [9.0]).times == pytest.approx([times[-1]])
    assert 0.3 < read_waveform(path).end_s < 2.0


def busy(time):
    """Noise, so that bytes are spread evenly over the time."""
    return np.random.default_rng(round(time * 25)).integers(0, 256, (48, 64, 3), np.uint8)


def test_flipped_bytes_never_raise_anything_but_refusals(tmp_path):
    whole = make_video(tmp_path / "film.mp4", 0.4).read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "flipped.mp4"
    for _ in range(25):
        data = np.frombuffer(whole, np.uint8).copy()
        data[rng.integers(len(data), size=20)] ^= rng.integers(1, 256, 20, np.uint8)
        path.write_bytes(data.tobytes())
        for read in (probe, read_waveform, lambda path: read_frames(path, [0.1, 0.3])):
            try:
                read(path)
            except MediaError as error:
                assert "\n" not in str(error)

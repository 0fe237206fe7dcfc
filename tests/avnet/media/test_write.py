import wave

import av
import numpy as np
import pytest

from avnet.errors import MediaError
from avnet.media.audio import read_waveform
from avnet.media.tracks import probe
from avnet.media.video import iterate_frames
from avnet.media.write import write_video, write_wav

RATE = 48_000


def images(count=10, height=48, width=64):
    """A bright bar that wanders over a coloured ground."""
    frames_of = np.full((count, height, width, 3), (40, 90, 160), np.uint8)
    for i in range(count):
        frames_of[i, :, 4 * i : 4 * i + 8] = (230, 200, 60)
    return list(frames_of)


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).uniform(-0.3, 0.3, (round(seconds * RATE),))
    return samples.astype(np.float32)


def test_video_reads_back_with_its_images_times_and_sizes(tmp_path):
    originals = images()
    write_video(tmp_path / "a.mp4", originals, 25, noise(0.4))
    copy = list(iterate_frames(tmp_path / "a.mp4"))
    assert [time for time, _ in copy] == pytest.approx(np.arange(10) / 25)
    for (_, image), original in zip(copy, originals, strict=True):
        assert image.shape == (48, 64, 3)
        assert np.abs(np.subtract(image, original, dtype=float)).mean() < 12
    info = probe(tmp_path / "a.mp4")
    assert info.video is not None and info.audio is not None
    assert info.video.fps == 25 and info.audio.sample_rate == RATE


def test_sound_stays_with_the_image_to_the_millisecond(tmp_path):
    waveform = np.zeros(RATE, np.float32)
    waveform[RATE // 2 : RATE // 2 + 2400] = 0.8 * np.sin(2 * np.pi * 2000 * np.arange(2400) / RATE)
    write_video(tmp_path / "a.mp4", images(25), 25, waveform)
    copy = read_waveform(tmp_path / "a.mp4")
    onset_s = copy.start_s + np.argmax(np.abs(copy.samples) > 0.4) / RATE
    assert onset_s == pytest.approx(0.5, abs=0.001)


def test_sound_keeps_its_level(tmp_path):
    tone = (0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)).astype(np.float32)
    write_video(tmp_path / "a.mp4", images(25), 25, tone)
    copy = read_waveform(tmp_path / "a.mp4").samples
    assert np.sqrt(np.mean(copy[2000:-2000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("fps", [10, 29.97, 24000 / 1001])
def test_frame_rate_is_kept(tmp_path, fps):
    write_video(tmp_path / "a.mp4", images(6), fps)
    info = probe(tmp_path / "a.mp4")
    assert info.video is not None
    assert info.video.fps == pytest.approx(fps, rel=1e-5)
    assert info.audio is None


def test_same_input_gives_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, images(), 25, noise(0.4))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_index_comes_first_and_streams_are_interleaved(tmp_path):
    write_video(tmp_path / "a.mp4", images(10) * 10, 25, noise(4))
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(tmp_path / "a.mp4")) as container:
        places = [(p.pos, p.stream.type) for p in container.demux() if p.pos is not None and p.size]
    sounds = sorted(pos for pos, kind in places if kind == "audio")
    frames = sorted(pos for pos, kind in places if kind == "video")
    assert sounds[0] < frames[len(frames) // 2] < sounds[-1]
    assert frames[0] < sounds[len(sounds) // 2] < frames[-1]


def test_fragments_hold_the_same_film_and_the_same_sound_in_the_same_places(tmp_path):
    films = {}
    for fragments in (False, True):
        path = tmp_path / f"{fragments}.mp4"
        write_video(path, images(10) * 60, 25, noise(24), fragments=fragments)
        films[fragments] = [time for time, _ in iterate_frames(path)], read_waveform(path), path.read_bytes()
    assert films[True][0] == pytest.approx(films[False][0])
    np.testing.assert_allclose(films[True][1].samples, films[False][1].samples, atol=1e-6)
    assert films[True][1].start_s == films[False][1].start_s
    assert films[True][2].count(b"moof") > 1 and b"moof" not in films[False][2]
    assert films[True][2].index(b"moov") < films[True][2].index(b"moof")


@pytest.mark.parametrize(("height", "width", "shape"), [(33, 50, (32, 50)), (48, 65, (48, 64)), (48, 1, (48, 2))])
def test_odd_sizes_become_even(tmp_path, height, width, shape):
    write_video(tmp_path / "a.mp4", [np.full((height, width, 3), 90, np.uint8)] * 3, 25)
    assert next(iterate_frames(tmp_path / "a.mp4"))[1].shape == (*shape, 3)


def test_views_that_are_not_contiguous_are_written_as_they_look(tmp_path):
    mirror_images = [image[:, ::-1] for image in images()]
    write_video(tmp_path / "a.mp4", mirror_images, 25)
    write_video(tmp_path / "b.mp4", [np.ascontiguousarray(image) for image in mirror_images], 25)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_failure_in_the_middle_leaves_nothing_behind(tmp_path):
    def broken():
        yield from images(3)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_video(tmp_path / "a.mp4", broken(), 25, noise(1))
    assert list(tmp_path.iterdir()) == []


def test_older_file_stays_when_writing_fails(tmp_path):
    write_video(tmp_path / "a.mp4", images(1), 25)
    older = (tmp_path / "a.mp4").read_bytes()
    with pytest.raises(MediaError, match="two sizes"):
        write_video(tmp_path / "a.mp4", [*images(2), np.zeros((8, 8, 3), np.uint8)], 25)
    assert (tmp_path / "a.mp4").read_bytes() == older
    assert sorted(p.name for p in tmp_path.iterdir()) == [".avnet-results", "a.mp4"]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "no frames"),
        ([np.zeros((8, 8, 3), np.float32)], "uint8"),
        ([np.zeros((8, 8), np.uint8)], "uint8"),
    ],
)
def test_refuses_what_is_not_a_film(tmp_path, frames, reason):
    with pytest.raises(MediaError, match=reason):
        write_video(tmp_path / "a.mp4", frames, 25)


def test_refuses_a_missing_folder_and_a_folder_in_its_place(tmp_path):
    with pytest.raises(MediaError, match="cannot be written"):
        write_video(tmp_path / "missing" / "a.mp4", images(2), 25)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(MediaError, match="folder"):
        write_video(tmp_path / "folder.mp4", images(2), 25)
    with pytest.raises(MediaError, match="folder"):
        write_wav(tmp_path / "folder.mp4", noise(0.1), RATE)


def test_wav_holds_the_rounded_and_clipped_samples(tmp_path):
    write_wav(tmp_path / "a.wav", np.array([0.0, 0.5, -1.0, 2.0, 1e-6]), 16_000)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16_000, 2)
        assert np.frombuffer(file.readframes(9), "<i2").tolist() == [0, 16384, -32767, 32767, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".avnet-results", "a.wav"]

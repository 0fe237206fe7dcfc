import io
import wave

import numpy as np
import pytest
from media.media_files import flat, make_mute, make_sound, make_video, number_of, ramp, tone
from PIL import Image

from avnet.apps.preview import playable, sound_clip, thumbnail
from avnet.audio.pcm import to_pcm
from avnet.errors import AvnetError, NoAudioTrack, NotMedia, NoVideoTrack, OptionError
from avnet.media import probe, read_frames, read_waveform
from avnet.media.audio import iterate_sound
from avnet.media.clips import clip_about


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Two seconds in codecs that browsers do not play, twice as fast as copies are, its sound 440 Hz then 880."""
    file = tmp_path_factory.mktemp("films") / "film.ffv1"
    return make_video(
        file, 2.0, ramp(50.0), lambda t: 0.3 * np.sin(2 * np.pi * np.where(t < 1, 440, 880) * t), fps=50.0
    )


def opened(jpeg):
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    return np.asarray(image)


def samples_of(wav):
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def loudest_hz(samples):
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 24_000 / len(samples))


def test_a_thumbnail_is_the_frame_on_screen(film):
    for time_s in (0.0, 0.5, 0.97):
        image = opened(thumbnail(film, time_s, short_side=24))
        assert image.shape == (24, 32, 3) and abs(number_of(image) - int(time_s * 50)) <= 1
    assert opened(thumbnail(film, 0.0, short_side=1000)).shape == (48, 64, 3)


def test_a_thumbnail_of_an_image_is_upright_and_small(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (300, 200), (255, 0, 0)).save(tmp_path / "photo.jpg", exif=exif)
    image = opened(thumbnail(tmp_path / "photo.jpg", short_side=50))
    assert image.shape == (75, 50, 3) and image[..., 0].mean() > 240


def test_a_clip_of_sound_is_the_one_about_the_time_and_moved_inwards_at_the_ends(film):
    for time_s, hz in ((0.5, 440), (1.5, 880), (0.0, 440), (9.0, 0)):
        samples = samples_of(sound_clip(film, time_s, 0.5))
        assert len(samples) == 12_000
        assert loudest_hz(samples) == pytest.approx(hz, abs=5) if hz else not samples.any()


def test_a_copy_of_a_film_is_what_browsers_play_and_in_step(film, tmp_path):
    events = []
    assert playable(film, tmp_path / "copy", events.append) == "video/mp4"
    info = probe(tmp_path / "copy")
    assert info.video is not None and info.audio is not None
    assert (info.video.fps, info.video.width, info.video.height) == (30.0, 64, 48)
    assert info.video.duration_s == pytest.approx(2.0, abs=0.04)
    for time_s in (0.2, 0.6, 0.9):
        (image,) = read_frames(tmp_path / "copy", [time_s]).images
        assert abs(number_of(image) - time_s * 50) <= 2
    sound = read_waveform(tmp_path / "copy", 24_000)
    assert loudest_hz(sound.cut(0.5, 0.5)) == pytest.approx(440, abs=5)
    assert loudest_hz(sound.cut(1.5, 0.5)) == pytest.approx(880, abs=5)
    assert (events[-1].count, events[-1].total) == (60, 60)


def test_large_films_are_scaled_down_and_silent_ones_stay_silent(tmp_path):
    make_mute(tmp_path / "large.mkv", 0.2, flat(lambda t: 100, (1600, 900)))
    playable(tmp_path / "large.mkv", tmp_path / "copy")
    info = probe(tmp_path / "copy")
    assert info.video is not None and (info.video.width, info.video.height) == (1280, 720) and info.audio is None


def test_a_copy_of_a_sound_is_a_wav(tmp_path):
    make_sound(tmp_path / "tone.flac", 1.0, tone(440))
    assert playable(tmp_path / "tone.flac", tmp_path / "copy") == "audio/wav"
    with wave.open(str(tmp_path / "copy")) as file:
        assert file.getframerate() == 48_000 and file.getnframes() == pytest.approx(48_000, abs=100)
    assert loudest_hz(read_waveform(tmp_path / "copy", 24_000).samples) == pytest.approx(440, abs=2)


def test_what_has_nothing_to_see_or_hear_is_refused(film, tmp_path):
    make_sound(tmp_path / "tone.wav", 0.5)
    make_mute(tmp_path / "mute.mkv", 0.2)
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    for call, error, reason in (
        (lambda: thumbnail(tmp_path / "tone.wav"), NoVideoTrack, "has nothing to see"),
        (lambda: sound_clip(tmp_path / "mute.mkv", 0.1), NoAudioTrack, "has no audio track"),
        (lambda: playable(tmp_path / "junk.mp4", tmp_path / "copy"), NotMedia, "not a video or sound file"),
        (lambda: thumbnail(tmp_path / "junk.mp4"), NotMedia, "not a video or sound file"),
        (lambda: thumbnail(film, short_side=0), OptionError, "short_side: must be from 8 to 4096"),
        (lambda: sound_clip(film, 0.0, 0.0), OptionError, "length_s: must be from 0 to 60"),
        (lambda: sound_clip(film, 0.0, float("nan")), OptionError, "length_s"),
        (lambda: playable(film, film), AvnetError, "is not overwritten"),
    ):
        with pytest.raises(error, match=reason):
            call()
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_clip_late_in_a_long_film_is_that_of_the_whole_sound_and_little_is_read(tmp_path, suffix):
    def sound(t):
        # A chord for each second: nothing else sounds like it.
        return 0.2 * np.sin(2 * np.pi * (200 + 13 * np.floor(t)) * t) + 0.1 * np.sin(2 * np.pi * 31 * np.floor(t) * t)

    film = make_video(tmp_path / f"film{suffix}", 90.0, ramp(2.0), sound, fps=2.0)
    whole = read_waveform(film, 24_000)
    for time_s in (3.0, 70.5, 89.9):
        expected = to_pcm(clip_about(whole, time_s, 1.0))
        clip = samples_of(sound_clip(film, time_s, 1.0))
        # Frames of sound start at whole milliseconds in some containers.
        products = np.correlate(clip[100:-100] / 32767, expected / 32767, "valid")
        assert products.max() > 0.95 * np.square(clip[100:-100] / 32767).sum()
        assert abs(int(products.argmax()) - 100) <= 24
    assert next(iterate_sound(film, 24_000, from_s=70.0)).start_s > 60.0

import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media.media_files import (
    click,
    flash,
    flat,
    make_mute,
    make_sound,
    make_video,
    number_of,
    ramp,
    silence,
    tone,
    turn_clockwise,
)
from PIL import Image

from avnet.media import iterate_frames, probe, read_frames, read_image, read_waveform, reader
from avnet.media.image import center_crop, resize_short_side

RATE = 48_000


@pytest.fixture(scope="module")
def numbered_film(tmp_path_factory):
    """50 frames at 25 per second; frame k has the number k."""
    return make_video(tmp_path_factory.mktemp("media") / "numbered.mp4")


def frequency(waveform):
    """Of the strongest line of a spectrum, Hz."""
    spectrum = np.abs(np.fft.rfft(waveform.samples * np.hanning(len(waveform.samples))))
    return float(np.argmax(spectrum)) * waveform.sample_rate / len(waveform.samples)


def level(samples):
    return float(np.sqrt(np.mean(np.square(samples))))


def test_probe_names_sizes_rates_and_times(numbered_film):
    info = probe(numbered_film)
    assert info.video and info.audio
    assert (info.video.width, info.video.height, info.video.fps) == (64, 48, 25)
    assert info.video.frame_period_s == 0.04
    assert info.audio.sample_rate == 44_100
    assert info.duration_s == pytest.approx(2.0, abs=0.05)


def test_frame_on_screen_is_the_last_that_has_begun(numbered_film):
    frames = read_frames(numbered_film, [0.0, 0.039, 0.041, 1.0, 1.5])
    assert [number_of(image) for image in frames.images] == [0, 0, 1, 25, 37]
    assert frames.times == pytest.approx([0.0, 0.0, 0.04, 1.0, 1.48])


def test_order_of_wanted_times_does_not_matter(numbered_film):
    times = np.array([1.7, 0.1, 0.9, 0.1, 1.3])
    any_order, in_order = read_frames(numbered_film, times), read_frames(numbered_film, np.sort(times))
    order = np.argsort(times, kind="stable")
    assert [number_of(image) for image in any_order.images] == [42, 2, 22, 2, 32]
    assert np.array_equal(any_order.times[order], in_order.times)
    assert all(np.array_equal(any_order.images[i], image) for i, image in zip(order, in_order.images, strict=True))


def test_times_outside_give_the_first_and_the_last_frame(numbered_film):
    frames = read_frames(numbered_film, [-5.0, 99.0])
    assert [number_of(image) for image in frames.images] == [0, 49]


def test_no_times_give_no_frames(numbered_film):
    assert read_frames(numbered_film, []).images == []


def test_iteration_yields_every_frame_in_order(numbered_film):
    result = [(time, number_of(image)) for time, image in iterate_frames(numbered_film)]
    assert [number for _, number in result] == list(range(50))
    assert [time for time, _ in result] == pytest.approx(np.arange(50) / 25)


def test_frames_far_apart_are_found_by_seeking(tmp_path):
    path = make_mute(tmp_path / "long.mp4", 60.0, flat(lambda t: 20 + 3 * t), fps=5.0, key_s=4.0)
    frames = read_frames(path, [3.0, 20.0, 20.1, 50.0, 59.0])
    assert [round((image.mean() - 20) / 3) for image in frames.images] == [3, 20, 20, 50, 59]
    assert frames.times == pytest.approx([3.0, 20.0, 20.0, 50.0, 59.0])


def pyramid(path, times):
    """A film with B-frames, some of which no other refers to, at given times; every frame can be told."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "medium", "bf": "3", "crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 + 4 * (i % 50), np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("seed", range(6))
def test_frames_that_are_passed_over_change_nothing(tmp_path, seed):
    rng = np.random.default_rng(seed)
    # Now and then a frame stays on screen for seconds.
    gaps = np.where(rng.random(200) < 0.05, rng.uniform(0.2, 3.0, 200), 0.04) if seed else np.full(200, 0.04)
    path = pyramid(tmp_path / "film.mp4", np.cumsum(gaps) - gaps[0])
    every = list(iterate_frames(path))
    starts = np.array([time for time, _ in every])
    ask = np.sort(rng.uniform(starts[0], starts[-1], 25))
    result = read_frames(path, ask)
    on_screen = np.searchsorted(starts, ask + 1e-9, side="right") - 1
    assert result.times == pytest.approx(starts[on_screen])
    assert [number_of(image) for image in result.images] == [number_of(every[i][1]) for i in on_screen]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize("start_s", [0.0, 100.0])
def test_a_jump_far_ahead_finds_the_very_frame_in_every_container(tmp_path, suffix, start_s):
    start_s = 0.0 if suffix == ".avi" else start_s
    path = make_mute(tmp_path / f"film{suffix}", 90.0, fps=10.0, key_s=7.0, video_start_s=start_s)
    every = [(time, number_of(image)) for time, image in iterate_frames(path)]
    starts = np.array([time for time, _ in every])
    for seed in range(8):
        ask = np.sort(np.random.default_rng(seed).uniform(starts[0], starts[-1], 3))
        result = read_frames(path, ask)
        on_screen = np.searchsorted(starts, ask, side="right") - 1
        assert result.times == pytest.approx(starts[on_screen])
        assert [number_of(image) for image in result.images] == [every[i][1] for i in on_screen]


def test_a_jump_does_not_pass_what_is_on_screen_for_long(tmp_path):
    path = pyramid(tmp_path / "slides.mp4", np.array([0, 1, 20, 40, 60, 61]))
    assert read_frames(path, [0.5, 19.0, 38.0, 59.0]).times == pytest.approx([0, 1, 20, 40])


def test_most_frames_that_no_other_refers_to_are_not_decoded(tmp_path, monkeypatch):
    path = pyramid(tmp_path / "film.mp4", np.arange(200) / 25)
    calls = []
    monkeypatch.setattr(reader, "is_usable", lambda frame: calls.append(frame) or frame is not None)
    read_frames(path, [7.9])
    assert len(calls) < 130


def test_short_side_scales_while_keeping_the_shape(numbered_film):
    assert read_frames(numbered_film, [0.0], short_side=24).images[0].shape == (24, 32, 3)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_in_the_header_is_applied(tmp_path, degrees):
    image = np.full((48, 64, 3), 20, np.uint8)
    image[:, :32] = 220
    path = turn_clockwise(make_mute(tmp_path / "phone.mp4", 0.2, lambda _: image), degrees)
    seen_pixels = read_frames(path, [0.0]).images[0].astype(int)
    expected = np.rot90(image, -degrees // 90).astype(int)
    assert seen_pixels.shape == expected.shape
    assert np.abs(seen_pixels - expected).mean() < 10


def test_pixels_become_square(tmp_path):
    path = make_mute(tmp_path / "wide.mp4", 0.2, aspect=Fraction(3, 2))
    assert read_frames(path, [0.0]).images[0].shape == (48, 96, 3)
    info = probe(path).video
    assert info and (info.width, info.height) == (96, 48)


def test_sound_that_begins_late_keeps_its_place(tmp_path):
    path = make_video(tmp_path / "late.mp4", image_at=flash(1.2), sound=click(1.2), audio_start_s=0.7)
    sound = read_waveform(path)
    assert sound.start_s == pytest.approx(0.7, abs=0.03)
    assert click_time(sound) == pytest.approx(1.2, abs=0.01)
    assert flash_time(path) == pytest.approx(1.2, abs=1e-6)


def test_image_that_begins_late_keeps_its_place(tmp_path):
    path = make_video(tmp_path / "late.mp4", image_at=flash(1.2), sound=click(1.2), video_start_s=0.72)
    assert read_frames(path, [0.0]).times == pytest.approx([0.72])
    assert flash_time(path) - click_time(read_waveform(path)) == pytest.approx(0.0, abs=0.01)


def click_time(sound):
    return sound.start_s + int(np.argmax(np.abs(sound.samples) > 0.2)) / sound.sample_rate


def flash_time(path):
    return next(time for time, image in iterate_frames(path) if image.mean() > 120)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".ts"])
def test_click_and_flash_coincide_in_every_container(tmp_path, suffix):
    path = make_video(tmp_path / f"clap{suffix}", image_at=flash(1.2), sound=click(1.2))
    assert flash_time(path) - click_time(read_waveform(path)) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("rate", [44_100, 22_050])
def test_resampling_keeps_the_frequency(tmp_path, rate):
    sound = read_waveform(make_sound(tmp_path / "tone.wav", rate=rate), RATE)
    assert frequency(sound) == pytest.approx(440, abs=1)
    assert len(sound.samples) == pytest.approx(RATE, abs=RATE // 100)
    assert level(sound.samples) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)


def test_channels_are_averaged(tmp_path):
    path = make_sound(tmp_path / "stereo.wav", sound=tone(level=0.4), right=silence)
    assert level(read_waveform(path).samples) == pytest.approx(0.2 / np.sqrt(2), rel=0.02)


def test_equal_channels_at_full_level_are_not_clipped(tmp_path):
    path = make_sound(tmp_path / "stereo.wav", sound=tone(level=0.9), right=tone(level=0.9))
    assert level(read_waveform(path).samples) == pytest.approx(0.9 / np.sqrt(2), rel=0.02)


def test_sound_that_changes_its_format_on_the_way_is_read_on(tmp_path):
    mono = make_video(tmp_path / "mono.ts", 1.0, rate=48_000)
    stereo = make_video(tmp_path / "stereo.ts", 1.0, right=tone(), video_start_s=1.0, audio_start_s=1.0)
    both = tmp_path / "both.ts"
    both.write_bytes(mono.read_bytes() + stereo.read_bytes())
    sound = read_waveform(both)
    assert sound.end_s == pytest.approx(2.0, abs=0.1)
    assert frequency(sound) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("suffix", [".wav", ".ogg", ".mp3", ".flac"])
def test_sound_files_are_read(tmp_path, suffix):
    path = make_sound(tmp_path / f"tone{suffix}")
    sound = read_waveform(path)
    assert sound.samples.dtype == np.float32 and sound.samples.ndim == 1
    assert frequency(sound) == pytest.approx(440, abs=2)
    assert probe(path).video is None


def test_cut_is_centred_and_padded_with_zeros(tmp_path):
    sound = read_waveform(make_sound(tmp_path / "click.wav", sound=click(0.5)))
    assert np.argmax(np.abs(sound.cut(0.5, 0.2)) > 0.2) == pytest.approx(0.1 * RATE, abs=48)
    ahead = sound.cut(-0.4, 1.0)
    assert len(ahead) == RATE and not ahead[: int(0.85 * RATE)].any()
    assert np.array_equal(ahead[int(0.9 * RATE) :], sound.samples[: RATE - int(0.9 * RATE)])
    assert not sound.cut(9.0, 1.0).any()


def test_upright_by_exif(tmp_path):
    pixels = np.full((40, 60, 3), 20, np.uint8)
    pixels[:, :30] = 220
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.fromarray(pixels).save(tmp_path / "phone.jpg", exif=exif)
    seen_pixels = read_image(tmp_path / "phone.jpg")
    assert seen_pixels.shape == (60, 40, 3)
    assert seen_pixels[:25].mean() > 200 and seen_pixels[35:].mean() < 40


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, 4:] = (10, 20, 30, 255)
    Image.fromarray(pixels).save(tmp_path / "cut.png")
    seen_pixels = read_image(tmp_path / "cut.png")
    assert (seen_pixels[:, :4] == 255).all() and (seen_pixels[:, 4:] == (10, 20, 30)).all()


def test_images_are_scaled_by_their_short_side_and_cropped_in_the_middle():
    image = np.arange(40 * 80 * 3, dtype=np.uint32).reshape(40, 80, 3).astype(np.uint8)
    assert resize_short_side(image, 20).shape == (20, 40, 3)
    assert resize_short_side(image, 20, max_aspect=1.5).shape == (20, 30, 3)
    assert resize_short_side(image, 40) is image
    assert np.array_equal(center_crop(image, 40), image[:, 20:60])


def test_names_that_look_like_protocols_or_options_are_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("concat:a.mp4", "-i.mp4", "%d.mp4", "ünï côde 猫.mp4"):
        (tmp_path / name).write_bytes(make_mute(tmp_path / "film.mp4", 0.2).read_bytes())
        assert len(list(iterate_frames(name))) == 5


def test_threads_do_not_grow_over_many_openings(numbered_film):
    def threads():
        return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else threading.active_count()

    def use():
        read_frames(numbered_film, [0.5])
        read_waveform(numbered_film)
        next(iterate_frames(numbered_film))

    use()
    before = threads()
    for _ in range(30):
        use()
    assert threads() <= before + 1


def test_log_level_of_the_decoder_is_left_alone():
    # With frame threads, PyAV's log callback can wait for the interpreter's lock for ever.
    result = subprocess.run(
        ["grep", "-rn", "logging.set_level", "--include=*.py", "avnet", "data", "eval", "train"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert result.stdout == ""


def test_ramp_tells_frames_apart():
    assert [number_of(ramp()(k / 25)) for k in range(50)] == list(range(50))

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avnet.media import write_video, write_wav
from eval.localization.cases import CaseReader
from eval.readers.scene import Corpus, Region, Scene

RATE = 48_000
BOX = (Region(np.array([[0.0, 0.0, 0.5, 0.5]])),)


def tone(frequency, seconds=1.6):
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def pitch(waveform):
    return np.argmax(np.abs(np.fft.rfft(waveform))) * RATE / len(waveform)


def video(folder, name, frequency, label, regions=BOX, seconds=1.6):
    """A clip whose grey level grows by the frame, with a tone; without sound for the frequency None."""
    images = [np.full((32, 48, 3), 5 * i, np.uint8) for i in range(int(seconds * 25))]
    path = folder / f"{name}.mp4"
    if frequency is None:
        write_video(path, images, 25)
    else:
        write_video(path, images, 25, tone(frequency, seconds), RATE)
    return Scene(name, path, path, label, (label,), regions, silent=frequency is None)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    return [
        video(folder, "low", 500, "low"),
        video(folder, "high", 3000, "high"),
        video(folder, "mute", None, "", ()),
    ]


def read(scenes, **options):
    reader = CaseReader(Corpus(list(scenes), []), 0.5, RATE, **options)
    return reader, list(reader)


def test_the_middle_frame_is_shown_with_its_own_sound(scenes):
    _, (low, high, _) = read(scenes)
    assert low.time_s == pytest.approx(0.8, abs=0.041)
    assert abs(int(low.image.mean()) - 100) <= 8
    assert low.waveform.shape == (RATE // 2,)
    assert pitch(low.waveform) == pytest.approx(500, abs=5)
    assert pitch(high.waveform) == pytest.approx(3000, abs=5)


def test_the_annotated_moment_is_shown_whatever_the_length_of_the_copy(scenes):
    with_moments = [replace(scene, moment_s=moment) for scene, moment in zip(scenes[:2], (0.4, 1.2), strict=True)]
    _, (low, high) = read(with_moments)
    assert low.time_s == pytest.approx(0.4, abs=0.041) and high.time_s == pytest.approx(1.2, abs=0.041)
    assert abs(int(low.image.mean()) - 50) <= 8 and abs(int(high.image.mean()) - 150) <= 8
    assert pitch(low.waveform) == pytest.approx(500, abs=5)
    reader, cases = read([replace(scenes[0], moment_s=5.0), scenes[1]])
    assert len(cases) == 1
    assert reader.unreadable == ["low: lasts 1.60 s; the frame that is annotated is the one at 5 s"]


def test_a_mismatched_sound_is_that_of_the_other_class(scenes):
    reader, (low, high, mute) = read(scenes)
    assert pitch(low.mismatched) == pytest.approx(3000, abs=5)
    assert pitch(high.mismatched) == pytest.approx(500, abs=5)
    assert mute.mismatched is not None
    assert reader.without_partner == []


def test_a_video_that_is_known_to_be_silent_has_silence_for_its_sound(scenes):
    _, (_, _, mute) = read(scenes)
    np.testing.assert_array_equal(mute.waveform, np.zeros(RATE // 2))


def test_several_frames_are_evenly_spaced(scenes):
    _, cases = read(scenes[:1], frames=4)
    np.testing.assert_allclose([case.time_s for case in cases], [0.2, 0.6, 1.0, 1.4], atol=0.041)


def test_scenes_without_a_partner_are_named(scenes):
    reader, (case,) = read(scenes[:1])
    assert case.mismatched is None
    assert reader.without_partner == ["low"]


def test_what_cannot_be_read_is_named_with_the_reason_and_the_rest_goes_on(scenes, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    mute = scenes[2].image
    odd = [
        Scene("broken", broken, broken, "low", ("low",), BOX),
        Scene("quiet", mute, mute, "x", ("x",), BOX),
    ]
    reader, cases = read([*odd, *scenes[:2]])
    assert [case.scene.name for case in cases] == ["low", "high"]
    assert [entry.split(":")[0] for entry in reader.unreadable] == ["broken", "quiet"]
    assert "no audio track" in reader.unreadable[1]


def test_a_partner_that_cannot_be_read_is_passed_over(scenes, tmp_path):
    missing = Scene("gone", Path(tmp_path / "gone.mp4"), Path(tmp_path / "gone.mp4"), "other", ("other",), BOX)
    for seed in range(4):
        _, cases = read([scenes[0], missing, scenes[1]], seed=seed)
        assert pitch(cases[0].mismatched) == pytest.approx(3000, abs=5)


def test_a_image_goes_with_the_middle_of_its_sound(tmp_path):
    Image.fromarray(np.full((20, 30, 3), 200, np.uint8)).save(tmp_path / "p.png")
    write_wav(
        tmp_path / "p.wav",
        np.concatenate([np.zeros(RATE, np.float32), tone(500, 1.0), np.zeros(RATE, np.float32)]),
        RATE,
    )
    scene = Scene("p", tmp_path / "p.png", tmp_path / "p.wav", "", (), BOX, agreement=2)
    _, (case,) = read([scene])
    assert case.image.shape == (20, 30, 3)
    assert case.time_s == 0.0
    assert pitch(case.waveform) == pytest.approx(500, abs=5)


def test_reading_twice_gives_the_same(scenes):
    reader, first = read(scenes)
    again = list(reader)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.noise, b.noise)
        np.testing.assert_array_equal(a.mismatched, b.mismatched)

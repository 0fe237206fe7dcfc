import json
import subprocess

import numpy as np
import pytest
from PIL import Image

from avnet.errors import ConfigError, DataError
from avnet.media.write import write_wav
from data.clips import stamps as module
from data.clips.config import StampsConfig
from data.clips.shapes import draw, sound
from data.clips.stamps import choose_stamps, distances, find_stamps, stamps, timbre

RATE = 48_000


def add(folder, name, number, seed=0, samples=None, size=None):
    """A stamp as the package has it: image, sound of the thing, and its spoken description."""
    folder.mkdir(parents=True, exist_ok=True)
    image = draw(np.random.default_rng(seed), number)
    (image.resize(size) if size else image).save(folder / f"{name}.png")
    samples = sound(np.random.default_rng(seed), number) if samples is None else samples
    write_wav(folder / f"{name}.wav", samples, RATE)
    write_wav(folder / f"{name}_desc_fr.wav", np.random.default_rng(1).normal(0, 0.1, RATE), RATE)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(("dog", "cat", "bell", "horn")):
        add(tmp_path / "stamps" / "things", name, number)
    return tmp_path / "stamps"


def reasons(skipped):
    return {item.path.name: item.reason for item in skipped}


def test_stamps_with_a_sound_of_their_own_become_classes(folder):
    Image.new("RGB", (99, 99)).save(folder / "mute.png")
    choice, skipped = choose_stamps(folder, 30)
    assert [stamp.name for stamp in choice] == ["bell", "cat", "dog", "horn"]
    assert [stamp.sound.name for stamp in choice] == ["bell.wav", "cat.wav", "dog.wav", "horn.wav"]
    assert not skipped


def test_spoken_and_signal_folders_are_left_out(folder):
    for place in ("symbols/math", "town/flags", "seasonal/hanukkah", "military", "space"):
        add(folder / place, "other", 7)
    assert len(choose_stamps(folder, 30)[0]) == 4


def test_poor_images_and_sounds_are_listed_with_their_reasons(folder):
    tone = sound(np.random.default_rng(0), 8)
    add(folder / "x", "small", 8, size=(60, 60))
    add(folder / "x", "long", 8, size=(400, 40))
    add(folder / "x", "short", 8, samples=tone[: RATE // 5])
    add(folder / "x", "silent", 8, samples=np.zeros(RATE))
    add(folder / "x", "quiet", 8, samples=0.02 * tone)
    faint = draw(np.random.default_rng(0), 8)
    add(folder / "x", "faint", 8)
    faint.putalpha(Image.fromarray(np.asarray(faint.getchannel("A")) // 8))
    faint.save(folder / "x" / "faint.png")
    choice, skipped = choose_stamps(folder, 30)
    assert len(choice) == 4
    result = reasons(skipped)
    assert set(result) == {"small.png", "long.png", "short.wav", "silent.wav", "quiet.wav", "faint.png"}
    assert "pixels are needed" in result["small.png"] and "too quiet" in result["quiet.wav"]


def test_one_stamp_stands_for_a_kind(folder):
    add(folder / "things", "dog_brown", 9, samples=sound(np.random.default_rng(0), 9)[: RATE // 2])
    choice, skipped = choose_stamps(folder, 30)
    assert [stamp.image.name for stamp in choice if stamp.name == "dog"] == ["dog.png"]
    assert reasons(skipped) == {"dog_brown.png": "is of the same kind as dog.png"}


def test_sounds_that_are_alike_are_not_two_classes(folder):
    add(folder / "things", "wolf", 5, samples=0.5 * sound(np.random.default_rng(0), 0)[:-4800])
    choice, skipped = choose_stamps(folder, 30)
    assert "wolf" not in {stamp.name for stamp in choice}
    assert reasons(skipped)["wolf.wav"].startswith("sounds like dog (distance 0.")


def test_the_classes_that_are_kept_differ_most(folder):
    add(folder / "things", "wolf", 0, seed=5)
    five, _ = choose_stamps(folder, 5)
    three, _ = choose_stamps(folder, 3)
    assert len(three) == 3 and {s.name for s in three} <= {s.name for s in five}
    assert distances(three).min() >= distances(five).min()


def test_timbre_does_not_depend_on_loudness():
    waveform = sound(np.random.default_rng(0), 1)
    assert timbre(waveform) == pytest.approx(timbre(0.1 * waveform), abs=1e-4)


def test_command_composes_what_it_chose(folder, tmp_path):
    options = {"width": 64, "height": 64, "fps": 5.0, "duration_s": 0.4, "clips": 6, "workers": 1}
    summary = stamps(StampsConfig(stamps=folder, out=tmp_path / "out", classes=3, **options))
    assert summary.classes == 3 and len(list(tmp_path.glob("out/*/*.mp4"))) == 6
    assert len(json.loads((tmp_path / "out" / "compose.json").read_text())["skipped"]) == 1


def test_shapes_stand_in_where_there_are_no_stamps(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "find_stamps", lambda: None)
    options = {"width": 64, "height": 64, "fps": 5.0, "duration_s": 0.4, "clips": 4, "workers": 1}
    config = StampsConfig(out=tmp_path / "out", classes=3, **options)
    assert stamps(config).classes == 3
    assert "drawn shapes" in capsys.readouterr().err
    assert stamps(config).new == 0


def test_refuses_a_folder_without_stamps_and_options_that_cannot_be(tmp_path):
    with pytest.raises(DataError, match="not a folder of stamps"):
        choose_stamps(tmp_path / "nowhere", 30)
    with pytest.raises(DataError, match="no stamps with sounds"):
        choose_stamps(tmp_path, 30)
    with pytest.raises(ConfigError, match="--classes"):
        StampsConfig(out=tmp_path, classes=1)
    with pytest.raises(ConfigError, match="--holdout"):
        StampsConfig(out=tmp_path, holdout=(0.1, 0.3))


def test_installed_and_fetched_stamps_are_found_without_fetching(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("fetched"))
    (tmp_path / "installed").mkdir()
    assert find_stamps(tmp_path / "installed", tmp_path / "cache") == tmp_path / "installed"
    package_folder = tmp_path / "cache" / "tuxpaint-stamps-default" / "usr/share/tuxpaint/stamps"
    package_folder.mkdir(parents=True)
    assert find_stamps(tmp_path / "missing", tmp_path / "cache") == package_folder


def test_package_is_fetched_and_unpacked_into_the_cache(tmp_path, monkeypatch):
    def run(command, cwd=tmp_path, **_):
        if "download" in command:
            (cwd / "tuxpaint-stamps-default_1_all.deb").write_text("x")
        if command[0] == "dpkg":
            (command[3] / "usr/share/tuxpaint/stamps").mkdir(parents=True)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    result = find_stamps(tmp_path / "missing", tmp_path / "cache")
    assert result == tmp_path / "cache" / "tuxpaint-stamps-default" / "usr/share/tuxpaint/stamps"
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["tuxpaint-stamps-default"]


@pytest.mark.parametrize("failure", ["nothing comes", "no apt-get"])
def test_without_a_network_or_apt_there_are_no_stamps(tmp_path, monkeypatch, failure):
    def run(command, **_):
        if failure == "no apt-get":
            raise FileNotFoundError(command[0])
        return subprocess.CompletedProcess(command, 100)

    monkeypatch.setattr(subprocess, "run", run)
    assert find_stamps(tmp_path / "missing", tmp_path / "cache") is None
    assert list((tmp_path / "cache").iterdir()) == []

"""Descriptions of images in speech, and `avnet describe`, with a tiny describer."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from media.exif import ODD, exif, photo
from PIL import Image
from spoken.vowels import vowels
from spoken.world import VOWELS, World, noise_image

from avnet.apps.descriptions.describe import describe
from avnet.apps.descriptions.options import DescribeOptions
from avnet.apps.descriptions.spoken import sign
from avnet.apps.inputs import ImageInput
from avnet.audio.pcm import SPEECH_RATE
from avnet.cli.describe import DescribeConfig, play
from avnet.cli.describe import run as run_command
from avnet.describer.describer import Describer
from avnet.describer.settings import Settings
from avnet.errors import AvnetError, ConfigError, DataError, OptionError
from avnet.events import LeftOut, Progress
from avnet.media import read_waveform, write_wav
from avnet.media.image import read_image
from avnet.pages.descriptions.listing import write_descriptions
from avnet.program.streams import show_any_name
from data.spoken.corpus import open_corpus
from train.demo import spoken as demo_spoken

pytestmark = pytest.mark.usefixtures("tiny")


def run(world: World, out: Path, *images: Path, **options) -> list[dict[str, Any]]:
    settings: dict[str, Any] = {"figures": False, "candidates": 2, **options}
    run_command(DescribeConfig(model=str(world.model), images=images, out=out, **settings))
    return json.loads((out / "descriptions.json").read_text())


def test_the_program_writes_sound_figure_and_listing_and_goes_on_after_a_damaged_image(world, tmp_path, capsys):
    images = tmp_path / "images"
    images.mkdir()
    for kind in (0, 2):
        Image.fromarray(noise_image(kind, 9)).save(images / f"{kind}.png")
    (images / "1.jpg").write_bytes(b"no image")
    rows = run(world, tmp_path / "out", images, threshold=0.0, figures=True)
    output = capsys.readouterr()
    assert "left out:" in output.err and "1.jpg" in output.err
    lines = output.out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [str(images / "0.png"), str(images / "2.png"), "results"]
    assert [Path(row["image"]).name for row in rows] == ["0.png", "2.png"] and rows[0]["units"] != rows[1]["units"]
    for row, name in zip(rows, ("0", "2"), strict=True):
        assert row["sure"] and row["sound"] == f"{name}.wav" and row["candidates"] >= 1
        assert row == json.loads((tmp_path / "out" / f"{name}.json").read_text())
        sound = read_waveform(tmp_path / "out" / row["sound"], SPEECH_RATE).samples
        assert len(sound) / SPEECH_RATE == pytest.approx(row["seconds"], abs=0.01)
        assert np.asarray(read_image(tmp_path / "out" / f"{name}.png")).std() > 10
    page = (tmp_path / "out" / "descriptions.html").read_text()
    assert page.count("<audio") == 2 and 'src="2.wav"' in page and page.count("<img") == 2
    with pytest.raises(AvnetError):
        run(world, tmp_path / "none", images / "1.jpg")
    run(world, tmp_path / "out", images / "0.png", unsure="silent", threshold=1.0)
    assert not (tmp_path / "out" / "0.wav").exists()  # that of the run before


def test_results_of_images_of_one_name_lie_beside_each_other(world, tmp_path):
    for folder, name in (("a", "p.png"), ("b", "P.png"), ("b", "descriptions.png")):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.fromarray(noise_image(0, 9)).save(tmp_path / folder / name)
    rows = run(world, tmp_path / "out", tmp_path / "a", tmp_path / "b", candidates=1, threshold=0.0)
    assert sorted(row["sound"] for row in rows) == ["P-2.wav", "descriptions-2.wav", "p.wav"]


def test_images_with_long_odd_names_or_sides_and_broken_exif_do_not_end_the_run(world, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    names = ["n" * 200, "n" * 235, "n" * 251, "猫" * 83, "caf\udce9"]
    for name in names:
        Image.fromarray(noise_image(0, 9)).save(folder / f"{name}.png")
    for width, height in ((1, 1), (1, 500), (500, 1)):
        Image.new("RGB", (width, height)).save(folder / f"{width}x{height}.png")
    photo(folder / "odd.jpg", exif(ODD["a resolution in letters"]))
    (folder / "torn.jpg").write_bytes((folder / "odd.jpg").read_bytes()[:200])
    (out / "1x1.json").mkdir(parents=True)  # in the way of a result
    show_any_name()  # as every program does
    rows = run(world, out, folder, candidates=1, threshold=0.0, figures=True)
    assert len(rows) == 8 and len({row["sound"].lower() for row in rows}) == 8
    assert all((out / row["sound"]).is_file() for row in rows)
    err = capsys.readouterr().err
    assert err.count("left out:") == 2 and "torn.jpg" in err and "1x1.json: cannot be written" in err


def test_the_listing_tells_of_what_was_done_before_the_run_ended(world, tmp_path):
    for name in "abc":
        Image.fromarray(noise_image(0, 9)).save(tmp_path / f"{name}.png")
    described = describe(world.model, [tmp_path / f"{name}.png" for name in "abc"], DescribeOptions(candidates=1))

    def interrupted():
        yield next(described)
        raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        write_descriptions(interrupted(), tmp_path / "out", figures=False)
    (row,) = json.loads((tmp_path / "out" / "descriptions.json").read_text())
    assert Path(row["image"]).name == "a.png"


def test_what_cannot_be_written_several_times_in_a_row_ends_the_run(world, tmp_path):
    image, out = tmp_path / "a.png", tmp_path / "out"
    Image.fromarray(noise_image(0, 9)).save(image)
    for number in ("", *(f"-{n}" for n in range(2, 8))):
        (out / f"a{number}.json").mkdir(parents=True)
    sources: list[ImageInput] = [image] * 7
    with pytest.raises(AvnetError, match=r"a-5\.json: cannot be written"):
        write_descriptions(describe(world.model, sources, DescribeOptions(candidates=1)), out, figures=False)
    with pytest.raises(AvnetError, match=r"a\.json: cannot be written"):
        write_descriptions(describe(world.model, sources[:1], DescribeOptions(candidates=1)), out, figures=False)


def test_arrays_are_described_without_printing_and_what_is_left_out_is_an_event(world, tmp_path, capsys):
    image = noise_image(2, 9)
    Image.fromarray(image).save(tmp_path / "p.png")
    (tmp_path / "junk.png").write_bytes(b"no image")
    events = []
    describer, options = Describer.load(world.model), DescribeOptions(candidates=1, threshold=0.0)
    sources = [image, tmp_path / "p.png", tmp_path / "junk.png"]
    by_array, by_file = describe(describer, sources, options, events.append)
    assert by_array.file is None and by_file.file == str(tmp_path / "p.png") and np.array_equal(by_file.image, image)
    assert by_array.description.units.tolist() == by_file.description.units.tolist()
    assert by_array.sure and by_array.sound is not None and len(by_array.sound) == by_array.duration_s * SPEECH_RATE
    left_out = [event.refusal.subject for event in events if isinstance(event, LeftOut)]
    assert left_out == [str(tmp_path / "junk.png")]
    assert [event.count for event in events if isinstance(event, Progress)] == [0, 1, 2, 3]
    assert capsys.readouterr() == ("", "")
    with pytest.raises(OptionError, match="voice"):
        describe(describer, [image], DescribeOptions(voice=tmp_path))


@pytest.mark.parametrize("unsure", ["spoken", "silent", "error"])
def test_an_unsure_description_is_spoken_after_a_sign_kept_silent_or_an_error(world, tmp_path, unsure):
    Image.fromarray(noise_image(1, 9)).save(tmp_path / "p.png")
    try:
        (row,) = run(world, tmp_path / "out", tmp_path / "p.png", unsure=unsure, threshold=1.0)
        assert unsure != "error"
    except AvnetError as error:
        assert unsure == "error" and "is described without confidence (1 of 1 images)" in str(error)
        (row,) = json.loads((tmp_path / "out" / "descriptions.json").read_text())
    assert not row["sure"] and (row["sound"] is None) == (unsure != "spoken") and row["units"]
    assert (tmp_path / "out" / "p.wav").exists() == (unsure == "spoken")
    if row["sound"]:
        sound = read_waveform(tmp_path / "out" / "p.wav", SPEECH_RATE).samples
        assert len(sound) - len(sign()) == pytest.approx(row["seconds"] * SPEECH_RATE, abs=0.01 * SPEECH_RATE)
        assert sound[: len(sign())] == pytest.approx(sign(), abs=1e-3)


def test_another_voice_says_the_same_units(world, tmp_path):
    voice = tmp_path / "voice"
    voice.mkdir()
    for number in range(4):
        write_wav(voice / f"{number}.wav", 0.5 * vowels(VOWELS[number], seed=900 + number), SPEECH_RATE)
    Image.fromarray(noise_image(3, 9)).save(tmp_path / "p.png")
    (ours,) = run(world, tmp_path / "ours", tmp_path / "p.png", candidates=1, threshold=0.0)
    (theirs,) = run(world, tmp_path / "theirs", tmp_path / "p.png", voice=voice, candidates=1, threshold=0.0)
    assert ours["units"] == theirs["units"] and theirs["seconds"] > 0.1
    first, second = (read_waveform(tmp_path / name / "p.wav", SPEECH_RATE).samples for name in ("ours", "theirs"))
    assert np.abs(second).max() < 0.8 * np.abs(first).max()
    (own,) = run(world, tmp_path / "own", tmp_path / "p.png", voice=world.corpus, candidates=1, threshold=0.0)
    assert own["units"] == ours["units"] and own["seconds"] == pytest.approx(ours["seconds"], abs=0.2)
    with pytest.raises(DataError, match="does not exist"):
        run(world, tmp_path / "x", tmp_path / "p.png", voice=tmp_path / "nowhere")


def test_results_are_not_written_over_images(world, tmp_path):
    Image.fromarray(noise_image(1, 9)).save(tmp_path / "p.png")
    (tmp_path / "p.wav").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="choose another folder"):
        run(world, tmp_path, tmp_path / "p.png", unsure="silent")
    assert (tmp_path / "p.wav").read_bytes() == b"mine" and len(list(tmp_path.iterdir())) == 2


def test_the_demo_s_page_plays_descriptions_beside_what_people_said(world, tmp_path, capsys):
    (tmp_path / demo_spoken.CORPUS).symlink_to(world.corpus)
    demo_spoken.speak(world.model, tmp_path)
    page = demo_spoken.spoken_section(tmp_path)
    assert page.count("a person, of") == 4 and page.count('src="descriptions/') == 4 and "shuffled images" in page
    assert "among 4 held-out stamps" in page and "Recall" in capsys.readouterr().out
    assert not demo_spoken.can_speak(tmp_path)


def test_options_that_cannot_be_are_refused():
    for change in (
        {"threshold": 1.5},
        {"threshold": float("nan")},
        {"candidates": 0},
        {"temperature": -1.0},
        {"seed": -1},
    ):
        with pytest.raises(ConfigError):
            DescribeOptions(**cast(dict[str, Any], change))
    for change in ({"candidates": 0}, {"top_k": 0}, {"temperature": -1.0}, {"consensus": -1.0}, {"reward": -1.0}):
        with pytest.raises(ConfigError):
            Settings(**cast(dict[str, Any], change))


def test_a_description_is_played_and_a_player_that_fails_is_named(world, tmp_path):
    describer, image = Describer.load(world.model), open_corpus(world.corpus).image(0)
    play(describer.stream(image), ("dd", f"of={tmp_path / 'played'}", "status=none"))
    assert (tmp_path / "played").stat().st_size == 2 * sum(map(len, describer.stream(image))) > 0
    with pytest.raises(ConfigError, match="false failed"):
        play(describer.stream(image), ("false",))


def test_playing_does_not_go_with_silence(world, tmp_path):
    with pytest.raises(OptionError, match="play"):
        DescribeConfig(model=str(world.model), images=(tmp_path,), out=tmp_path, unsure="silent", play=True)

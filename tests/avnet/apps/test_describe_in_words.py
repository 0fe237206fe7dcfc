"""Descriptions of images in words, and `avnet describe` of a text describer: of random weights, and so of nonsense."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_of_each import save_describer, save_text_describer, text_parts
from PIL import Image
from stand_in_flite import TONE, StandInFlite

import avnet
from avnet.apps.descriptions.options import DescribeOptions
from avnet.apps.descriptions.spoken import sign
from avnet.apps.descriptions.written import WrittenImage
from avnet.apps.info import info
from avnet.audio.pcm import SPEECH_RATE
from avnet.cli.describe import DescribeConfig
from avnet.cli.describe import run as run_command
from avnet.describer.text_describer import TextDescriber
from avnet.errors import AvnetError, DataError, ModelFolderError, OptionError
from avnet.events import LeftOut
from avnet.media import read_image, read_waveform
from avnet.units.words import sentence

WORDS = ("", "a", "dog", "does", "n't", "run")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("words") / "model"
    save_text_describer(folder, replace(text_parts(pieces=len(WORDS)), words=WORDS))
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for name in ("garden", "sea"):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def flite(tmp_path, monkeypatch) -> StandInFlite:
    return StandInFlite(tmp_path / "bin", monkeypatch)


def run(model: Path, out: Path, *images: Path, **options: Any) -> list[dict[str, Any]]:
    settings: dict[str, Any] = {"figures": False, "threshold": 0.0, **options}
    run_command(DescribeConfig(model=str(model), images=images, out=out, **settings))
    return json.loads((out / "descriptions.json").read_text())


class Shown(HTMLParser):
    """Tags of a page and the text in it."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_the_program_writes_sentences_alternatives_figures_and_a_page(model, images, tmp_path, capsys):
    (tmp_path / "torn.png").write_bytes(b"no image")
    rows = run(model, tmp_path / "out", images, tmp_path / "torn.png", figures=True)
    output = capsys.readouterr()
    assert "left out:" in output.err and "torn.png" in output.err
    assert [Path(row["image"]).name for row in rows] == ["garden.png", "sea.png"]
    names = {file.name for file in (tmp_path / "out").iterdir() if not file.name.startswith(".")}
    assert names == {"descriptions.json", "descriptions.html", "garden.json", "garden.png", "sea.json", "sea.png"}
    shown = Shown((tmp_path / "out" / "descriptions.html").read_text())
    assert shown.tags.count("img") == 2 and "audio" not in shown.tags and "Written descriptions" in shown.text
    for line, row, name in zip(output.out.splitlines(), rows, ("garden", "sea"), strict=False):
        assert line == f"{images / name}.png: {row['text']} (confidence {row['confidence']:.2f})"
        assert row == json.loads((tmp_path / "out" / f"{name}.json").read_text())
        assert row["sure"] and row["sound"] is row["seconds"] is row["region"] is None and row["words"]
        assert set(row["words"]) <= set(WORDS[1:]) and row["text"] == sentence(row["words"])
        assert row["alternatives"][0] == {name: row[name] for name in ("text", "probability", "log_probability")}
        assert 1 < len(row["alternatives"]) <= 10
        assert sum(one["probability"] for one in row["alternatives"]) == pytest.approx(1, abs=1e-5)
        assert all(one["text"] in shown.text for one in row["alternatives"])
        assert np.asarray(read_image(tmp_path / "out" / f"{name}.png")).std() > 10


def test_arrays_and_files_are_described_alike_and_without_printing(model, images, tmp_path, capsys):
    describer, events = avnet.load(model), []
    assert isinstance(describer, avnet.TextDescriber)
    image = read_image(images / "sea.png")
    (tmp_path / "junk.png").write_bytes(b"no image")
    sources = [image, images / "sea.png", tmp_path / "junk.png"]
    by_array, by_file = avnet.describe(describer, sources, DescribeOptions(threshold=0.0), events.append)
    assert isinstance(by_file, WrittenImage) and by_array.file is None and by_file.file == str(images / "sea.png")
    assert by_array.text == by_file.text == by_file.description.text and by_file.form == "text"
    assert by_file.sound is by_file.duration_s is None
    assert [event.refusal.subject for event in events if isinstance(event, LeftOut)] == [str(tmp_path / "junk.png")]
    assert capsys.readouterr() == ("", "")
    (sampled,) = avnet.describe(describer, [image], DescribeOptions(method="sample", candidates=8, seed=1))
    assert len({one.text for one in sampled.description.alternatives}) > 1


@pytest.mark.parametrize("form", ["speech", "both"])
def test_text_is_spoken_by_flite(model, images, tmp_path, flite, capsys, form):
    (row,) = run(model, tmp_path / "out", images / "sea.png", as_=form)
    assert flite.said == [row["text"]] and row["sound"] == "sea.wav" and row["seconds"] == len(TONE) / SPEECH_RATE
    assert read_waveform(tmp_path / "out" / "sea.wav", SPEECH_RATE).samples == pytest.approx(TONE, abs=1e-3)
    shown, line = Shown((tmp_path / "out" / "descriptions.html").read_text()), capsys.readouterr().out.splitlines()[0]
    assert shown.tags.count("audio") == 1 and "0.5 s, confidence" in line
    assert (row["text"] in shown.text) == (f"{row['text']} (0.5 s" in line) == (form == "both")


def test_what_flite_cannot_say_is_left_out_and_without_flite_nothing_begins(
    model, images, tmp_path, flite, monkeypatch, capsys
):
    (flite.folder / "flite").write_text((flite.folder / "flite").read_text().replace("*FAILS*", "*"))
    with pytest.raises(DataError, match=r"flite: ended with code 3 \(none of 2 inputs could be used\)"):
        run(model, tmp_path / "out", images, as_="both")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"flite: is not installed \(apt-get install flite\)"):
        run(model, tmp_path / "none", images, as_="speech")
    assert not (tmp_path / "none").exists()
    assert run(model, tmp_path / "text", images, as_="text")


@pytest.mark.parametrize("unsure", ["spoken", "silent", "error"])
def test_an_unsure_description_is_marked_kept_silent_or_an_error(model, images, tmp_path, flite, unsure, capsys):
    describer = TextDescriber.load(model)
    (one,) = avnet.describe(describer, [images / "sea.png"])
    out = tmp_path / "out"
    above = min(1.0, one.description.confidence + 0.01)
    assert one.description.confidence < above
    try:
        (row,) = run(model, out, images / "sea.png", unsure=unsure, threshold=above, as_="both")
        assert unsure != "error"
    except AvnetError as error:
        assert unsure == "error" and "is described without confidence (1 of 1 images)" in str(error)
        (row,) = json.loads((out / "descriptions.json").read_text())
    line = capsys.readouterr().out.splitlines()[0]
    assert not row["sure"] and row["words"] and row["alternatives"] and "unsure" in line
    page = (out / "descriptions.html").read_text()
    assert "unsure" in page and ("kept silent" in page) == ("kept silent" in line) == (unsure != "spoken")
    if unsure == "spoken":
        sound = read_waveform(out / "sea.wav", SPEECH_RATE).samples
        assert row["text"] == one.text and len(sound) == len(sign()) + len(TONE) and row["seconds"] == 0.5
    else:
        assert row["text"] is row["sound"] is row["seconds"] is None and not flite.said
        assert row["alternatives"][0]["text"] not in page


def test_a_part_of_each_image_is_described_alone(model, images, tmp_path):
    (row,) = run(model, tmp_path / "out", images / "sea.png", describe_region=(0.5, 0.0, 0.5, 1.0), figures=True)
    assert row["region"] == [0.5, 0.0, 1.0, 1.0] and len(row["words"]) <= 12
    assert "of the region in the box" in (tmp_path / "out" / "descriptions.html").read_text()


def test_regions_of_a_file_are_taken_by_the_names_of_images(images, tmp_path):
    parts = replace(text_parts(pieces=len(WORDS), regions="file"), words=WORDS)
    save_text_describer(tmp_path / "model", parts)
    (tmp_path / "regions").mkdir()
    rng = np.random.default_rng(0)
    boxes = np.array([[0, 0, 20, 40], [20, 0, 40, 40]], np.float32)
    np.savez(tmp_path / "regions" / "sea.npz", features=rng.normal(size=(2, 8)).astype(np.float32), boxes=boxes)
    (row,) = run(tmp_path / "model", tmp_path / "out", images / "sea.png", regions=tmp_path / "regions")
    assert row["text"]
    with pytest.raises(OptionError, match="regions: is missing"):
        run(tmp_path / "model", tmp_path / "none", images / "sea.png")
    with pytest.raises(DataError, match=r"has no regions of the image 'garden\.png'"):
        run(tmp_path / "model", tmp_path / "none", images / "garden.png", regions=tmp_path / "regions")


def test_options_of_the_other_kind_of_describer_and_other_models_are_refused(model, images, tmp_path):
    with pytest.raises(OptionError, match="voice: goes with a describer that speaks; this one writes"):
        run(model, tmp_path / "out", images, voice=tmp_path)
    with pytest.raises(OptionError, match="play: goes with a describer that speaks; this one writes"):
        avnet.describe(model, [images / "sea.png"], play=lambda parts: None)
    save_describer(tmp_path / "speaks")
    for form in ("text", "both"):
        with pytest.raises(OptionError, match=r"as: goes with a describer that writes .*; this one speaks"):
            run(tmp_path / "speaks", tmp_path / "out", images, as_=form)
    with pytest.raises(ModelFolderError, match="is a backbone, not a describer or a text describer"):
        run(model / "backbone", tmp_path / "out", images)
    assert not (tmp_path / "out").exists()


def test_the_rest_of_a_notebook_shows_it_too(model, images, flite):
    options = DescribeOptions(threshold=0.0, as_="both")
    (one,) = avnet.describe(model, [images / "sea.png"], options)
    shown = Shown(one._repr_html_())
    assert shown.tags.count("img") == shown.tags.count("audio") == 1
    assert all(text in shown.text for text in (one.text, "sea.png", one.description.alternatives[1].text))
    assert "kept silent" in replace(one, silent=True, sound=None)._repr_html_()
    assert one.text not in replace(one, form="speech")._repr_html_()


def test_info_tells_its_captioner_its_words_and_how_good_it_is(model):
    facts = info(model).facts
    assert facts["text describer"].startswith(str(model)) and facts["words"] == "5"
    assert facts["captioner"] == "recurrent" and facts["CIDEr-D"] == "0.5"

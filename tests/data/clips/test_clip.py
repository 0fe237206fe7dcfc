import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avnet.errors import ConfigError
from avnet.media.audio import read_waveform
from avnet.media.video import iterate_frames
from data.clips.clip import Recipe, cast, make_clip
from data.clips.config import ClipConfig
from data.clips.shapes import ShapesConfig, shapes
from data.clips.sources import ClassFiles
from data.splits import SPLITS


@pytest.fixture(scope="module")
def things(tmp_path_factory):
    """Six classes of shapes."""
    out = tmp_path_factory.mktemp("shapes") / "things"
    return shapes(ShapesConfig(out=out, classes=6, images=2, sounds=1))


def recipe(things, out, **options):
    for split in SPLITS:
        (out / split).mkdir(exist_ok=True)
    options = {"width": 160, "height": 128, "fps": 10.0, "duration_s": 1.0, **options}
    return Recipe(ClipConfig(**options), dict.fromkeys(SPLITS, things), dict.fromkeys(SPLITS, ()), out)


def truth_of(plan, split, index):
    return json.loads(plan.file(split, index).with_suffix(".json").read_text())


def frames_of(plan, split, index):
    return [image.astype(float) for _, image in iterate_frames(plan.file(split, index))]


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_clip_is_a_function_of_seed_split_and_index_alone(things, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = recipe(things, tmp_path / "a"), recipe(things, tmp_path / "b")
    for index in (0, 1, 2):
        make_clip(first, "train", index)
    for index in (2, 0, 1):
        make_clip(second, "train", index)
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_seed_split_and_index_each_change_the_clip(things, tmp_path):
    plan = recipe(things, tmp_path)
    for split, index in (("train", 0), ("train", 1), ("test", 0)):
        make_clip(plan, split, index)
    contents = {plan.file(*key).read_bytes() for key in (("train", 0), ("train", 1), ("test", 0))}
    (tmp_path / "other").mkdir()
    other = recipe(things, tmp_path / "other", seed=1)
    make_clip(other, "train", 0)
    assert len(contents | {other.file("train", 0).read_bytes()}) == 4


def test_a_clip_that_is_there_is_not_made_again(things, tmp_path):
    plan = recipe(things, tmp_path)
    assert make_clip(plan, "train", 0)
    before = plan.file("train", 0).stat().st_mtime_ns
    assert not make_clip(plan, "train", 0)
    assert plan.file("train", 0).stat().st_mtime_ns == before


def test_truth_has_the_agreed_fields(things, tmp_path):
    plan = recipe(things, tmp_path, off_screen=0, silence=0, seed=7)
    make_clip(plan, "validation", 3)
    truth = truth_of(plan, "validation", 3)
    fields = ["file", "split", "seed", "width", "height", "fps", "duration_s", "sound", "objects"]
    assert list(truth) == fields
    assert truth["file"] == "validation_000003.mp4" and truth["split"] == "validation" and truth["seed"] == 7
    assert (truth["width"], truth["height"], truth["fps"], truth["duration_s"]) == (160, 128, 10, 1)
    name = truth["sound"]["class"]
    assert truth["sound"] == {"class": name, "file": f"{name}_0.wav", "on_screen": True}
    assert 2 <= len(truth["objects"]) <= 3
    assert [o["sounding"] for o in truth["objects"]] == [o["class"] == name for o in truth["objects"]]
    assert len({o["class"] for o in truth["objects"]}) == len(truth["objects"])
    for i, item in enumerate(truth["objects"]):
        assert list(item) == ["class", "image", "sounding", "boxes", "mask"]
        assert np.shape(item["boxes"]) == (10, 4)
        assert item["mask"] == f"validation_000003_{i}.png"
    assert len(frames_of(plan, "validation", 3)) == 10


def test_boxes_and_masks_show_where_the_object_is(things, tmp_path):
    """Inside the mask the frame has the object's colours; around the boxes nothing moves."""
    plan = recipe(things, tmp_path, off_screen=0, silence=0, distractors=(1, 1))
    for index in range(6):
        make_clip(plan, "train", index)
        truth, frames = truth_of(plan, "train", index), frames_of(plan, "train", index)
        for k in (0, 9):
            for item in truth["objects"]:
                x0, y0, x1, y1 = np.rint(np.array(item["boxes"][k]) * [160, 128, 160, 128]).astype(int)
                mask = Image.open(tmp_path / "train" / item["mask"]).resize((x1 - x0, y1 - y0))
                inside = np.asarray(mask) > 250
                pixels = frames[k][y0:y1, x0:x1][inside]
                file = next(p for p in things[item["class"]].images if p.name == item["image"])
                original = np.asarray(Image.open(file)).reshape(-1, 4)
                colour = np.median(original[original[:, 3] > 250][:, :3], axis=0)
                assert np.abs(np.median(pixels, axis=0) - colour).max() < 40
        still = np.ones((128, 160), bool)
        for item in truth["objects"]:
            for x0, y0, x1, y1 in np.array(item["boxes"]) * [160, 128, 160, 128]:
                still[max(0, round(y0) - 8) : round(y1) + 8, max(0, round(x0) - 8) : round(x1) + 8] = False
        assert np.abs(frames[0] - frames[9])[still].mean() < 4
        assert np.abs(frames[0] - frames[9])[~still].mean() > 8


def test_off_screen_sound_comes_from_nothing_in_the_image(things, tmp_path):
    plan = recipe(things, tmp_path, off_screen=1.0, silence=0)
    for index in range(4):
        make_clip(plan, "train", index)
        truth = truth_of(plan, "train", index)
        assert truth["sound"]["on_screen"] is False
        assert truth["objects"]
        assert truth["sound"]["class"] not in {o["class"] for o in truth["objects"]}
        assert not any(o["sounding"] for o in truth["objects"])


def test_silent_clips_have_nothing_to_hear(things, tmp_path):
    plan = recipe(things, tmp_path, off_screen=0, silence=1.0)
    for index in range(4):
        make_clip(plan, "train", index)
        truth = truth_of(plan, "train", index)
        assert truth["sound"] is None
        assert not any(o["sounding"] for o in truth["objects"])
        samples = read_waveform(plan.file("train", index)).samples
        assert 10 * np.log10(np.mean(samples**2.0) + 1e-20) < -65


def test_sound_has_an_even_level(things, tmp_path):
    plan = recipe(things, tmp_path, off_screen=0, silence=0)
    for index in range(6):
        make_clip(plan, "train", index)
        samples = read_waveform(plan.file("train", index)).samples[:48_000]
        assert -27 < 10 * np.log10(np.mean(samples**2.0)) < -15


def test_opaque_photos_fill_the_frame_when_there_are_no_distractors(tmp_path):
    photo, folder = np.zeros((90, 120, 3), np.uint8), tmp_path / "photos"
    photo[:, 60:] = 255
    folder.mkdir()
    Image.fromarray(photo).save(folder / "a.png")
    contents = shapes(ShapesConfig(out=tmp_path / "shapes", classes=2, images=1, sounds=1))
    classes = {n: ClassFiles((folder / "a.png",), files.sounds) for n, files in contents.items()}
    plan = recipe(classes, tmp_path, distractors=(0, 0), off_screen=0, silence=0)
    make_clip(plan, "train", 0)
    (item,) = truth_of(plan, "train", 0)["objects"]
    assert item["boxes"] == [[0.0, 0.0, 1.0, 1.0]] * 10 and item["mask"] is None
    first, *_, last = frames_of(plan, "train", 0)
    assert first.std() > 60 and np.abs(first - last).mean() > 1


def test_opaque_photos_beside_distractors_are_rectangles(things, tmp_path):
    Image.new("RGB", (120, 60), (250, 0, 0)).save(tmp_path / "red.png")
    classes = {**things, "red": ClassFiles((tmp_path / "red.png",), things["disc"].sounds)}
    plan = recipe(classes, tmp_path, distractors=(6, 6))
    make_clip(plan, "train", 0)
    item = next(o for o in truth_of(plan, "train", 0)["objects"] if o["class"] == "red")
    x0, y0, x1, y1 = item["boxes"][0]
    assert item["mask"] is None
    assert (x1 - x0) * 160 == pytest.approx(2 * (y1 - y0) * 128, abs=2)


def test_background_photos_are_used_when_there_are_any(things, tmp_path):
    Image.new("RGB", (300, 200), (0, 200, 100)).save(tmp_path / "green.jpg")
    plain = recipe(things, tmp_path)
    photos: dict[str, tuple[Path, ...]] = dict.fromkeys(SPLITS, (tmp_path / "green.jpg",))
    plan = Recipe(plain.config, plain.classes, photos, tmp_path)
    make_clip(plan, "train", 0)
    assert np.abs(np.median(frames_of(plan, "train", 0)[0], axis=(0, 1)) - [0, 200, 100]).max() < 12


@pytest.mark.parametrize("split", ["train", "test"])
def test_kinds_have_their_shares_and_classes_are_balanced(things, tmp_path, split):
    plan = recipe(things, tmp_path, off_screen=0.05, silence=0.03)
    plans = [cast(plan, split, index) for index in range(1200)]
    kinds = Counter(kind for kind, _ in plans)
    assert abs(kinds["off_screen"] - 60) <= 3 and abs(kinds["silent"] - 36) <= 3
    assert set(Counter(name for _, name in plans).values()) == {200}
    assert len({name for kind, name in plans if kind == "silent"}) == 6


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"width": 255}, "--width"),
        ({"height": 16}, "--width"),
        ({"fps": 0.0}, "--fps"),
        ({"duration_s": 0.0}, "--duration-s"),
        ({"distractors": (2, 1)}, "--distractors"),
        ({"off_screen": 0.7, "silence": 0.4}, "--off-screen"),
        ({"silence": -0.1}, "--silence"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_refuses_options_that_cannot_be(options, named):
    with pytest.raises(ConfigError, match=named):
        ClipConfig(**options)

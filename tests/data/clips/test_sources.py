import numpy as np
import pytest
from PIL import Image

from avnet.errors import DataError, MediaError
from data.clips.shapes import ShapesConfig, shapes
from data.clips.sources import check_file, divide, find_classes, read_cutout, usable


@pytest.fixture
def source(tmp_path):
    shapes(ShapesConfig(out=tmp_path / "source", classes=3, images=2, sounds=2))
    return tmp_path / "source"


def check_all(classes):
    return {p: check_file(p) for files in classes.values() for p in files.images + files.sounds}


def test_classes_are_found_with_their_files(source):
    (source / "disc" / "images" / "notes.txt").write_text("x")
    (source / "disc" / ".hidden").write_text("x")
    classes, skipped = find_classes(source)
    assert sorted(classes) == ["disc", "square", "star"]
    assert [p.name for p in classes["star"].sounds] == ["star_0.wav", "star_1.wav"]
    assert [(s.path.name, s.reason) for s in skipped] == [("notes.txt", "is neither a jpg or png image nor a sound")]


def test_files_may_lie_directly_in_the_class_folder(source):
    flat = source.parent / "flat" / "disc"
    flat.mkdir(parents=True)
    for file in (*(source / "disc").glob("*/*_0.*"),):
        file.rename(flat / file.name)
    classes, _ = find_classes(source.parent / "flat")
    assert classes["disc"].images == (flat / "disc_0.png",)
    assert classes["disc"].sounds == (flat / "disc_0.wav",)


@pytest.mark.parametrize("broken", ["missing", "file", "empty", "no images", "no sounds"])
def test_refuses_what_is_no_folder_of_classes_in_one_line(source, broken):
    if broken == "missing":
        source = source / "nowhere"
    elif broken == "file":
        source = source / "disc" / "images" / "disc_0.png"
    elif broken == "empty":
        source = source.parent / "empty"
        source.mkdir()
    else:
        folder = source / "disc" / ("images" if broken == "no images" else "sounds")
        for file in folder.iterdir():
            file.unlink()
    with pytest.raises(DataError) as refusal:
        find_classes(source)
    assert str(source) in str(refusal.value) and "\n" not in str(refusal.value)


def test_cut_out_is_cropped_to_what_can_be_seen(tmp_path):
    image = np.zeros((60, 80, 4), np.uint8)
    image[10:30, 20:60] = (200, 10, 10, 255)
    Image.fromarray(image).save(tmp_path / "a.png")
    cutout = read_cutout(tmp_path / "a.png")
    assert (cutout.mode, cutout.size) == ("RGBA", (40, 20))


def test_photo_with_an_alpha_channel_that_hides_nothing_is_a_photo(tmp_path):
    Image.new("RGBA", (40, 30), (5, 6, 7, 255)).save(tmp_path / "a.png")
    assert read_cutout(tmp_path / "a.png").mode == "RGB"


def test_large_images_are_scaled_down_to_the_longer_side(tmp_path):
    Image.new("RGB", (900, 300), (5, 6, 7)).save(tmp_path / "a.jpg")
    assert read_cutout(tmp_path / "a.jpg", 300).size == (300, 100)


def test_images_in_which_nothing_can_be_seen_are_refused(tmp_path):
    Image.new("RGBA", (40, 30), (5, 6, 7, 0)).save(tmp_path / "clear.png")
    Image.new("RGB", (40, 3)).save(tmp_path / "thin.png")
    (tmp_path / "text.png").write_text("no image")
    Image.effect_noise((200, 200), 80).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:900])
    for name in ("clear", "thin", "text", "cut", "missing"):
        with pytest.raises(MediaError, match=f"{name}.png"):
            read_cutout(tmp_path / f"{name}.png")


def test_unusable_files_are_listed_with_their_reasons(source):
    (source / "disc" / "images" / "disc_1.png").write_text("no image")
    twin = (source / "disc" / "sounds" / "disc_0.wav").read_bytes()
    (source / "disc" / "sounds" / "disc_1.wav").write_bytes(twin)
    both = (source / "star" / "images" / "star_0.png").read_bytes()
    (source / "square" / "images" / "square_0.png").write_bytes(both)
    classes, _ = find_classes(source)
    rest, skipped = usable(classes, check_all(classes))
    assert {s.path.name: s.reason for s in skipped} == {
        "disc_1.png": "is not an image that can be read (jpeg, png, webp, avif, gif, bmp, tiff)",
        "disc_1.wav": "is the same as disc_0.wav",
        "star_0.png": "is also in the class square",
        "square_0.png": "is also in the class star",
    }
    assert [p.name for p in rest["star"].images] == ["star_1.png"]


def test_class_without_anything_to_use_is_refused(source):
    for file in (source / "disc" / "sounds").iterdir():
        file.write_text("no sound")
    classes, _ = find_classes(source)
    with pytest.raises(DataError, match=r"disc_0\.wav"):
        usable(classes, check_all(classes))


def name_files(tmp_path, *names):
    return [tmp_path / name for name in names]


def test_holdout_is_disjoint_and_has_the_wanted_sizes(tmp_path):
    files = name_files(tmp_path, *(f"{i}.png" for i in range(30)))
    parts = divide(files, 0, (0.1, 0.33), "x")
    assert {split: len(part) for split, part in parts.items()} == {"train": 17, "validation": 3, "test": 10}
    assert sorted(sum(parts.values(), ())) == sorted(files)


def test_holdout_depends_on_names_and_seed_alone(tmp_path):
    files = name_files(tmp_path, *(f"{i}.png" for i in range(30)))
    there = divide(files, 0, (0.2, 0.2), "x")
    again = divide([tmp_path / "else" / file.name for file in files[::-1]], 0, (0.2, 0.2), "x")
    assert [p.name for p in there["test"]] == [p.name for p in again["test"]]
    assert divide(files, 1, (0.2, 0.2), "x")["test"] != there["test"]


def test_takes_of_one_recording_stay_together(tmp_path):
    files = name_files(tmp_path, *(f"1-{i}-{take}.ogg" for i in range(8) for take in "ABC"))
    parts = divide(files, 0, (0.2, 0.3), "x")
    recordings = [{file.stem[:-2] for file in part} for part in parts.values()]
    assert sum(map(len, recordings)) == 8 and all(recordings)


def test_every_part_has_at_least_one_file_and_too_few_are_refused(tmp_path):
    parts = divide(name_files(tmp_path, "a.png", "b.png", "c.png"), 0, (0.01, 0.9), "x")
    assert [len(part) for part in parts.values()] == [1, 1, 1]
    with pytest.raises(DataError, match="kettle: has 2 independent files"):
        divide(name_files(tmp_path, "a.png", "b.png"), 0, (0.1, 0.1), "kettle")


def test_without_holdout_all_splits_share_the_files(tmp_path):
    files = name_files(tmp_path, "a.png", "b.png")
    assert set(divide(files, 0, (0.0, 0.0), "x").values()) == {tuple(files)}
    parts = divide(files, 0, (0.0, 0.5), "x")
    assert parts["validation"] == parts["train"] and set(parts["train"]).isdisjoint(parts["test"])

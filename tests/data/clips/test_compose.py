import csv
import json

import pytest
from PIL import Image

from avnet.errors import ConfigError, DataError
from data.clips.compose import compose
from data.clips.config import ComposeConfig
from data.clips.shapes import ShapesConfig, shapes


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Four classes with three images and three sounds each."""
    out = tmp_path_factory.mktemp("shapes") / "things"
    shapes(ShapesConfig(out=out, classes=4, images=3, sounds=3))
    return out


def config(source, out, **options):
    small = {"width": 64, "height": 64, "fps": 5.0, "duration_s": 0.4, "clips": 10, "workers": 1}
    return ComposeConfig(source=source, out=out, **{**small, **options})


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def truths(out):
    return [json.loads(p.read_text()) for p in sorted(out.glob("*/*.json"))]


def test_number_of_workers_changes_nothing(source, tmp_path):
    for workers in (1, 2):
        compose(config(source, tmp_path / str(workers), workers=workers, clips=20))
    assert content(tmp_path / "1") == content(tmp_path / "2")


def test_every_split_has_its_share_of_clips_in_its_folder(source, tmp_path, capsys):
    summary = compose(config(source, tmp_path / "out", clips=10, fractions=(0.5, 0.3, 0.2)))
    assert summary.sizes == {"train": 5, "validation": 3, "test": 2}
    for split, size in summary.sizes.items():
        assert len(list((tmp_path / "out" / split).glob("*.mp4"))) == size
    assert "10 clips of 4 classes (5 train, 3 validation, 2 test)" in capsys.readouterr().out


def test_labels_name_the_class_that_sounds(source, tmp_path):
    compose(config(source, tmp_path / "out", clips=20, silence=0.3, off_screen=0.3))
    with (tmp_path / "out" / "labels.csv").open() as file:
        rows = {row["file"]: row["label"] for row in csv.DictReader(file)}
    sounds = {f"{t['split']}/{t['file']}": t["sound"]["class"] if t["sound"] else "" for t in truths(tmp_path / "out")}
    assert rows == sounds
    assert "" in rows.values() and len(rows) == 20


def test_an_interrupted_run_goes_on_to_the_same_bytes(source, tmp_path):
    out = tmp_path / "out"
    compose(config(source, out))
    whole = content(out)
    (out / "train" / "train_000002.json").unlink()
    (out / "train" / "train_000003.mp4").unlink()
    (out / "labels.csv").unlink()
    assert compose(config(source, out)).new == 2
    assert content(out) == whole


def test_holdout_clips_show_and_sound_what_training_never_did(source, tmp_path):
    compose(config(source, tmp_path / "out", clips=30, fractions=(0.5, 0.2, 0.3), holdout=(0.1, 0.33)))
    files_by_split: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    for truth in truths(tmp_path / "out"):
        files_by_split[truth["split"]] |= {item["image"] for item in truth["objects"]}
        files_by_split[truth["split"]] |= {truth["sound"]["file"]} if truth["sound"] else set()
    assert all(files_by_split.values())
    assert files_by_split["train"].isdisjoint(files_by_split["test"] | files_by_split["validation"])
    assert files_by_split["validation"].isdisjoint(files_by_split["test"])
    sources = json.loads((tmp_path / "out" / "compose.json").read_text())["sources"]
    for split, names in files_by_split.items():
        files_of_split = {name for files in sources[split].values() for kind in files.values() for name in kind}
        assert names <= files_of_split


def test_files_that_cannot_be_used_are_counted_and_listed(source, tmp_path):
    for name in ("disc", "star"):
        for file in (source / name).glob("*/*_0.*"):
            place = tmp_path / "things" / name / file.parent.name
            place.mkdir(parents=True)
            (place / file.name).write_bytes(file.read_bytes())
    (tmp_path / "things" / "star" / "sounds" / "bad.wav").write_text("no sound")
    (tmp_path / "things" / "star" / "readme.txt").write_text("x")
    summary = compose(config(tmp_path / "things", tmp_path / "out", distractors=(0, 1)))
    assert "skipped 2 source files" in str(summary) and "bad.wav" in str(summary)
    files_of_split = json.loads((tmp_path / "out" / "compose.json").read_text())["skipped"]
    assert sorted(path.rsplit("/", 1)[1] for path, _ in files_of_split) == ["bad.wav", "readme.txt"]


def test_background_photos_are_taken_from_their_folder(source, tmp_path):
    (tmp_path / "behind").mkdir()
    Image.new("RGB", (80, 80), (0, 200, 100)).save(tmp_path / "behind" / "green.jpg")
    (tmp_path / "behind" / "bad.png").write_text("no image")
    summary = compose(config(source, tmp_path / "out", backgrounds=tmp_path / "behind", clips=2))
    assert [item.path.name for item in summary.unused] == ["bad.png"]
    sources = json.loads((tmp_path / "out" / "compose.json").read_text())["sources"]
    assert sources["train"][""] == {"backgrounds": ["green.jpg"]}


def test_another_configuration_or_source_in_the_same_folder_is_refused(source, tmp_path):
    compose(config(source, tmp_path / "out", clips=2))
    with pytest.raises(DataError, match="other sources or options"):
        compose(config(source, tmp_path / "out", clips=2, seed=1))
    shapes(ShapesConfig(out=tmp_path / "others", classes=4, images=1, sounds=1, seed=5))
    with pytest.raises(DataError, match="other sources or options"):
        compose(config(tmp_path / "others", tmp_path / "out", clips=2))


def test_the_same_sources_elsewhere_go_on(source, tmp_path):
    compose(config(source, tmp_path / "out", clips=2))
    shapes(ShapesConfig(out=tmp_path / "moved", classes=4, images=3, sounds=3))
    assert compose(config(tmp_path / "moved", tmp_path / "out", clips=2)).new == 0


def test_refuses_an_out_that_is_a_file_or_holds_other_things(source, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="is a file"):
        compose(config(source, tmp_path / "file"))
    with pytest.raises(DataError, match="is not empty"):
        compose(config(source, tmp_path))
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "compose.json").write_text("{")
    with pytest.raises(DataError, match=r"compose\.json: is damaged"):
        compose(config(source, tmp_path / "damaged"))


def test_refuses_what_the_sources_cannot_give(source, tmp_path):
    with pytest.raises(DataError, match="5 distractors with 4 classes"):
        compose(config(source, tmp_path / "out", distractors=(5, 5)))
    with pytest.raises(DataError, match="not a folder of background photos"):
        compose(config(source, tmp_path / "out", backgrounds=tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="background"):
        compose(config(source, tmp_path / "out", backgrounds=tmp_path / "empty"))
    with pytest.raises(DataError, match="does not exist"):
        compose(config(tmp_path / "nowhere", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"clips": 0}, "--clips"),
        ({"workers": 0}, "--workers"),
        ({"fractions": (0.5, 0.1, 0.1)}, "--fractions"),
        ({"holdout": (0.5, 0.5)}, "--holdout"),
    ],
)
def test_refuses_options_that_cannot_be(tmp_path, options, named):
    with pytest.raises(ConfigError, match=named):
        config(tmp_path, tmp_path / "out", **options)

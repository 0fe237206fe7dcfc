import numpy as np
import pytest

from avnet.errors import ConfigError, DataError
from data.clips.shapes import MAX_CLASSES, ShapesConfig, class_name, draw, shapes, sound
from data.clips.sources import check_file, find_classes
from data.clips.stamps import timbre


def test_tree_is_one_that_compose_takes(tmp_path):
    result = shapes(ShapesConfig(out=tmp_path / "a", classes=3, images=2, sounds=2))
    by_name, skipped = find_classes(tmp_path / "a")
    assert by_name == result and not skipped
    assert all(not check_file(p).reason for files in result.values() for p in files.images + files.sounds)


def test_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    def content(seed, name):
        shapes(ShapesConfig(out=tmp_path / name, classes=2, images=1, sounds=1, seed=seed))
        return [p.read_bytes() for p in sorted((tmp_path / name).glob("*/*/*"))]

    assert content(0, "a") == content(0, "b")
    assert not set(content(1, "c")) & set(content(0, "d"))


def test_every_class_has_its_own_name_and_sound():
    assert len({class_name(i) for i in range(MAX_CLASSES)}) == MAX_CLASSES
    timbres = np.stack([timbre(sound(np.random.default_rng(i), i)) for i in range(MAX_CLASSES)])
    again = np.stack([timbre(sound(np.random.default_rng(i + 99), i)) for i in range(MAX_CLASSES)])
    apart = np.abs(timbres[:, None] - again[None]).mean(axis=-1)
    assert (apart.argmin(axis=1) == np.arange(MAX_CLASSES)).mean() >= 0.9


def test_every_class_is_a_cut_out_in_its_own_form_or_colour():
    images = [np.asarray(draw(np.random.default_rng(i), i)).astype(float) for i in range(MAX_CLASSES)]
    for image in images:
        assert 0.1 < (image[..., 3] > 128).mean() < 0.8
    for i in range(MAX_CLASSES):
        for j in range(i):
            if i % 12 == j % 12:  # one form: the colour differs
                colours = [np.median(p[p[..., 3] > 250][:, :3], axis=0) for p in (images[i], images[j])]
                assert np.abs(colours[0] - colours[1]).max() > 60


def test_sounds_are_loud_and_do_not_clip():
    for number in range(MAX_CLASSES):
        result = sound(np.random.default_rng(0), number)
        assert 1.2 * 48_000 <= len(result) <= 2.0 * 48_000
        assert np.abs(result).max() <= 0.5 and np.sqrt(np.mean(result**2)) > 0.005


def test_refuses_counts_that_cannot_be_and_folders_of_something_else(tmp_path):
    for options in ({"classes": 0}, {"classes": 37}, {"images": 0}, {"sounds": 0}, {"seed": -1}):
        with pytest.raises(ConfigError):
            ShapesConfig(out=tmp_path, **options)
    (tmp_path / "photos").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="another folder, photos"):
        shapes(ShapesConfig(out=tmp_path))
    with pytest.raises(DataError, match="is a file"):
        shapes(ShapesConfig(out=tmp_path / "file"))

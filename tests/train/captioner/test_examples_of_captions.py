"""Batches of descriptions with their images."""

from pathlib import Path

import numpy as np
import pytest

from avnet.errors import ConfigError, TrainingError
from train.captioner.examples import Examples, TokenStrings
from train.captioner.options import CaptionerOptions
from train.captioner.places import GridPlaces, open_places
from train.captioner.retrieval import Shown

# Three, four and one description of three images.
IMAGE_OF = np.array([0, 0, 0, 1, 1, 1, 1, 2])
ROWS = [np.full(1 + number % 3, number % 5, np.int32) for number in range(8)]


def examples(**options) -> Examples:
    strings = TokenStrings(Path("corpus"), ROWS, IMAGE_OF, np.arange(8), np.arange(2), 5)
    places = GridPlaces([np.arange(3.0).reshape(3, 1, 1, 1)], "grid")
    return Examples(CaptionerOptions(**options), strings, places, Shown(0, 4, 6, ROWS))


def test_rows_of_a_batch_are_descriptions_of_its_images():
    made = examples(batch_size=4, captions_per_image=2)
    # Two rows of image 0, two of image 1 and one of image 2, in batches of two.
    assert made.per_epoch == 2
    for step in range(6):
        batch = made.at(step)
        assert batch["cells"].shape == (2, 1, 1) and batch["inputs"].shape == (4, 8)
        for image, rows in zip(batch["cells"][:, 0, 0], batch["targets"].reshape(2, 2, 8), strict=True):
            own = [ROWS[number].tolist() for number in np.flatnonzero(image == IMAGE_OF)]
            assert all(row[row < 5].tolist() in own for row in rows)


def test_all_descriptions_of_an_epoch_are_seen_once_where_each_has_its_image():
    made = examples(batch_size=4)
    seen = [row[row < 5].tolist() for step in range(made.per_epoch) for row in made.at(step)["targets"]]
    assert sorted(seen) == sorted(row.tolist() for row in ROWS)


def test_what_does_not_divide_is_refused():
    with pytest.raises(ConfigError, match="--captions-per-image"):
        CaptionerOptions(batch_size=4, captions_per_image=3)
    with pytest.raises(TrainingError, match="8 training descriptions; lower --batch-size"):
        examples(batch_size=12)


def test_views_of_an_image_are_drawn_in_training_alone():
    grids = [np.full((3, 1, 1, 1), view, float) for view in range(3)]
    strings = TokenStrings(Path("corpus"), ROWS, IMAGE_OF, np.arange(8), np.arange(2), 5)
    made = Examples(CaptionerOptions(batch_size=4, views=3), strings, GridPlaces(grids, "grid"), Shown(0, 4, 6, ROWS))
    seen = np.concatenate([made.at(step)["cells"].ravel() for step in range(30)])
    assert set(seen) == {0, 1, 2} and np.array_equal(made.at(3)["cells"], made.at(3)["cells"])
    assert not any(batch["cells"].any() for batch in made.validation())


def test_views_of_regions_of_a_file_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="--views: must be 1 where --regions is a file"):
        open_places("regions.tsv", None, None, views=2)  # pyright: ignore[reportArgumentType]

"""A Show and Speak in use: its folder, what it refuses, and regions of a file."""

import shutil

import numpy as np
import pytest
from media.forged import forge_config
from random_networks import random_backbone, random_show_and_speak
from region_files import made_rows, write_tsv

from avnet.describer.show_and_speak.describer import BACKBONE, DirectDescriber
from avnet.errors import DataError, ModelFolderError, OptionError
from avnet.files.artifact import read_header
from avnet.files.kinds import SHOW_AND_SPEAK
from avnet.files.weights import arrays_of

TOWER = random_backbone("tower", 32, (4, 4, 6, 8))


@pytest.fixture(scope="module")
def describer() -> DirectDescriber:
    return DirectDescriber(random_show_and_speak(), TOWER, validation={"stopped": 0.25})


@pytest.fixture
def folder(describer, tmp_path):
    describer.save(tmp_path / "direct", "# A card\n")
    return tmp_path / "direct"


def test_a_folder_gives_back_what_was_written(describer, folder):
    again = DirectDescriber.load(folder)
    assert again.network.config == describer.network.config and again.validation == {"stopped": 0.25}
    assert again.fingerprint == describer.fingerprint and again.backbone.fingerprint == TOWER.fingerprint
    one, other = arrays_of(describer.network), arrays_of(again.network)
    assert one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)
    assert {"scale.mean", "places.scale.deviation", "matching.norm.var", "decoder.asking.inputs.kernel"} <= one.keys()
    assert again.network.postnet.blocks[0].norm.use_running_average
    summary = DirectDescriber.summary(read_header(folder, SHOW_AND_SPEAK))
    assert summary == {"places": "grid", "frames a step": "2, of 10 ms", "stopped": "0.25"}


WRONG = (
    {"colour": 1},
    {"image_features": 9},
    {"regions": "squares"},
    {"width": 1e99},
    {"steps": None},
    {"hidden": True},
)


@pytest.mark.parametrize("change", WRONG)
def test_a_folder_whose_configuration_cannot_be_is_refused_in_one_line(folder, change):
    forge_config(folder, lambda config: config.update(change))
    with pytest.raises(ModelFolderError) as refusal:
        DirectDescriber.load(folder)
    assert "\n" not in str(refusal.value)


def test_another_backbone_is_refused(describer, folder, tmp_path):
    shutil.rmtree(folder / BACKBONE)
    random_backbone("tower", 32, (4, 4, 6, 8), seed=1).save(folder / BACKBONE)
    with pytest.raises(ModelFolderError, match="was made with backbone of another fingerprint"):
        DirectDescriber.load(folder)
    wide = random_backbone("tower", 32, (4, 4, 6, 9))
    DirectDescriber(describer.network, wide).save(tmp_path / "wide")
    with pytest.raises(ModelFolderError, match="has 9 features instead of 8"):
        DirectDescriber.load(tmp_path / "wide")


def test_regions_of_a_file_are_seen_by_the_names_of_images(tmp_path):
    describer = DirectDescriber(random_show_and_speak(regions="file"), TOWER)
    images, names = np.zeros((2, 10, 20, 3), np.uint8), ["a.jpg", "b.jpg"]
    with pytest.raises(OptionError, match="are needed, and the names of images"):
        describer.features(images, names)
    rows = made_rows(["a", "b"])
    describer.use_regions(write_tsv(tmp_path / "regions.tsv", rows))
    features = describer.features(images, names)
    for row, (_, _, boxes, cells) in enumerate(rows):
        assert features.mask[row].sum() == len(boxes)
        assert np.asarray(features.cells)[row, : len(boxes)] == pytest.approx(cells)
        assert np.asarray(features.boxes)[row, : len(boxes)] == pytest.approx(boxes / [200, 100, 200, 100], abs=1e-6)
    with pytest.raises(OptionError, match="is missing: this describer learned from regions"):
        describer.use_regions(None)
    with pytest.raises(DataError, match="its regions have 5 features, the describer learned from 8"):
        describer.use_regions(write_tsv(tmp_path / "other.tsv", made_rows(["a"], width=5)))


def test_grids_are_seen_as_in_training(describer):
    image = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    features = describer.features([image])
    # Boxes are shares of the square in the middle, of which alone the grids of a corpus are.
    assert features.cells.shape == (1, 4, 8) and features.boxes[0, -1].tolist() == [0.5, 0.5, 1, 1]
    with pytest.raises(OptionError, match="this one sees cells of a grid"):
        describer.use_regions("regions.tsv")

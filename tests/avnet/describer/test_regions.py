"""Describers of windows and of regions from a file, and descriptions of a part of an image."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from region_files import made_rows, write_tsv
from spoken.world import noise_image, train_config

from avnet.apps.descriptions.describe import describe
from avnet.apps.descriptions.options import DescribeOptions
from avnet.cli.describe import DescribeConfig, run
from avnet.describer.describer import Describer
from avnet.describer.guards import REGION_PIECES
from avnet.describer.settings import Settings
from avnet.errors import AvnetError, DataError, OptionError, TrainingError
from avnet.events import LeftOut
from avnet.pages.attention import rasterize
from avnet.pages.descriptions.listing import write_descriptions
from avnet.pages.descriptions.spoken_figure import draw
from data.spoken.corpus import open_corpus
from train.captioner.describer import describer

# Sizes of the images that are described here.
WIDTH, HEIGHT = 96, 64


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(2):
        rng = np.random.default_rng(number)
        Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(folder / f"{number + 101}.png")
    return folder


@pytest.fixture(scope="session")
def regions(world, tmp_path_factory):
    """Of the images of the corpus and of two more."""
    names = [*open_corpus(world.corpus).names, "101"]
    return write_tsv(tmp_path_factory.mktemp("regions") / "regions.tsv", made_rows(names, width=10))


def trained(world, out, regions):
    config = train_config(world, out=out, steps=2, validate_every=2, regions=regions)
    return describer(config)


@pytest.fixture(scope="session")
def of_file(world, regions, tmp_path_factory):
    return trained(world, tmp_path_factory.mktemp("of-file") / "run", str(regions))


def test_a_describer_of_windows_looks_at_windows(world, tmp_path):
    model = Describer.load(trained(world, tmp_path / "run", "windows"))
    assert model.parts.network.config.regions == "windows"
    image = noise_image(0, 9)
    (one,) = model.describe([image], Settings(candidates=2))
    assert one.attention is not None and one.attention.shape == (len(one.units), 30) and one.boxes.shape == (30, 4)
    assert one.attention.sum(axis=1) == pytest.approx(np.ones(len(one.units)), abs=1e-4)
    draw(image, one, tmp_path / "a.png")
    assert rasterize(one.attention, one.boxes).maps.sum() == pytest.approx(len(one.units), rel=1e-3)
    with pytest.raises(OptionError, match="this one sees windows"):
        model.use_regions(tmp_path)


def test_a_describer_of_regions_finds_them_by_the_names_of_images(of_file, regions, photos, tmp_path):
    """Of the image that the file lacks it is said, and the other is described."""
    config = Describer.load(of_file).parts.network.config
    assert (config.regions, config.image_features) == ("file", 10)
    events = []
    results = list(describe(of_file, [photos], DescribeOptions(candidates=2, regions=regions), events.append))
    left_out = [str(event.refusal) for event in events if isinstance(event, LeftOut)]
    assert left_out == [f"{regions}: has no regions of the image '102.png'"]
    (one,) = [result.description for result in results]
    count = int(next(line for line in regions.read_text().splitlines() if line.startswith("101\t")).split("\t")[3])
    assert one.boxes.shape == (count, 4) and one.attention is not None
    assert one.attention.shape == (len(one.units), count)
    assert one.attention.sum(axis=1) == pytest.approx(np.ones(len(one.units)), abs=1e-4)
    write_descriptions(results, tmp_path)
    assert (tmp_path / "101.png").exists()


def test_a_describer_of_regions_needs_a_file_that_fits(of_file, world, photos, regions, tmp_path):
    with pytest.raises(OptionError, match="regions: is missing: this describer learned from regions"):
        describe(of_file, [photos])
    with pytest.raises(OptionError, match="are needed, and the names of images"):
        next(Describer.load(of_file).describe([noise_image(0, 9)]))
    other = write_tsv(tmp_path / "other.tsv", made_rows(("101",), width=11))
    with pytest.raises(DataError, match="have 11 features, the describer learned from 10"):
        describe(of_file, [photos], DescribeOptions(regions=other))
    with pytest.raises(OptionError, match="this one sees cells of a grid"):
        describe(world.model, [photos], DescribeOptions(regions=regions))
    # Nothing of a folder can be described: an error, as where no image can be read.
    with pytest.raises(AvnetError, match=r"has no regions of the image '102\.png'"):
        list(describe(of_file, [photos / "102.png"], DescribeOptions(regions=regions)))


def test_training_asks_for_regions_of_all_images(world, tmp_path):
    some = write_tsv(tmp_path / "some.tsv", made_rows(open_corpus(world.corpus).names[1:], width=10))
    with pytest.raises(TrainingError, match=r"some\.tsv: has no regions of 1 of 24 images, such as "):
        trained(world, tmp_path / "run", str(some))


def test_a_part_of_an_image_is_described_from_its_places_alone(speaker, photos):
    """The right half of the square in the middle: what lies elsewhere is not looked at, and changes nothing."""
    image = np.asarray(Image.open(photos / "101.png").convert("RGB"))
    settings = Settings(candidates=2, region=(0.5, 0, 1, 1))
    (one,) = speaker.describe([image], settings)
    assert one.region == (0.5, 0, 1, 1)
    assert one.attention[:, [0, 2]].max() == 0
    assert one.attention[:, [1, 3]].sum(axis=1) == pytest.approx(1, abs=1e-3)
    views = speaker.views([image], region=settings.region)
    assert views.features.mask.tolist() == [[False, True, False, True]]
    cells = views.features.cells[0]
    assert views.pooled[0] == pytest.approx((cells[1] + cells[3]) / 2, abs=1e-5)
    other = views.features._replace(cells=np.where(views.features.mask[..., None], views.features.cells, 7.0))
    for method in ("beam", "sample"):
        ours, theirs = (
            speaker.candidates(views._replace(features=features), replace(settings, method=method))[0]
            for features in (views.features, other)
        )
        assert [c.pieces for c in ours] == [c.pieces for c in theirs]
        assert max(len(c.pieces) for c in ours) <= REGION_PIECES
    assert sum(map(len, speaker.stream(image, settings))) > 0


def test_the_page_and_the_listing_tell_of_the_region(world, photos, tmp_path, capsys):
    config = DescribeConfig(
        model=str(world.model),
        images=(photos / "101.png",),
        out=tmp_path / "out",
        describe_region=(0.25, 0.5, 0.5, 0.5),
        candidates=1,
    )
    run(config)
    (row,) = json.loads((Path(config.out) / "descriptions.json").read_text())
    assert row["region"] == [0.25, 0.5, 0.75, 1.0]
    assert "of the region in the box" in (Path(config.out) / "descriptions.html").read_text()


@pytest.mark.parametrize("region", [(0.5, 0, 0.6, 1), (-0.1, 0, 0.5, 0.5), (0, 0, 0, 1), (10, 20, 100, 50)])
def test_a_region_outside_of_the_image_is_refused(region):
    with pytest.raises(OptionError, match="describe-region: must be X Y WIDTH HEIGHT inside of the image"):
        DescribeOptions(describe_region=region)

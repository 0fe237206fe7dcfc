import json
from dataclasses import replace

import numpy as np
import pytest
from media.media_files import make_sound
from PIL import Image
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from train.demo.nearest import described_stamps, find_nearest, most_similar, nearest_section, same_kind


@pytest.fixture
def stamps(tmp_path):
    """Two birds that look the same, two fruits, one of which cannot be read, and what is left out."""
    rng = np.random.default_rng(0)
    bird, fruit = (rng.integers(0, 255, (48, 48, 3), np.uint8) for _ in range(2))
    images = {"animals/birds/crow": bird, "animals/birds/crow2": bird, "food/apple": fruit, "food/pear": fruit}
    for name, image in {**images, "symbols/a": bird, "animals/birds/mute": bird}.items():
        file = tmp_path / "stamps" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)
        if not name.endswith("mute"):
            make_sound(file.with_name(f"{file.stem}_desc_fr.wav"))
    (tmp_path / "stamps/food/pear.png").write_bytes(b"no image")
    make_sound(tmp_path / "stamps/food/gone_desc_fr.wav")
    return tmp_path / "stamps"


@pytest.fixture
def model():
    config = replace(ModelConfig.small("ave"), image_size=32, widths=(4, 4, 8, 8), embedding_size=8)
    return Model(config, random_network(config))


def test_described_stamps_are_those_of_things_with_an_image_and_a_recording(stamps):
    items = described_stamps(stamps)
    assert [(item.kind, item.image.rpartition("/")[2]) for item in items] == [
        ("animals/birds", "crow.png"),
        ("animals/birds", "crow2.png"),
        ("food", "apple.png"),
        ("food", "pear.png"),
    ]
    assert items[0].recording.endswith("crow_desc_fr.wav")


def test_the_most_similar_is_another_whatever_its_length():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [9.0, 1.0], [1.0, 8.0]])
    assert most_similar(vectors).tolist() == [2, 3, 0, 1]


def test_share_of_a_kind_and_its_chance_are_those_by_hand():
    # The third of kind a is given one of b; any other is of the kind in 2, 2, 2 and 0 of 3 cases each.
    assert same_kind(["a", "a", "a", "b"], np.array([1, 0, 3, 0])) == pytest.approx((0.5, 6 / 12))


def test_a_stamp_gets_what_was_said_of_the_most_similar_one(stamps, model, tmp_path, capsys):
    find_nearest(model, described_stamps(stamps), tmp_path / "nearest.json")
    results = json.loads((tmp_path / "nearest.json").read_text())
    answers = {row["image"].rpartition("/")[2]: row for row in results["stamps"]}
    # The pear is no image.
    assert sorted(answers) == ["apple.png", "crow.png", "crow2.png"]
    assert answers["crow.png"]["said"] == str(stamps / "animals/birds/crow2_desc_fr.wav")
    assert answers["crow2.png"]["nearest"] == str(stamps / "animals/birds/crow.png")
    assert (results["same kind"], results["chance"]) == pytest.approx((2 / 3, 1 / 3))
    assert "pear.png" in capsys.readouterr().err
    (stamps / "animals/birds/crow2_desc_fr.wav").unlink()
    page = nearest_section(tmp_path / "nearest.json")
    assert "67%" in page and "chance 33.3%" in page
    assert page.count("<audio") == 4 and page.count("cannot be played: no such file or directory") == 2

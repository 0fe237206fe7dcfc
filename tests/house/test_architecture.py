import importlib.util
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def drawing():
    spec = importlib.util.spec_from_file_location("draw_map", ROOT / "docs" / "draw_map.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_map_shows_every_room_of_every_layer_and_no_other(drawing):
    rooms = re.findall(r"font-weight='bold'[^>]*>(\w+)/<", drawing.MAP.read_text())
    expected = [name for layer in drawing.LAYERS for name in (layer, *drawing.rooms(layer))]
    assert sorted(rooms) == sorted(expected), "a room is new, gone or renamed: python docs/draw_map.py"


def test_a_room_stands_above_those_that_it_imports(drawing):
    floors = drawing.floors("avnet")
    height = {name: len(floors) - level for level, names in enumerate(floors) for name in names}
    for name, others in drawing.imports("avnet").items():
        assert all(height[other] <= height[name] for other in others)


def test_every_room_says_what_it_is_for(drawing):
    texts = [text for layer in drawing.LAYERS for text in drawing.rooms(layer).values()]
    assert len(texts) > 30 and all(10 < len(text) < 150 for text in texts)


def test_no_two_test_files_have_one_name():
    # pytest imports them by it, and Beam's workers as well: a second one would end the whole run.
    counts = Counter(file.name for file in (ROOT / "tests").rglob("test_*.py"))
    assert counts and not [name for name, count in counts.items() if count > 1]

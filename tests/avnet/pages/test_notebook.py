"""What notebooks show: everything inside, nothing from elsewhere, no markup of strangers, and no more than fits."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from media.media_files import make_video, ramp, tone
from random_networks import random_network

import avnet
from avnet.apps.descriptions.spoken import SpokenImage
from avnet.apps.index import index_files
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.verdict import HERE, NOWHERE
from avnet.pages import notebook

NAME = "<img src=x onerror=alert(1)>&.mkv"


class Elements(HTMLParser):
    """Tags with their attributes, in order."""

    def __init__(self, html):
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def shown(result, most=4_000_000) -> Elements:
    """What a notebook asks for, after a look at what holds of all of it."""
    html = result._repr_html_()
    elements = Elements(html)
    assert len(html) < most and "onerror=" not in str(
        [attributes for _, attributes in elements.tags if "src" in attributes]
    )
    assert all(attributes["src"].startswith("data:") for _, attributes in elements.tags if "src" in attributes)
    assert not any("href" in attributes for _, attributes in elements.tags)
    assert not elements.of("script") and not re.search(r"url\(|@import", html)
    return elements


def model_of(network):
    config = ModelConfig.small(network)
    return Model(config, random_network(config))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("films") / NAME, 4.0, ramp(), tone(500))


@pytest.fixture(scope="module")
def localization(film):
    return avnet.localize(model_of("avol"), film, options=avnet.LocalizeOptions(fps=2, fine=False))


def test_a_localization_shows_a_frame_of_each_stretch_and_plays_its_sound(localization):
    changes = [HERE] * 4 + [NOWHERE] * 2 + [HERE] * 2
    verdicts = [replace(v, verdict=name, peak=0.6) for v, name in zip(localization.verdicts, changes, strict=True)]
    verdicts[1] = replace(verdicts[1], peak=0.75, audible={"<b>Bark</b>": 0.75})
    result = replace(localization, verdicts=tuple(verdicts))
    elements = shown(result)
    assert len(elements.of("img")) == 3 and len(elements.of("audio")) == 1 and not elements.of("b")
    assert "0.00 - 1.50 s: sounds here (peak 0.75" in result._repr_html_()
    assert "&lt;b&gt;Bark&lt;/b&gt; 0.75" in result._repr_html_()


def test_many_stretches_of_a_localization_are_counted_and_not_shown(localization):
    changes = [HERE, NOWHERE] * 4
    verdicts = [replace(v, verdict=name) for v, name in zip(localization.verdicts, changes, strict=True)]
    result = replace(localization, verdicts=tuple(verdicts))
    assert len(shown(result).of("img")) == notebook.MOST_FRAMES
    assert "and 2 stretches more" in result._repr_html_()


def test_a_localization_of_an_image_shows_it_once():
    rng = np.random.default_rng(0)
    image, sound = rng.integers(0, 255, (600, 900, 3), np.uint8), rng.normal(0, 0.1, 96_000).astype(np.float32)
    elements = shown(avnet.localize(model_of("avol"), image, sound))
    (img,), (player,) = elements.of("img"), elements.of("audio")
    assert (img["width"], img["height"]) == ("360", "240") and len(player["src"]) > 48_000


def test_a_film_that_is_gone_is_told_of_and_not_shown(localization):
    elements = shown(replace(localization, file="/no/<i>such</i>.mp4"))
    assert not elements.of("img") and not elements.of("i")


@pytest.fixture(scope="module")
def result(film, tmp_path_factory):
    model, folder = model_of("ave"), tmp_path_factory.mktemp("index") / "index"
    index_files(model, folder, [film])
    return avnet.search(model, folder, video=film, options=avnet.SearchOptions(kind="both", per_file=0, k=100))


def test_a_search_shows_queries_and_the_first_matches(result):
    elements = shown(result)
    matches = [len(answer.matches) for answer in result.answers]
    total = sum(min(count, notebook.MOST_MATCHES) for count in matches)
    assert len(elements.of("img")) == total + 1 and len(elements.of("audio")) == total + 1
    many = replace(result.answers[0], matches=result.answers[0].matches * 20)
    left_out = len(many.matches) - notebook.MOST_MATCHES
    few = replace(result, answers=(many,))
    assert (
        f"and {left_out} matches more" in few._repr_html_() and len(shown(few).of("img")) == notebook.MOST_MATCHES + 1
    )


def test_a_match_shows_its_frame_and_plays_its_second(result):
    elements = shown(result.answers[0].matches[0])
    assert len(elements.of("img")) == len(elements.of("audio")) == 1


@pytest.mark.parametrize("silent", [False, True])
def test_a_description_is_played(silent):
    rng = np.random.default_rng(0)
    sound = None if silent else rng.normal(0, 0.1, 60 * 16_000).astype(np.float32)
    description = cast(Any, SimpleNamespace(confidence=0.25))
    spoken = SpokenImage(NAME, rng.integers(0, 255, (48, 64, 3), np.uint8), description, False, sound)
    elements = shown(spoken)
    assert len(elements.of("img")) == 1 and len(elements.of("audio")) == (not silent)
    assert "confidence 0.25, unsure" in spoken._repr_html_() and ("kept silent" in spoken._repr_html_()) == silent

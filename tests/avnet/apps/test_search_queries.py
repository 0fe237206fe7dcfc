"""Several queries at once, entries of the index and vectors as queries, and filters, from files to matches."""

import numpy as np
import pytest
from media.media_files import make_sound, make_video, tone
from PIL import Image
from random_networks import random_network

import avnet
from avnet.apps.index import index_files
from avnet.apps.queries import SearchQuery
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import ConfigError, OptionError, Silent
from avnet.index.index import Index
from avnet.pages.search_page import search_page


@pytest.fixture(scope="module")
def model():
    config = ModelConfig.small("ave")
    return Model(config, random_network(config))


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    rng = np.random.default_rng(0)
    for number in range(3):
        noise = rng.integers(0, 255, (4, 48, 64, 3), np.uint8)
        make_video(folder / f"film_{number}.mp4", 4.0, lambda t, noise=noise: noise[int(t)], tone(200 + 300 * number))
    for number in range(2):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(folder / f"photo_{number}.png")
    make_sound(folder / "bell.wav", 2.0, tone(900))
    make_sound(folder / "still.wav", 1.0, lambda t: 0 * t)
    return folder


@pytest.fixture(scope="module")
def index(model, media, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index") / "index"
    index_files(model, folder, [media])
    with Index.open(folder) as index:
        yield index


def search(model, index, *queries, **options):
    options = avnet.SearchOptions(**{"k": 100, "per_file": 0, **options})
    return avnet.search(model, index, queries=queries, options=options).answers


def vector_of(model, image):
    return model.embed_images([avnet.read_image(image)])[0]


def test_the_mean_of_two_queries_is_what_is_searched_by(model, index, media):
    one, two = (vector_of(model, media / f"photo_{number}.png") for number in range(2))
    (answer,) = search(
        model,
        index,
        SearchQuery(image=media / "photo_0.png", weight=2.0),
        SearchQuery(image=media / "photo_1.png", weight=-0.5),
        kind="image",
    )
    mean = 2 * one - 0.5 * two
    expected = index.search(mean / np.linalg.norm(mean), 100, "image")
    assert [match.entry for match in answer.matches] == [hit.id for hit in expected]
    np.testing.assert_allclose([m.score for m in answer.matches], [hit.score for hit in expected], atol=1e-5)
    assert all(match.probability is None for match in answer.matches)
    assert [query.weight for query in answer.queries] == [2.0, -0.5]


def test_one_query_in_the_list_is_the_query_alone(model, index, media):
    (answer,) = search(model, index, SearchQuery(image=media / "photo_0.png"))
    options = avnet.SearchOptions(k=100, per_file=0)
    (alone,) = avnet.search(model, index, image=media / "photo_0.png", options=options).answers
    assert answer.matches == alone.matches and answer.matches[0].probability is not None


def test_images_find_sounds_and_sounds_find_images_where_both_are_asked_by(model, index, media):
    queries = [SearchQuery(video=media / "film_0.mp4", at=1.5), SearchQuery(image=media / "photo_0.png")]
    answers = search(model, index, *queries)
    assert [[query.kind for query in answer.queries] for answer in answers] == [["image", "image"], ["sound"]]
    assert [{match.kind for match in answer.matches} for answer in answers] == [{"sound"}, {"image"}]
    (answer,) = search(model, index, *queries, kind="sound")
    assert [query.kind for query in answer.queries] == ["image", "sound", "image"]
    (answer,) = search(model, index, SearchQuery(video=media / "film_0.mp4", at=1.5, part="image"))
    assert answer.query.kind == "image"
    (answer,) = search(model, index, SearchQuery(video=media / "film_0.mp4", at=1.5, part="sound"))
    assert answer.query.kind == "sound"


def test_more_like_this_finds_neither_itself_nor_by_other_means_than_its_vector(model, index, media):
    (answer,) = search(model, index, SearchQuery(image=media / "photo_0.png"), kind="image")
    itself = answer.matches[0]
    assert itself.file == str(media / "photo_0.png") and itself.score == pytest.approx(1, abs=1e-5)
    (like,) = search(model, index, SearchQuery(entry=itself.entry), kind="image")
    assert [match.entry for match in like.matches] == [match.entry for match in answer.matches[1:]]
    assert (like.query.file, like.query.entry) == (itself.file, itself.entry)
    vector = vector_of(model, media / "photo_0.png")
    (by_vector,) = search(model, index, SearchQuery(vector=3 * vector, kind="image"), kind="image")
    assert [match.entry for match in by_vector.matches] == [match.entry for match in answer.matches]


def test_less_of_it_turns_the_order_round(model, index, media):
    (more,) = search(model, index, SearchQuery(image=media / "photo_0.png"))
    (less,) = search(model, index, SearchQuery(image=media / "photo_0.png", weight=-2.0))
    assert [match.entry for match in less.matches] == [match.entry for match in more.matches[::-1]]
    assert all(match.probability is None for match in less.matches)


def test_filters_leave_out_files_and_times(model, index, media):
    (answer,) = search(
        model, index, SearchQuery(image=media / "photo_0.png"), kind="both", source="film_[01]*", after_s=2, before_s=3
    )
    assert {match.file for match in answer.matches} == {str(media / f"film_{number}.mp4") for number in range(2)}
    assert all(2 <= match.time_s <= 3 for match in answer.matches) and len(answer.matches) >= 4


def test_a_page_shows_all_that_was_combined(model, index, media):
    queries = [SearchQuery(image=media / "photo_0.png"), SearchQuery(vector=np.ones(128), kind="sound", weight=-1.0)]
    options = avnet.SearchOptions(kind="image", k=2)
    page = search_page(avnet.search(model, index, queries=queries, options=options))
    assert "By several queries" in page and "a vector of sound" in page and "weight -1" in page
    assert page.count("data:image/jpeg") == 3


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (
            {},
            "one image, one sound, one video, one entry of the index, one vector or one moment, got 0 of them",
        ),
        ({"image": "a.png", "entry": "1-1"}, "got 2 of them"),
        ({"entry": "1-1", "at": 2.0}, "at: goes with a sound or a video"),
        ({"entry": "../../x"}, "entry: must be the id of an entry, as 3-17"),
        ({"vector": np.ones(3)}, "kind: goes with a vector"),
        ({"image": "a.png", "weight": 0.0}, "weight: must be from -1000 to 1000 and not 0, got 0"),
        ({"image": "a.png", "weight": float("nan")}, "weight: must be"),
    ],
)
def test_a_query_that_cannot_be_is_refused(query, reason):
    with pytest.raises(ConfigError, match=reason.replace(".", r"\.").replace("/", "/")):
        SearchQuery(**query)


def test_what_cannot_be_searched_by_is_refused(model, index, media):
    image = media / "photo_0.png"
    for queries, error, reason in (
        ([SearchQuery(image=image), SearchQuery(image=image, weight=-1)], ConfigError, "cancel each other out"),
        ([SearchQuery(entry="1-999999")], OptionError, "is not in the index"),
        ([SearchQuery(vector=np.ones(3), kind="image")], ConfigError, "must be 128 finite numbers"),
        ([SearchQuery(sound=media / "still.wav")], Silent, "is silent"),
    ):
        with pytest.raises(error, match=reason):
            search(model, index, *queries)
    with pytest.raises(ConfigError, match="queries: each have media"):
        avnet.search(model, index, image=image, queries=[SearchQuery(image=image)])

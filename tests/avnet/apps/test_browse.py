"""Maps of an index: worked out with scikit-learn, and laws that any map keeps."""

import sys
from types import ModuleType

import numpy as np
import pytest
from sklearn.decomposition import PCA

import avnet
from avnet.apps import browse
from avnet.errors import ConfigError
from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.segment import KINDS

SIZE = 12


def vectors_of(rows, seed, center):
    """Unit vectors about a center, spread far along two directions."""
    rng = np.random.default_rng(seed)
    spread = np.linspace(2.0, 0.1, SIZE)
    vectors = rng.normal(size=(rows, SIZE)) * spread + center
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """60 images and 40 sounds far from each other, in four segments; the first file was indexed again."""
    rng = np.random.default_rng(9)
    centers = {"image": 3 * rng.normal(size=SIZE), "sound": 3 * rng.normal(size=SIZE)}
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        for part in range(2):
            for kind in KINDS:
                rows = {"image": 30, "sound": 20}[kind]
                entries = [Entry(f"{part}-{i // 10}.mp4", 0.3 * i, kind) for i in range(rows)]
                index.add(vectors_of(rows, part, centers[kind]), entries)
            index.save()
        again = [Entry("0-0.mp4", 0.7 * i, "image") for i in range(5)]
        index.add(vectors_of(5, 7, centers["image"]), again, Source("0-0.mp4", "new"))
        index.save()
    return tmp_path / "index"


def rows_of(folder):
    """Vectors of what counts, and its kinds, in the order of the map."""
    with Index.open(folder) as index:
        shelves = index.shelves()
        vectors = [shelf.segment.vectors()[shelf.files > 0] for shelf in shelves]
        kinds = [int(shelf.segment.kind == "sound") for shelf in shelves for number in shelf.files if number > 0]
    return np.concatenate(vectors), np.array(kinds)


@pytest.mark.parametrize("rows", [browse.ROWS, 7])
def test_points_are_the_principal_components_of_each_kind_about_its_center(folder, rows, monkeypatch):
    monkeypatch.setattr(browse, "ROWS", rows)
    result = avnet.index_map(folder)
    vectors, kinds = rows_of(folder)
    centered = vectors - np.stack([vectors[kinds == kind].mean(axis=0) for kind in (0, 1)])[kinds]
    expected = PCA(2).fit_transform(centered)
    expected -= (expected.min(axis=0) + expected.max(axis=0)) / 2
    expected /= np.abs(expected).max()
    signs = np.sign((expected * result.points).sum(axis=0))
    np.testing.assert_allclose(result.points, expected * signs, atol=1e-4)
    assert result.kinds.tolist() == kinds.tolist()


def test_every_entry_has_one_point_that_leads_back_to_it(folder):
    result = avnet.index_map(folder)
    assert len(result.points) == 100 - 20 + 5
    assert [array.dtype.name for array in (result.points, result.kinds, result.files)] == ["float32", "uint8", "uint32"]
    with Index.open(folder) as index:
        assert len(result.points) == sum(index.counts().values()) and len(result.names) == index.file_count()
        for number in range(len(result.points)):
            entry, _ = index.entry(result.entry(number))
            kind = ("image", "sound")[result.kinds[number]]
            assert entry == Entry(result.names[result.files[number]], result.times[number], kind)


def test_a_map_fills_the_square_and_is_the_same_each_time(folder):
    one, two = avnet.index_map(folder), avnet.index_map(folder)
    np.testing.assert_array_equal(one.points, two.points)
    assert np.abs(one.points).max() == pytest.approx(1.0) and np.ptp(one.points, axis=0).max() == pytest.approx(2.0)


@pytest.mark.parametrize("count", [0, 1])
def test_an_index_of_nothing_or_of_one_entry_has_a_map(tmp_path, count):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        if count:
            index.add(vectors_of(1, 0, 0.0), [Entry("a.mp4", 0.0, "sound")])
            index.save()
        result = avnet.index_map(index)
    assert result.points.tolist() == [[0.0, 0.0]] * count and result.names == ("a.mp4",) * count


def test_umap_is_given_centered_vectors_where_it_is_installed(folder, monkeypatch):
    class UMAP:
        def __init__(self, **options):
            assert options == {"n_components": 2, "metric": "cosine", "random_state": browse.SEED}

        def fit_transform(self, vectors):
            _, kinds = rows_of(folder)
            for kind in (0, 1):
                assert np.abs(vectors[kinds == kind].mean(axis=0)).max() < 1e-6
            return 50.0 + vectors[:, [3, 5]]

    module = ModuleType("umap")
    module.UMAP = UMAP  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "umap", module)
    result = avnet.index_map(folder, "umap")
    assert np.ptp(result.points, axis=0).max() == pytest.approx(2.0, abs=1e-5)


def test_what_cannot_be_is_refused(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError) as refusal:
        avnet.index_map(folder, "umap")
    assert str(refusal.value) == "umap: needs a package: pip install umap-learn; pca needs none"
    with pytest.raises((ConfigError, TypeError)):  # the type checker of the tests may be quicker
        avnet.index_map(folder, "tsne")  # pyright: ignore[reportArgumentType]

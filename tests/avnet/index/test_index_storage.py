"""How an index lies on disk: its precision, many segments, and tables that are older or damaged."""

import os
import resource
import sqlite3

import numpy as np
import pytest
from media.forged import forge_config

from avnet.errors import ConfigError, IndexFolderError
from avnet.index.entry import Entry, Source
from avnet.index.index import Index, is_index
from avnet.index.segment import Precision

SIZE = 32


def unit(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SIZE)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def entries(rows, file="a.mp4"):
    return [Entry(file, float(i), "image") for i in range(rows)]


def make(folder, vectors, precision: Precision = "float32"):
    with Index.create(folder, "m", SIZE, precision) as index:
        index.add(vectors, entries(len(vectors)))
        index.save()


def test_halves_take_half_the_room_and_move_cosines_by_less_than_half_a_thousandth(tmp_path):
    vectors, queries = unit(500), unit(5, 1)
    make(tmp_path / "whole", vectors)
    make(tmp_path / "half", vectors, "float16")
    sizes = [(tmp_path / name / "segment-00000001.npy").stat().st_size - 128 for name in ("whole", "half")]
    assert sizes == [4 * vectors.size, 2 * vectors.size]
    with Index.open(tmp_path / "half") as index:
        for query, hits in zip(queries, index.search_many(queries, 500), strict=True):
            scores = np.zeros(500)
            scores[[int(hit.time_s) for hit in hits]] = [hit.score for hit in hits]
            np.testing.assert_allclose(scores, vectors @ query, atol=2**-11)
            np.testing.assert_allclose(scores, vectors.astype(np.float16).astype(np.float32) @ query, atol=1e-6)


def test_index_of_halves_stays_one_when_it_is_opened_again(tmp_path):
    make(tmp_path / "index", unit(10), "float16")
    with Index.open(tmp_path / "index") as index:
        assert index.precision == "float16"
        index.add(unit(10, 1), entries(10, "b.mp4"))
        index.save()
        assert index.search(unit(10, 1)[4], 1)[0].file == "b.mp4"
    assert np.load(tmp_path / "index" / "segment-00000002.npy").dtype == np.float16


def change_tables(folder, statement):
    with sqlite3.connect(folder / "index.sqlite") as connection:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("change", "file"), [({"precision": "float16"}, "segment-00000001.npy"), ({"precision": "int8"}, "index")]
)
def test_precision_other_than_that_of_the_segments_is_refused(tmp_path, change, file):
    make(tmp_path / "index", unit(10))
    forge_config(tmp_path / "index", lambda config: config.update(change))
    with pytest.raises(IndexFolderError, match=r"damaged") as error:
        Index.open(tmp_path / "index")
    assert error.value.subject.endswith(file)


@pytest.mark.parametrize("size", [0, -1, True, "8", 1e9, 10**9, None])
def test_a_size_that_cannot_be_is_refused(tmp_path, size):
    make(tmp_path / "index", unit(10))
    forge_config(tmp_path / "index", lambda config: config.update(embedding_size=size))
    with pytest.raises(IndexFolderError, match="is not an index, or damaged"):
        Index.open(tmp_path / "index")


def test_an_index_whose_making_was_cut_short_is_made_again(tmp_path):
    make(tmp_path / "index", unit(10))
    for file in (tmp_path / "index").iterdir():
        if file.name != "artifact.json":
            file.unlink()
    assert not is_index(tmp_path / "index")
    Index.create(tmp_path / "index", "m", SIZE).close()
    assert is_index(tmp_path / "index")


def test_precision_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises((ConfigError, TypeError)):  # the type checker of the tests may be quicker
        Index.create(tmp_path / "index", "m", SIZE, "int8")  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_rows_that_the_segment_does_not_have_are_refused(tmp_path):
    make(tmp_path / "index", unit(10))
    change_tables(tmp_path / "index", "UPDATE entries SET row = 99 WHERE row = 9")
    with Index.open(tmp_path / "index") as index, pytest.raises(IndexFolderError, match="is damaged"):
        index.search(unit(1)[0], 1)


def test_more_segments_than_a_process_may_open_files_are_searched(tmp_path, monkeypatch):
    monkeypatch.setattr("avnet.index.upkeep.mappings.MAX_MAPPINGS", 10)
    monkeypatch.setattr("avnet.files.whole.flush", lambda path: None)  # the disk is not under test
    vectors = unit(50)
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        for i in range(50):
            index.add(vectors[i : i + 1], [Entry("a.mp4", float(i), "image")])
            index.save()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 30, limits[1]))
    try:
        with Index.open(tmp_path / "index") as index:
            result = index.search_many(vectors, 1)
            assert [hits[0].time_s for hits in result] == list(range(50))
            (tmp_path / "index" / "segment-00000050.npy").unlink()
            with pytest.raises(IndexFolderError, match=r"segment-00000050.npy: is missing"):
                index.search(vectors[0], 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_rows_that_another_process_replaced_are_found_as_they_are_now(tmp_path):
    vectors = unit(6)
    with Index.create(tmp_path / "index", "m", SIZE) as writer:
        writer.add(vectors[:5], entries(5), Source("a.mp4", "1"))
        writer.save()
        with Index.open(tmp_path / "index") as reader:
            assert len(reader.search(vectors[0], 9)) == 5
            writer.add(vectors[5:], entries(1), Source("a.mp4", "2"))
            writer.save()
            assert [hit.id for hit in reader.search(vectors[0], 9)] == ["2-0"]

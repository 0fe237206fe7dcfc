"""Small segments become large ones while others read, and what a killed process left goes."""

import os

import numpy as np
import pytest

from avnet.errors import IndexFolderError
from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.segment import Precision

SIZE = 8


def unit(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SIZE)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(index, files, rows=2):
    """A segment of each kind for every file."""
    for i in range(files):
        name = f"{i}.mp4"
        entries = [Entry(name, float(row // 2), "sound" if row % 2 else "image") for row in range(2 * rows)]
        index.add(unit(2 * rows, i), entries, Source(name, "1"))
        index.save()


def answers(index, k=100):
    return [[(hit.file, hit.time_s, hit.kind, hit.score) for hit in hits] for hits in index.search_many(unit(3, 99), k)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("avnet.files.whole.flush", lambda path: None)  # the disk is not under test


@pytest.fixture
def folder(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        fill(index, 20)
    return tmp_path / "index"


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_compacted_index_answers_as_before(tmp_path, precision: Precision):
    with Index.create(tmp_path / "index", "m", SIZE, precision) as index:
        fill(index, 20)
        index.upkeep.rearrange(drops=[3, 4])
        before, counts = answers(index), index.counts()
        compaction = index.upkeep.compact()
        # 18 files have 2 rows of each kind; those of 2 files count no more.
        assert (compaction.before, compaction.after, compaction.rows) == (40, 2, 8)
        assert answers(index) == before
    with Index.open(tmp_path / "index") as index:
        assert (answers(index), index.counts()) == (before, counts)
        assert index.counts() == {"image": 36, "sound": 36}
        assert index.upkeep.compact(few=0).after == 2
    files = sorted(file.name for file in (tmp_path / "index").glob("*.npy"))
    assert files == ["segment-00000041.npy", "segment-00000042.npy"]


def test_a_few_small_segments_stay(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        fill(index, 16)
        assert index.upkeep.compact().after == 32


def test_new_segments_have_a_greatest_size(folder, monkeypatch):
    monkeypatch.setattr("avnet.index.upkeep.compaction.MOST_ROWS", 15)
    with Index.open(folder) as index:
        before = answers(index)
        # 40 rows of each kind, of which 14 go into a segment: 14, 14 and 12.
        assert index.upkeep.compact().after == 6
        assert answers(index) == before


def test_whoever_has_the_index_open_goes_on_and_old_segments_wait_for_him(folder, monkeypatch):
    monkeypatch.setattr("avnet.index.upkeep.mappings.MAX_MAPPINGS", 3)  # all others are opened as they are searched
    with Index.open(folder) as reader, Index.open(folder) as writer:
        before, shelves = answers(reader), reader.shelves()
        writer.upkeep.compact()
        assert len(list(folder.glob("*.npy"))) == 42
        assert sum(len(shelf.segment.vectors()) for shelf in shelves) == 80  # as a long search would
        assert answers(reader) == before == answers(writer)
        # Now it reads the new ones.
        writer.upkeep.tidy()
        assert len(list(folder.glob("*.npy"))) == 2
        assert answers(reader) == before
    assert [file.name for file in folder.glob(".readers-*")] == [".readers-00000001"]


def test_readers_that_come_later_do_not_keep_old_segments(folder):
    early = Index.open(folder)
    with Index.open(folder) as writer:
        writer.upkeep.compact()
        with Index.open(folder):
            early.close()
            writer.upkeep.tidy()
            assert len(list(folder.glob("*.npy"))) == 2


def test_an_index_of_which_nothing_is_left_gives_no_number_twice(folder):
    with Index.open(folder) as reader, Index.open(folder) as writer:
        writer.upkeep.rearrange(drops=[state.number for state in writer.upkeep.file_states()])
        writer.upkeep.compact()
        assert answers(reader) == [[], [], []]
        fill(writer, 1)
        assert len(answers(reader)[0]) == 4
        assert answers(reader) == answers(writer)


def test_what_a_killed_process_left_goes_and_nothing_else(folder):
    names = [
        ".segment-00000041.npy.0123456789abcdef.tmp",
        ".rejected.jsonl.0123456789abcdef.tmp",
        "segment-00000099.npy",
    ]
    others = ["segment-1.npy", ".segment.tmp", "notes.txt", "side-image-00000001.safetensors"]
    for name in [*names, *others]:
        (folder / name).write_bytes(b"x")
    before = set(os.listdir(folder))
    with Index.open(folder) as index:
        index.upkeep.tidy()
        assert len(answers(index)[0]) == 80
    assert before - set(os.listdir(folder)) == set(names)


def test_damaged_segments_are_not_compacted(folder):
    with Index.open(folder) as index:
        file = folder / "segment-00000003.npy"
        file.write_bytes(file.read_bytes()[:-1] + b"x")
        with pytest.raises(IndexFolderError, match=r"segment-00000003\.npy: is damaged"):
            index.upkeep.compact()
    assert len(list(folder.glob("segment*.npy"))) == 40


def test_segments_that_a_side_index_covers_stay(folder):
    from avnet.index.catalogue import SideFacts

    with Index.open(folder) as index:
        with index._tables.transaction():
            index._tables.set_side(SideFacts("image", 1, "0" * 64, 4, 1))
        assert index.upkeep.compact().after == 6
        assert [segment.id for segment in index._mappings.segments][:4] == [1, 2, 3, 4]

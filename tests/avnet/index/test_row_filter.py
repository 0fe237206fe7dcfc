"""Searches among some of the rows: exactly what a search of an index of these rows alone would find."""

import numpy as np
import pytest
from extras import need

from avnet.errors import OptionError
from avnet.index.acceleration import accelerate
from avnet.index.entry import Entry, Source, entry_id, place_of
from avnet.index.index import Index
from avnet.index.row_filter import RowFilter
from avnet.index.segment import KINDS

SIZE = 8


def unit(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def index(tmp_path):
    """400 rows in four segments: ten files of 20 images and of 20 sounds; times are no sums of powers of two."""
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        for part in range(2):
            names = [f"/films/{'Holiday' if part else 'Work'} {number}.mp4" for number in range(5)]
            for seed, kind in zip((part, part + 10), KINDS, strict=True):
                entries = [Entry(names[i // 20], 0.1 * (i % 20), kind) for i in range(100)]
                index.add(unit(100, seed), entries)
            index.save()
        yield index


def everything(index, query):
    return index.search(query, 400)


@pytest.mark.parametrize(
    ("rows", "takes"),
    [
        (RowFilter("HOLIDAY"), lambda hit: "Holiday" in hit.file),
        (RowFilter("holiday [12]*"), lambda hit: hit.file in ("/films/Holiday 1.mp4", "/films/Holiday 2.mp4")),
        (RowFilter("/films/*3.mp4"), lambda hit: "3.mp4" in hit.file),
        (RowFilter(after_s=0.3), lambda hit: hit.time_s >= 0.3),
        (RowFilter(before_s=0.1 * 7), lambda hit: hit.time_s <= 0.1 * 7),
        (RowFilter("work 4", 0.2, 0.5), lambda hit: hit.file == "/films/Work 4.mp4" and 0.2 <= hit.time_s <= 0.5),
        (RowFilter("no such file"), lambda hit: False),
        (RowFilter(), lambda hit: True),
        (RowFilter(without=frozenset({"1-3", "3-99", "99-0"})), lambda hit: hit.id not in ("1-3", "3-99")),
    ],
)
def test_what_is_found_is_what_of_all_the_rows_fits(index, rows, takes):
    for query in unit(3, 30):
        expected = [hit for hit in everything(index, query) if takes(hit)]
        assert index.search(query, 400, rows=rows) == expected
        assert index.search(query, 5, rows=rows) == expected[:5]
        images = [hit for hit in expected if hit.kind == "image"]
        assert index.search(query, 7, "image", rows=rows) == images[:7]


def test_limits_of_a_time_are_inclusive_to_the_last_bit(index):
    time_s = 0.1 * 7  # no decimal of a few digits
    found = index.search(unit(1)[0], 400, rows=RowFilter(after_s=time_s, before_s=time_s))
    assert len(found) == 20 and {hit.time_s for hit in found} == {time_s}


def test_one_of_a_file_is_the_best_of_those_that_fit(index):
    query, rows = unit(1, 31)[0], RowFilter(after_s=1.0)
    best = {}
    for hit in everything(index, query):
        if hit.time_s >= 1.0:
            best.setdefault(hit.file, hit)
    assert index.search(query, 10, per_file=1, rows=rows) == list(best.values())


def test_rows_of_a_file_that_is_indexed_again_are_filtered_as_they_are_now(index):
    query, rows = unit(1, 32)[0], RowFilter("Work 0", after_s=5.0)
    assert index.search(query, 3, rows=rows) == []
    name = "/films/Work 0.mp4"
    index.add(unit(2, 33), [Entry(name, 6.0, "image"), Entry(name, 4.0, "image")], Source(name, "new"))
    index.save()
    assert [(hit.time_s, hit.id) for hit in index.search(query, 3, rows=rows)] == [(6.0, "5-0")]
    assert index.search(query, 400, rows=RowFilter("Work 0", before_s=1.0)) == []


def test_an_entry_is_found_again_by_its_id(index):
    query = unit(1, 34)[0]
    for hit in index.search(query, 20):
        entry, vector = index.entry(hit.id)
        assert (entry.file, entry.time_s, entry.kind) == (hit.file, hit.time_s, hit.kind)
        assert float(vector @ query) == pytest.approx(hit.score, abs=1e-6)


@pytest.mark.parametrize("id", ["", "3", "3-", "-1-2", "3-17-1", "a-b", "9" * 30 + "-1", "1-٣x", "../3-1"])
def test_what_is_no_id_is_refused(index, id):
    with pytest.raises(OptionError, match="entry: must be the id of an entry"):
        index.entry(id)


@pytest.mark.parametrize("id", ["1-100", "9-0", "0-0", "999999999-999999999"])
def test_an_entry_that_is_not_there_is_refused(index, id):
    with pytest.raises(OptionError, match=f"entry: is not in the index: {id}"):
        index.entry(id)


def test_ids_there_and_back():
    assert place_of(entry_id(3, 17)) == (3, 17)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"after_s": float("nan")}, "after_s: must be a time in seconds, got nan"),
        ({"after_s": 3.0, "before_s": 2.0}, "after_s: must not be later than 2 s, got 3"),
    ],
)
def test_times_that_cannot_be_are_refused(options, reason):
    with pytest.raises(OptionError) as refusal:
        RowFilter(**options)
    assert str(refusal.value) == reason


def test_a_filter_is_exact_where_there_is_a_side_index(tmp_path, monkeypatch):
    need("faiss")
    monkeypatch.setattr("avnet.index.acceleration.ROWS", 1000)
    monkeypatch.setattr("avnet.index.acceleration.QUERIES", 30)
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        index.add(unit(2000, 1), [Entry(f"{i // 10}.mp4", float(i % 10), "image") for i in range(2000)])
        index.save()
        index.save_side(accelerate(index, "image").side)
        sides, _ = index.sides()
        sides[0].probes = 1  # which finds too little
        assert index.sides()[0][0] is sides[0]
        for query in unit(5, 2):
            rows = RowFilter("7.mp4", before_s=6)
            assert index.search(query, 10, sides=sides, rows=rows) == index.search(query, 10, rows=rows)
            best = index.search(query, 1, sides=sides)[0]
            rest = index.search(query, 5, sides=sides, rows=RowFilter(without=frozenset({best.id})))
            assert best.id not in {hit.id for hit in rest}

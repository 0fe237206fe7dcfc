"""Tables of metadata, dates of files and keys of rows, as filters of a search."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

import avnet
from avnet.errors import DataError, OptionError
from avnet.index.entry import Entry, Source, parts_of_key
from avnet.index.index import Index
from avnet.index.row_filter import RowFilter
from avnet.index.rows.metadata import Metadata

SIZE = 8
TABLE = """file,place,bird
/films/2023/one.mp4,Paris,
2024/one.mp4,Rome,Wren [male]
two.mp4,"Paris, Texas",robin
./three.mp4,PARIS,robin
"""
FILES = ("/films/2023/one.mp4", "/films/2024/one.mp4", "/films/two.mp4", "/films/three.mp4", "/films/four.mp4")


def unit(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "birds.csv"
    path.write_text(TABLE)
    return path


def fill(index, files=FILES):
    """Two images of each file, changed at noon of the first, second, ... of May 2024; of the last it is not known."""
    for number, file in enumerate(files):
        noon = datetime(2024, 5, 1 + FILES.index(file), 12, tzinfo=UTC)
        stamp = f"5 bytes, changed {int(noon.timestamp()) * 10**9}, every 1 s" if file != FILES[-1] else "unknown"
        entries = [Entry(file, time_s, "image") for time_s in (0.1 * 7, 12.5)]
        index.add(unit(2, FILES.index(file)), entries, Source(file, stamp))
        if number % 2:
            index.save()
    index.save()


@pytest.fixture
def index(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        fill(index)
        yield index


def files_of(index, rows):
    return sorted({hit.file for hit in index.search(unit(1, 9)[0], 100, rows=rows)}, key=FILES.index)


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ((), [0, 1, 2, 3]),
        (("place=paris",), [0, 3]),
        (("place=Paris*",), [0, 2, 3]),
        (("place=Paris*", "bird=robin"), [2, 3]),
        (("place=paris", "place=rome"), [0, 1, 3]),
        (("bird=",), [0]),
        (("bird=wren [male]",), [1]),
        ((" place = Paris, Texas ",), [2]),
        (("place=Berlin",), []),
        (("file=two.mp4",), [2]),
    ],
)
def test_files_are_found_to_which_the_table_gives_the_values(index, table, where, numbers):
    metadata = Metadata.read(table, where)
    assert files_of(index, RowFilter(metadata=metadata)) == [FILES[number] for number in numbers]


def test_a_name_stands_for_whole_parts_of_a_path(table):
    metadata = Metadata(table, frozenset({"b/c.mp4"}))
    assert metadata.takes("/a/b/c.mp4") and metadata.takes("b/c.mp4")
    assert not metadata.takes("/a/bb/c.mp4") and not metadata.takes("/a/c.mp4")


def test_a_column_that_is_not_there_is_refused_with_those_that_are(table):
    with pytest.raises(OptionError) as refusal:
        Metadata.read(table, ["colour=red"])
    assert str(refusal.value) == "where: names no column 'colour'; there are file, place, bird"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"path,place\na.mp4,Rome\n", "needs a column 'file' that names files; has path, place"),
        (b"", "needs a column 'file' that names files; has no columns"),
        (b"file,place\na.mp4\n", "has 1 cells where the first line has 2 in line 2"),
        (b"file,file\na,b\n", "must name every column once"),
        (b"file\n\xff\xfe\n", "is no table of comma-separated values in UTF-8"),
        (b'file\n"a\n', "is no table of comma-separated values in UTF-8"),
        (b"file\n" + b"a" * 200_000, "is no table of comma-separated values in UTF-8"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, reason):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason.replace("(", r"\(")):
        Metadata.read(path)
    with pytest.raises(DataError, match=r"none\.csv: cannot be read"):
        Metadata.read(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"where": ("place=Rome",)}, "where: goes with the option metadata"),
        ({"where": ("place",), "metadata": Path("a.csv")}, "where: must be COLUMN=VALUE, got 'place'"),
        ({"after": "yesterday"}, "after: must be a date, as 2024-05-01 or 2024-05-01T12:30, got 'yesterday'"),
        ({"before": "2024-13-01"}, "before: must be a date"),
        ({"after": "2024-05-02", "before": "2024-05-02"}, "after: must be earlier than 2024-05-02T00:00:00"),
    ],
)
def test_options_that_cannot_be_are_refused(options, reason):
    with pytest.raises(OptionError, match=reason):
        avnet.SearchOptions(**options)


def test_files_are_found_by_the_date_on_which_they_were_changed(index):
    second, third = (datetime(2024, 5, day, 12, tzinfo=UTC) for day in (2, 3))
    assert files_of(index, RowFilter(after=second)) == list(FILES[1:4])
    assert files_of(index, RowFilter(before=third)) == list(FILES[:2])
    assert files_of(index, RowFilter(after=second, before=third)) == [FILES[1]]
    # The same moment by the clock of another zone.
    assert files_of(index, RowFilter(before=third.astimezone(timezone(timedelta(hours=9))))) == list(FILES[:2])
    assert files_of(index, RowFilter("one.mp4", after=second)) == [FILES[1]]
    assert files_of(index, avnet.SearchOptions(after="2024-05-03T12:00+00:00").row_filter()) == list(FILES[2:4])


def test_an_index_that_is_made_again_in_another_order_has_the_same_keys(index, tmp_path):
    with Index.create(tmp_path / "again", "m", SIZE) as again:
        fill(again, FILES[::-1])
        query = unit(1, 9)[0]
        first, second = (one.search(query, 100) for one in (index, again))
        assert [hit.key for hit in first] == [hit.key for hit in second] and len({hit.key for hit in first}) == 10
        assert [hit.id for hit in first] != [hit.id for hit in second]
        for hit in first:
            entry, vector = again.entry(hit.key)
            assert entry == Entry(hit.file, hit.time_s, hit.kind)
            np.testing.assert_array_equal(vector, index.entry(hit.key)[1])
        left_out = RowFilter(without=frozenset({first[0].key}))
        assert again.search(query, 100, rows=left_out) == second[1:]


def test_a_key_names_file_time_and_kind():
    # The first digits of the SHA-256 of "a.mp4".
    assert Entry("a.mp4", 12.5, "sound").key == "e6d48eabd560bc60-12.5-sound"
    assert parts_of_key("e6d48eabd560bc60--1e-05-image") == ("e6d48eabd560bc60", -1e-05, "image")
    assert parts_of_key("e6d48eabd560bc60-1.2.3-image") is None and parts_of_key("3-17") is None


def test_a_key_of_no_row_is_refused(index):
    at = 12.5
    for entry in (Entry("/none.mp4", at, "image"), Entry(FILES[0], 13.0, "image"), Entry(FILES[0], at, "sound")):
        with pytest.raises(OptionError, match=f"entry: is not in the index: {entry.key}"):
            index.entry(entry.key)

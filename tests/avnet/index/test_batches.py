"""An index as batches of rows, in memory and in files that Arrow reads."""

import numpy as np
import pytest
from extras import need

from avnet.apps.archive.rows import RowsOptions, export_index
from avnet.errors import AvnetError, ConfigError, OptionError
from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.row_filter import RowFilter
from avnet.index.rows.batches import arrow_batches, batches
from avnet.index.segment import KINDS

SIZE = 8


def unit(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=["float32", "float16"])
def index(tmp_path, request):
    """30 images and 30 sounds of three files, the second of which was indexed again."""
    with Index.create(tmp_path / "index", "m", SIZE, request.param) as index:
        for number, name in enumerate(("a.mp4", "b.mp4", "c.mp4", "b.mp4")):
            entries = [Entry(name, 0.1 * (i // 2), KINDS[i % 2]) for i in range(20)]
            index.add(unit(20, number), entries, Source(name, str(number)))
            index.save()
        yield index


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_batches_are_all_rows_once_whatever_their_size(index, rows):
    whole = list(batches(index, rows))
    assert max(len(batch.vectors) for batch in whole) <= rows
    ids = [id for batch in whole for id in batch.ids]
    assert len(ids) == len(set(ids)) == 60
    for batch in whole:
        for entry, id, vector in zip(batch.entries, batch.ids, batch.vectors, strict=True):
            same, stored = index.entry(id)
            assert same == entry and vector.dtype == np.dtype(index.precision)
            np.testing.assert_array_equal(vector.astype(np.float32), stored)


def test_batches_of_some_rows(index):
    only = RowFilter("b.mp4", after_s=0.25)
    entries = [entry for batch in batches(index, kind="sound", only=only) for entry in batch.entries]
    assert [(entry.file, entry.kind) for entry in entries] == [("b.mp4", "sound")] * 7
    assert [entry.time_s for entry in entries] == [0.1 * i for i in range(3, 10)]
    with pytest.raises(ConfigError, match="rows: must be at least 1, got 0"):
        next(batches(index, 0))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_file_holds_what_the_batches_hold(index, tmp_path, suffix):
    pa, parquet = need("pyarrow"), need("pyarrow.parquet")
    out = tmp_path / f"rows{suffix}"
    report = export_index(index.folder, out, RowsOptions(rows=16))
    table = parquet.read_table(out) if suffix == ".parquet" else pa.ipc.open_file(out).read_all()
    assert table.equals(pa.Table.from_batches(arrow_batches(index)))
    assert (report.rows, report.size) == (60, out.stat().st_size) == (table.num_rows, out.stat().st_size)
    assert table.schema.metadata[b"avnet.model"] == b"m" and table.schema.field("vector").type.list_size == SIZE
    if suffix == ".parquet":  # so that memory is bounded
        groups = parquet.ParquetFile(out).metadata
        assert max(groups.row_group(number).num_rows for number in range(groups.num_row_groups)) <= 16
    row = table.to_pylist()[17]
    entry, vector = index.entry(row["key"])
    assert (row["file"], row["time_s"], row["kind"]) == (entry.file, entry.time_s, entry.kind)
    np.testing.assert_array_equal(np.asarray(row["vector"], np.float32), vector)
    assert index.entry(row["entry"])[0] == entry
    export_index(index.folder, out, RowsOptions(kind="image", source="a.*"))  # its own result is replaced
    assert report.rows > 10


def test_what_cannot_be_written_is_refused(index, tmp_path):
    need("pyarrow")
    with pytest.raises(ConfigError, match=r"must have a name that ends in \.parquet or \.arrow"):
        export_index(index.folder, tmp_path / "rows.csv")
    (tmp_path / "rows.parquet").write_text("of somebody else")
    with pytest.raises(AvnetError, match=r"rows\.parquet"):
        export_index(index.folder, tmp_path / "rows.parquet")
    with pytest.raises(OptionError, match="rows: must be from 1"):
        RowsOptions(rows=0)

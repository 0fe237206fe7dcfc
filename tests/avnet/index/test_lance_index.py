"""An index in LanceDB gives what its segments give: the same hits in the same order, ties and all."""

import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from extras import need

from avnet.apps.archive.lance import LanceOptions, copy_to_lance, to_precision
from avnet.errors import AvnetError, ConfigError, IndexFolderError, OptionError
from avnet.index.engines.address import lance_address
from avnet.index.engines.lance_database import LanceHeader, connect
from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.row_filter import RowFilter
from avnet.index.rows.batches import batches
from avnet.index.segment import KINDS, Precision

SIZE = 16
BACKWARDS = LanceHeader("m", 8, "float32", ((2, "image", 1), (1, "image", 1)))


def unit(rows, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(rows, SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def make(folder, precision: Precision = "float32", rows=300):
    """Four files of images and sounds in four segments each, the third indexed again, and every vector twice."""
    with Index.create(folder, "model", SIZE, precision) as index:
        for number, name in enumerate(("/a/one.mp4", "/a/two.mp4", "/b/three.mp4", "/b/four.mp4", "/b/three.mp4")):
            vectors = np.repeat(unit(rows // 2, number), 2, axis=0)
            entries = [Entry(name, 0.1 * (i // 2), KINDS[i // 2 % 2]) for i in range(rows)]
            index.add(vectors, entries, Source(name, f"1 bytes, changed {number}000000000, every 1 s"))
            index.save()
    return folder


@pytest.fixture(scope="module", params=["float32", "float16"])
def both(request, tmp_path_factory):
    """The same index by both engines."""
    need("lancedb")
    place = tmp_path_factory.mktemp("both")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avnet.index.engines.lance_index.WINDOW", 37)
        copy_to_lance(make(place / "index", request.param), place / "copy.lance")
        with Index.open(place / "index") as segments, Index.open(place / "copy.lance", "model") as lance:
            yield segments, lance


def test_exact_hits_are_the_same_in_the_same_order(both):
    segments, lance = both
    assert lance.counts() == segments.counts() and lance.file_count() == segments.file_count()
    assert (lance.model_fingerprint, lance.precision) == (segments.model_fingerprint, segments.precision)
    for kind in (None, *KINDS):
        for per_file in (None, 1, 3):
            expected = segments.search_many(unit(5, 50), 70, kind, per_file)
            assert lance.search_many(unit(5, 50), 70, kind, per_file) == expected
    whole = segments.search(unit(1, 51)[0], 2000)
    scores = [hit.score for hit in whole]
    assert len(scores) == 1200 and len(set(scores)) <= 601  # ties there are
    assert lance.search(unit(1, 51)[0], 2000) == whole


@pytest.mark.parametrize(
    "rows",
    [
        RowFilter("/b/*"),
        RowFilter("one", after_s=3.05, before_s=9.0),
        RowFilter(without=frozenset({"1-0", "1-3"})),
        RowFilter("no such file"),
    ],
)
def test_filters_leave_out_the_same(both, rows):
    segments, lance = both
    assert lance.search(unit(1, 52)[0], 500, rows=rows) == segments.search(unit(1, 52)[0], 500, rows=rows)


def test_dates_entries_and_batches_are_the_same(both):
    segments, lance = both
    options = {path: segments.rows.dates()[number] for number, path in segments.rows.paths().items()}
    assert {path: lance.rows.dates()[number] for number, path in lance.rows.paths().items()} == options
    for hit in segments.search(unit(1, 53)[0], 10):
        for id in (hit.id, hit.key):
            assert lance.entry(id)[0] == segments.entry(id)[0]
            np.testing.assert_array_equal(lance.entry(id)[1], segments.entry(id)[1])
    for one, other in zip(batches(segments, 100), batches(lance, 100), strict=True):
        assert (one.ids, one.entries) == (other.ids, other.entries)
        np.testing.assert_array_equal(one.vectors, other.vectors)
    with pytest.raises(OptionError, match="is not in the index"):
        lance.entry("1-99999")
    with pytest.raises(IndexFolderError, match="is read only"):
        lance.add(unit(1), [Entry("a", 0.0, "image")])


def test_eight_bits_find_most_and_are_read_as_they_were_rounded(tmp_path):
    need("lancedb")
    folder = make(tmp_path / "index")
    report = copy_to_lance(folder, tmp_path / "copy.lance", LanceOptions("int8"))
    assert report.rows == 1200 and all(0.9 <= recall <= 1 for recall in report.recalls.values())
    with Index.open(folder) as segments, Index.open(tmp_path / "copy.lance") as lance:
        for hit in lance.search(unit(1, 54)[0], 20):
            vector = segments.entry(hit.id)[1]
            numbers, scale = to_precision(vector[None], "int8")
            np.testing.assert_array_equal(lance.entry(hit.id)[1], numbers[0].astype(np.float32) * scale)
            assert np.abs(lance.entry(hit.id)[1] - vector).max() <= np.abs(vector).max() / 254 + 1e-7
    with pytest.raises(OptionError, match="vector_index: goes with float32"):
        LanceOptions("int8", "ivf-pq")


@pytest.mark.parametrize("kind", ["ivf-pq", "ivf-hnsw-sq"])
def test_what_lancedb_built_finds_most_of_the_nearest_with_their_own_scores(tmp_path, monkeypatch, kind):
    need("lancedb")
    folder = make(tmp_path / "index", rows=600)
    report = copy_to_lance(folder, tmp_path / "copy.lance", LanceOptions(vector_index=kind))
    # Half of the nearest ten are there twice.
    assert all(0.6 <= recall <= 1 for recall in report.recalls.values()), report
    with Index.open(tmp_path / "copy.lance") as lance:
        sides, refusals = lance.sides()
        assert [side.kind for side in sides] == list(KINDS) and refusals == []
        assert lance.coverage() == lance.counts()
        exact = {hit.id: hit.score for hit in lance.search(unit(1, 55)[0], 1200, "image")}
        hits = lance.search(unit(1, 55)[0], 10, "image", sides=sides)
        assert [hit.score for hit in hits] == pytest.approx([exact[hit.id] for hit in hits], abs=1e-6)
        narrow = RowFilter("two")
        assert lance.search(unit(1, 55)[0], 10, sides=sides, rows=narrow) == lance.search(
            unit(1, 55)[0], 10, rows=narrow
        )


def test_what_is_no_index_of_ours_is_refused(tmp_path):
    need("lancedb")
    folder = make(tmp_path / "index")
    with pytest.raises(IndexFolderError, match="is not an index in LanceDB, or its writing was cut short"):
        Index.open(tmp_path / "none.lance")
    with pytest.raises(IndexFolderError, match="is for LanceDB; index into a folder"):
        Index.create(tmp_path / "new.lance", "model", SIZE)
    with pytest.raises(ConfigError, match=r"must end in \.lance, or be"):
        copy_to_lance(folder, tmp_path / "copy")
    (tmp_path / "foreign.lance").mkdir()
    (tmp_path / "foreign.lance" / "thesis.txt").touch()
    with pytest.raises(IndexFolderError, match=r"is not replaced: it holds thesis\.txt"):
        copy_to_lance(folder, tmp_path / "foreign.lance")
    address = tmp_path / "copy.lance"
    copy_to_lance(folder, address)
    copy_to_lance(folder, address)  # its own is replaced
    with pytest.raises(IndexFolderError, match="was made with another model"):
        Index.open(address, "other")
    database = connect(str(tmp_path / "copy.lance"))
    text = LanceHeader("model", SIZE, "float32", ()).to_json().replace('"format": 1', '"format": 2')
    pyarrow = need("pyarrow")

    database.create_table("header", data=pyarrow.table({"json": [text]}), mode="overwrite")
    with pytest.raises(IndexFolderError, match=r"was written by a newer avnet \(format 2\); update avnet"):
        Index.open(address)
    database.drop_table("header")
    with pytest.raises(IndexFolderError, match="its writing was cut short"):
        Index.open(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 1}',
        LanceHeader("m", 0, "float32", ()).to_json(),
        LanceHeader("m", 8, "float32", ((2, "image", 1), (1, "image", 1))).to_json(),
    ],
)
def test_a_damaged_header_is_refused(text):
    with pytest.raises(IndexFolderError, match="is not an index, or damaged"):
        LanceHeader.of_json("x.lance", text)


@pytest.mark.parametrize(
    ("folder", "address"),
    [("index", None), ("a.lance/index", None), ("s3:/bucket/a", "s3://bucket/a"), ("gs://b/a.lance", "gs://b/a.lance")],
)
def test_the_address_tells_the_engine(folder, address):
    assert lance_address(folder) == address


@pytest.fixture
def bucket(monkeypatch):
    """A bucket of a server that stands in for S3."""
    need("lancedb")
    need("moto")
    boto3 = need("boto3")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    endpoint = f"http://127.0.0.1:{port}"
    for name, value in {
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.2)
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="archive")
        yield "s3://archive/birds.lance"
    finally:
        server.kill()
        server.wait()


def test_an_index_in_a_bucket_is_searched_there(bucket, tmp_path):
    folder = make(tmp_path / "index", rows=100)
    copy_to_lance(folder, bucket)
    with Index.open(folder) as segments, Index.open(bucket, "model") as lance:
        query, rows = unit(1, 56)[0], RowFilter("/b/*", after_s=1.0)
        assert lance.search(query, 50) == segments.search(query, 50)
        assert lance.search(query, 50, rows=rows) == segments.search(query, 50, rows=rows)
    with pytest.raises(AvnetError, match=r"s3://no-such-bucket/a\.lance: "):
        Index.open("s3://no-such-bucket/a.lance")

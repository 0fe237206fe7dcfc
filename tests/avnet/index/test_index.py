import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from avnet.errors import AvnetError, ConfigError, IndexFolderError
from avnet.index.entry import Entry, Source
from avnet.index.index import Index, is_index
from avnet.index.segment import Kind

ROOT = Path(__file__).parents[3]
SIZE = 8


def unit(rows, seed=0, size=SIZE):
    vectors = np.random.default_rng(seed).normal(size=(rows, size)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def entries(rows, kind: Kind = "image", file="a.mp4", first=0):
    return [Entry(file, float(first + i), kind) for i in range(rows)]


@pytest.fixture
def folder(tmp_path):
    """An index of 20 images and 30 sounds in three segments."""
    folder = tmp_path / "index"
    with Index.create(folder, "model-a", SIZE) as index:
        index.add(unit(20, 1), entries(20))
        index.add(unit(10, 2), entries(10, "sound"))
        index.save()
        index.add(unit(20, 3), entries(20, "sound", "b.wav", 10))
        index.save()
    return folder


def test_scores_of_three_vectors_worked_out_by_hand(tmp_path):
    with Index.create(tmp_path / "index", "m", 2) as index:
        index.add(np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32), entries(3))
        index.save()
        hits = index.search(np.array([0.8, 0.6]), 2)
    assert [(hit.time_s, hit.file, hit.kind) for hit in hits] == [
        (2.0, "a.mp4", "image"),
        (0.0, "a.mp4", "image"),
    ]
    assert [hit.score for hit in hits] == pytest.approx([0.96, 0.8])


def test_search_is_exact_over_segments_and_kinds(folder):
    images, sounds = unit(20, 1), np.concatenate([unit(10, 2), unit(20, 3)])
    queries = unit(5, 9)
    with Index.open(folder) as index:
        expected: dict[Kind, np.ndarray] = {"image": images, "sound": sounds}
        for kind, vectors in expected.items():
            result = index.search_many(queries, 7, kind)
            for query, hits in zip(queries, result, strict=True):
                order = np.argsort(-(vectors @ query))[:7]
                assert [hit.time_s for hit in hits] == order.tolist()
                assert {hit.kind for hit in hits} == {kind}
                np.testing.assert_allclose([hit.score for hit in hits], (vectors @ query)[order], atol=1e-6)
        both = index.search(queries[0], 50)
        np.testing.assert_allclose(
            [hit.score for hit in both],
            np.sort(np.concatenate([images, sounds]) @ queries[0])[::-1],
            atol=1e-6,
        )
        assert len(index.search(queries[0], 1000)) == 50


def test_one_query_gives_what_many_give(folder, monkeypatch):
    monkeypatch.setattr("avnet.index.index.QUERIES", 2)
    with Index.open(folder) as index:
        many = index.search_many(unit(3, 5), 4)
        for query, hits in zip(unit(3, 5), many, strict=True):
            one = index.search(query, 4)
            assert [(h.file, h.time_s) for h in one] == [(h.file, h.time_s) for h in hits]


def test_equal_scores_come_in_the_order_of_adding(tmp_path):
    with Index.create(tmp_path / "index", "m", 2) as index:
        index.add(np.tile(np.array([[0, 1]], np.float32), (9, 1)), entries(9))
        index.save()
        assert [hit.time_s for hit in index.search(np.array([0, 1.0]), 4)] == [0, 1, 2, 3]


def test_hits_of_one_file_are_limited_and_the_next_files_take_their_place(tmp_path):
    vectors = unit(40, 4)
    files = [f"{i % 5}.mp4" for i in range(40)]
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        index.add(vectors, [Entry(file, float(i), "image") for i, file in enumerate(files)])
        index.save()
        hits = index.search(vectors[0], 5, per_file=1)
        assert sorted(hit.file for hit in hits) == [f"{i}.mp4" for i in range(5)]
        best = [max(float(vectors[i] @ vectors[0]) for i in range(f, 40, 5)) for f in range(5)]
        np.testing.assert_allclose([hit.score for hit in hits], sorted(best, reverse=True), atol=1e-6)
        assert max(Counter(hit.file for hit in index.search(vectors[0], 40, per_file=2)).values()) == 2


def test_what_is_saved_is_there_when_opened_again_and_what_is_not_is_gone(folder):
    with Index.open(folder) as index:
        index.add(unit(1, 7), entries(1, file="lost.mp4"))
        assert index.unsaved_rows == 1
    with Index.open(folder, "model-a") as index:
        assert index.counts() == {"image": 20, "sound": 30}
        assert index.file_count() == 2
        assert (index.model_fingerprint, index.embedding_size) == ("model-a", SIZE)
        assert index.search(unit(1, 7)[0], 1)[0].file != "lost.mp4"


def test_empty_index_finds_nothing(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        assert index.search(unit(1)[0], 3) == []
        index.save()
    assert {"artifact.json", "index.sqlite"} == {name for name in os.listdir(tmp_path / "index") if name[0] != "."}


def test_file_that_is_added_again_replaces_its_rows(folder):
    first, second = Source("c.mp4", "1"), Source("c.mp4", "2")
    with Index.open(folder) as index:
        assert not index.holds(first)
        index.add(unit(3, 11), entries(3, file="c.mp4"), first)
        assert not index.holds(first)
        index.save()
        assert index.holds(first) and not index.holds(second)
        index.add(unit(2, 12), entries(2, file="c.mp4", first=100), second)
        index.save()
        assert index.holds(second) and not index.holds(first)
        assert index.counts()["image"] == 22
        assert index.search(unit(3, 11)[0], 1)[0].file != "c.mp4"
        assert {hit.time_s for hit in index.search(unit(2, 12)[0], 50) if hit.file == "c.mp4"} == {
            100.0,
            101.0,
        }


def test_file_that_is_added_twice_before_saving_counts_once(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        index.add(unit(3), entries(3), Source("a.mp4", "1"))
        index.add(unit(2), entries(2), Source("a.mp4", "2"))
        index.save()
        assert index.counts()["image"] == 2 and index.holds(Source("a.mp4", "2"))


def test_file_without_rows_is_known(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        index.add(np.zeros((0, SIZE), np.float32), [], Source("silent.wav", "1"))
        index.save()
        assert index.holds(Source("silent.wav", "1"))
        assert index.file_count() == 0


def test_two_writers_lose_nothing(folder):
    with Index.open(folder) as one, Index.open(folder) as two:
        one.add(unit(4, 21), entries(4, file="one.mp4"))
        two.add(unit(4, 22), entries(4, file="two.mp4"))
        one.save()
        two.save()
        assert two.counts()["image"] == 28
    with Index.open(folder) as index:
        assert index.search(unit(4, 21)[2], 1)[0].file == "one.mp4"
        assert index.search(unit(4, 22)[2], 1)[0].file == "two.mp4"


def test_reading_takes_no_right_to_write(folder, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Index.open(folder) as index:
        assert len(index.search(unit(1)[0], 3)) == 3
        index.add(unit(1), entries(1))
        with pytest.raises(IndexFolderError, match="cannot be written"):
            index.save()


WRITER = """
import os, signal, sys
import numpy as np
from avnet.index.entry import Entry
from avnet.index.index import Index, is_index

def vectors(first):
    rows = np.stack([np.random.default_rng(n).normal(size=8) for n in range(first, first + 5)])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

def die_at(call, before):
    def wrap(function):
        def counted(*args):
            nonlocal left
            left -= 1
            if left == 0 and before:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return counted
    left = call
    os.fsync, os.replace = wrap(os.fsync), wrap(os.replace)

folder, call, before = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "before"
die_at(call, before)
index = Index.open(folder) if is_index(folder) else Index.create(folder, "m", 8)
while True:
    first = sum(index.counts().values())
    index.add(vectors(first), [Entry("a", n, "image" if n % 2 else "sound") for n in range(first, first + 5)])
    index.save()
    print(first + 5, flush=True)
"""


def write_until_kill(folder, call, before, kill=None):
    """Runs the writer until it dies; returns how many rows it said it had saved."""
    command = [sys.executable, "-c", WRITER, str(folder), str(call), before]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        rows_before = 0
        assert writer.stdout is not None
        for line in writer.stdout:
            rows_before = int(line)
            if kill is not None and kill(rows_before):
                writer.kill()
        assert writer.wait() == -signal.SIGKILL
    return rows_before


def check_whole(folder, rows_before):
    """Every row up to a multiple of 5 is there with its own vector, and none that was saved is missing."""
    with Index.open(folder, "m") as index:
        rows = sum(index.counts().values())
        assert rows >= rows_before and rows % 5 == 0
        queries = [np.random.default_rng(n).normal(size=8) for n in range(rows)]
        queries = np.array([query / np.linalg.norm(query) for query in queries]).reshape(-1, 8)
        for n, hits in enumerate(index.search_many(queries, 1)):
            assert hits[0].time_s == n and hits[0].score == pytest.approx(1, abs=1e-5)
            assert hits[0].kind == ("image" if n % 2 else "sound")


def test_index_opens_whole_after_a_kill_at_every_step_of_writing(tmp_path):
    folder = tmp_path / "index"
    # Making it takes 3 calls to the disk, saving two segments 6.
    for call in range(1, 10):
        for before in ("before", "after"):
            rows_before = write_until_kill(folder, call, before)
            if is_index(folder):
                check_whole(folder, rows_before)


def test_index_opens_whole_after_kills_at_random_moments(tmp_path):
    folder, rng = tmp_path / "index", np.random.default_rng(0)
    for _ in range(5):
        until, lot = int(rng.integers(1, 30)), iter(rng.random(100_000))
        rows_before = write_until_kill(
            folder, 0, "", kill=lambda rows, u=until, lot=lot: rows > 5 * u and next(lot) < 0.3
        )
        check_whole(folder, rows_before)


def assert_refusal(folder, fingerprint=None):
    with pytest.raises(IndexFolderError) as refusal:
        Index.open(folder, fingerprint)
    assert "\n" not in str(refusal.value)
    return refusal.value


def test_index_of_another_model_is_refused(folder):
    assert "another model" in assert_refusal(folder, "model-b").reason


@pytest.mark.parametrize("name", ["segment-00000001.npy", "segment-00000003.npy"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "flipped"])
def test_damaged_segment_is_refused_by_name(folder, name, damage):
    file = folder / name
    content = bytearray(file.read_bytes())
    if damage == "missing":
        file.unlink()
    elif damage == "flipped":
        content[-10] ^= 1
        file.write_bytes(content)
    else:
        file.write_bytes(content[: 0 if damage == "empty" else -4])
    error = assert_refusal(folder)
    assert error.subject == str(file)
    assert error.reason.startswith("is missing" if damage == "missing" else "is damaged")


@pytest.mark.parametrize("content", [b"", b"random bytes" * 400])
def test_tables_that_are_none_are_refused(folder, content):
    (folder / "index.sqlite").write_bytes(content)
    assert assert_refusal(folder).subject.endswith("index.sqlite")


def test_truncated_tables_are_refused(folder):
    content = (folder / "index.sqlite").read_bytes()
    (folder / "index.sqlite").write_bytes(content[: len(content) // 2])
    assert assert_refusal(folder).subject.endswith("index.sqlite")


def test_folder_that_is_no_index_is_refused(tmp_path):
    assert "is not an index" in assert_refusal(tmp_path).reason
    assert "does not exist" in assert_refusal(tmp_path / "nothing").reason
    (tmp_path / "file").write_text("x")
    assert "is not an index" in assert_refusal(tmp_path / "file").reason


def test_index_is_not_made_in_a_folder_of_other_things(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(IndexFolderError, match="not empty"):
        Index.create(tmp_path, "m", SIZE)
    with pytest.raises(IndexFolderError, match="cannot be made"):
        Index.create(tmp_path / "photo.jpg", "m", SIZE)


@pytest.mark.parametrize(
    "vectors, count",
    [
        (unit(2, size=SIZE + 1), 2),
        (unit(2), 3),
        (2 * unit(2), 2),
        (np.full((2, SIZE), np.nan, np.float32), 2),
        (np.zeros((2, SIZE), np.float32), 2),
    ],
    ids=["size", "entries", "length", "nan", "zero"],
)
def test_wrong_vectors_are_refused(folder, vectors, count):
    with Index.open(folder) as index, pytest.raises(IndexFolderError):
        index.add(vectors, entries(count))


def test_wrong_queries_are_refused(folder):
    with Index.open(folder) as index:
        for call in (
            lambda: index.search(unit(1, size=SIZE + 1)[0], 1),
            lambda: index.search(unit(1)[0], 0),
            lambda: index.search(unit(1)[0], 1, per_file=0),
            lambda: index.add(unit(1), entries(1, file="x"), Source("y", "1")),
        ):
            with pytest.raises(AvnetError):
                call()
        with pytest.raises((ConfigError, TypeError)):  # the type checker of the tests may be quicker
            index.search(unit(1)[0], 1, "smell")  # pyright: ignore[reportArgumentType]

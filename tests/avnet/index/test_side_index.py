"""Side indexes: what they find, what they do not cover, and files that are not what was written."""

import hashlib
import sqlite3
import struct

import numpy as np
import pytest
from extras import need
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from avnet.errors import ConfigError, IndexFolderError
from avnet.index import acceleration
from avnet.index.acceleration import accelerate
from avnet.index.approximate import find_nearest
from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.segment import Kind

need("faiss")

SIZE, ROWS = 16, 3000


def cluster_vectors(rows, seed):
    """Unit vectors about 100 centres."""
    centres = np.random.default_rng(0).normal(size=(100, SIZE))
    rng = np.random.default_rng(seed)
    vectors = centres[rng.integers(0, 100, rows)] + 0.3 * rng.normal(size=(rows, SIZE))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def add(index, vectors, kind: Kind = "image", file="{}.mp4", per_file=10, source=None):
    names = [file.format(i // per_file) for i in range(len(vectors))]
    index.add(vectors, [Entry(name, float(i), kind) for i, name in enumerate(names)], source)
    index.save()


@pytest.fixture(scope="module", autouse=True)
def small():
    """Side indexes of few rows, made with few queries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("avnet.index.acceleration.ROWS", 1000)
        patch.setattr("avnet.index.acceleration.QUERIES", 60)
        yield


@pytest.fixture(scope="module")
def index_once(tmp_path_factory):
    """An index of 3,000 images in three segments and 500 sounds, with a side index of the images."""
    folder = tmp_path_factory.mktemp("made") / "index"
    with Index.create(folder, "m", SIZE) as index:
        for part in range(3):
            add(index, cluster_vectors(ROWS // 3, part), file=f"{part}-{{}}.mp4")
        add(index, cluster_vectors(500, 9), "sound", "{}.wav")
        result = accelerate(index, "image")
        index.save_side(result.side)
    return folder, result


@pytest.fixture
def folder(index_once, tmp_path):
    """A copy of the index."""
    copy = tmp_path / "index"
    copy.mkdir()
    for file in index_once[0].iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    return copy


def side_of(index):
    """The one side index that there is."""
    (side,), refusals = index.sides()
    assert refusals == []
    return side


def names(hits):
    return [(hit.file, hit.time_s, hit.kind) for hit in hits]


def test_side_index_finds_what_it_says_and_reads_few_lists(index_once):
    folder, result = index_once
    assert result.recalls.keys() == {"image", "sound"} and min(result.recalls.values()) >= 0.95
    assert result.side.rows == ROWS and result.side.list_count > 20
    assert result.side.probes < result.side.list_count / 2
    queries = cluster_vectors(200, 50)
    with Index.open(folder) as index:
        side = side_of(index)
        assert (side.probes, side.list_count) == (result.side.probes, result.side.list_count)
        exact = index.search_many(queries, 10, "image")
        matches = index.search_many(queries, 10, "image", sides=[side])
    overlap = [len(set(names(a)) & set(names(b))) for a, b in zip(exact, matches, strict=True)]
    assert np.mean(overlap) >= 9.4
    for one, other in zip(exact, matches, strict=True):
        scores = {name: hit.score for name, hit in zip(names(one), one, strict=True)}
        for name, hit in zip(names(other), other, strict=True):
            assert hit.score == pytest.approx(scores.get(name, hit.score), abs=1e-6)
        assert [hit.score for hit in other] == sorted((hit.score for hit in other), reverse=True)


def test_one_query_gives_what_many_give(folder, monkeypatch):
    queries = cluster_vectors(7, 51)
    with Index.open(folder) as index:
        side = side_of(index)
        many = index.search_many(queries, 5, per_file=1, sides=[side])
        monkeypatch.setattr("avnet.index.approximate.SCORES", 1)  # one query at once
        assert [names(index.search(query, 5, per_file=1, sides=[side])) for query in queries] == list(map(names, many))


def test_other_kinds_and_rows_that_came_later_are_searched_exactly(folder):
    later = cluster_vectors(200, 60)
    with Index.open(folder) as index:
        side = side_of(index)
        add(index, later, file="later-{}.mp4", per_file=1)
        for query in cluster_vectors(20, 61):
            assert names(index.search(query, 5, "sound", sides=[side])) == names(index.search(query, 5, "sound"))
            exact = [
                name for name in names(index.search(query, 20)) if name[0].startswith("later") or name[2] != "image"
            ]
            matches = names(index.search(query, 20, sides=[side]))
            assert [name for name in exact if name not in matches] == []
        assert index.search(later[7], 1, sides=[side])[0].file == "later-7.mp4"
    with Index.open(folder) as index:
        assert index.coverage() == {"image": ROWS, "sound": 0}
        assert index.search(later[7], 1, sides=[side_of(index)])[0].file == "later-7.mp4"


def test_rows_that_were_replaced_are_not_found(folder):
    removed_rows = cluster_vectors(ROWS // 3, 0)[:10]
    query = removed_rows[3]
    with Index.open(folder) as index:
        assert index.search(query, 1, sides=[side_of(index)])[0].file == "0-0.mp4"
        add(index, -removed_rows[:2], file="0-0.mp4", source=Source("0-0.mp4", "2"))
        hits = index.search(query, 10, "image", sides=[side_of(index)])
        assert len(hits) == 10 and "0-0.mp4" not in {hit.file for hit in hits}
        assert index.coverage()["image"] == ROWS - 10


def test_hits_of_one_file_are_limited_and_exact_search_fills_what_lacks(tmp_path):
    """The 2,000 nearest rows are of one file, and ten others lie far away."""
    centre, far = cluster_vectors(1, 70), cluster_vectors(10, 71)
    near = centre + 0.01 * cluster_vectors(2000, 72)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        add(index, near, file="near.mp4")
        add(index, far, file="{}.mp4", per_file=1)
        side = accelerate(index, "image").side
        for per_file in (1, 3):
            exact = index.search(centre[0], 8, per_file=per_file)
            assert names(index.search(centre[0], 8, per_file=per_file, sides=[side])) == names(exact)
            assert len(exact) == 8


def test_more_hits_than_rows_are_all_rows(folder):
    with Index.open(folder) as index:
        matches = index.search(cluster_vectors(1, 80)[0], ROWS + 1000, sides=[side_of(index)])
        assert len(set(names(matches))) == ROWS + 500


def test_index_of_halves_can_be_accelerated(tmp_path):
    with Index.create(tmp_path / "index", "m", SIZE, "float16") as index:
        add(index, cluster_vectors(ROWS, 0))
        result = accelerate(index, "image")
        assert result.recalls.keys() == {"image"} and result.recalls["image"] >= 0.95
        hit = index.search(cluster_vectors(ROWS, 0)[5], 1, sides=[result.side])[0]
        assert hit.time_s == 5 and hit.score == pytest.approx(1, abs=1e-3)


def test_same_rows_make_the_same_side_index(index_once, folder):
    with Index.open(folder) as index:
        again = index.save_side(accelerate(index, "image").side)
        assert again.number == 2
    assert sorted(file.name for file in folder.glob("side-*")) == ["side-image-00000002.safetensors"]
    first, second = index_once[0] / "side-image-00000001.safetensors", folder / "side-image-00000002.safetensors"
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "place, error",
    [
        ("avnet.files.whole.flush", OSError(28, "No space left")),
        ("avnet.index.side_index.save_file", SafetensorError("no space")),
    ],
)
def test_side_index_that_cannot_be_written_leaves_the_one_before(folder, monkeypatch, place, error):
    def refuse(*_):
        raise error

    with Index.open(folder) as index:
        side = side_of(index)
        with monkeypatch.context() as patch:
            patch.setattr(place, refuse)
            with pytest.raises(IndexFolderError, match="cannot be written"):
                index.save_side(side)
        assert [file.name for file in folder.glob("*side-*")] == ["side-image-00000001.safetensors"]
        assert side_of(index).rows == ROWS


@pytest.mark.parametrize("damage", ["missing", "folder", "truncated", "empty", "flipped", "foreign"])
def test_side_index_that_is_not_what_was_written_is_named(folder, index_once, tmp_path, damage):
    file = folder / "side-image-00000001.safetensors"
    content = bytearray(file.read_bytes())
    if damage in ("missing", "folder"):
        file.unlink()
        if damage == "folder":
            file.mkdir()
    elif damage == "foreign":
        with Index.create(tmp_path / "foreign", "m", SIZE) as other:
            add(other, cluster_vectors(ROWS, 5))
            other.save_side(accelerate(other, "image").side)
        file.write_bytes((tmp_path / "foreign" / file.name).read_bytes())
    else:
        content[-10] ^= 1
        file.write_bytes(content[: {"empty": 0, "truncated": -4, "flipped": None}[damage]])
    with Index.open(folder) as index:
        sides, (refusal,) = index.sides()
        assert sides == [] and refusal.subject == str(file) and "\n" not in str(refusal)
        assert refusal.reason.startswith("is missing" if damage in ("missing", "folder") else "is damaged")


def with_new_sums(folder):
    """Why an index refuses its side index when somebody changed the file and noted the new sum."""
    file = folder / "side-image-00000001.safetensors"
    with sqlite3.connect(folder / "index.sqlite") as tables:
        tables.execute("UPDATE sides SET sha256 = ?", (hashlib.sha256(file.read_bytes()).hexdigest(),))
    tables.close()
    with Index.open(folder) as index:
        sides, (refusal,) = index.sides()
        assert sides == [] and refusal.subject == str(file)
        return refusal.reason


def rewritten(folder, change):
    """As `with_new_sums`, where the arrays were changed."""
    file = folder / "side-image-00000001.safetensors"
    arrays = load_file(file)
    change(arrays)
    save_file(arrays, file)
    return with_new_sums(folder)


def cut(name, end):
    def change(arrays):
        arrays[name] = np.ascontiguousarray(arrays[name][:end])

    return change


def put(name, place, value):
    def change(arrays):
        arrays[name] = arrays[name].copy()
        arrays[name][place] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        cut("ranges", -1),
        cut("codes", -1),
        cut("centres", -1),
        cut("places", -1),
        put("counts", 0, 1 << 62),
        put("counts", 0, -1),
        lambda arrays: arrays.pop("ranges"),
        lambda arrays: arrays.update(more=np.zeros(1)),
        lambda arrays: arrays.update(codes=arrays["codes"].astype(np.int16)),
        lambda arrays: arrays.update(codes=arrays["codes"][:, :-1].copy()),
    ],
)
def test_arrays_that_faiss_would_read_beyond_are_refused_with_the_right_sum_too(folder, change):
    assert rewritten(folder, change).startswith("is damaged")


@pytest.mark.parametrize("place", [-1, 1 << 40, 3000, 0])
def test_rows_that_the_index_does_not_have_are_refused_with_the_right_sum_too(folder, place):
    assert "other rows" in rewritten(folder, put("places", 7, place))


def test_file_that_safetensors_cannot_read_is_refused_with_the_right_sum_too(folder):
    file = folder / "side-image-00000001.safetensors"
    file.write_bytes(struct.pack("<Q", 1 << 60) + b"{}")
    assert with_new_sums(folder).startswith("is damaged")


def test_fewer_rows_than_are_of_use_are_refused(folder):
    with Index.open(folder) as index, pytest.raises(ConfigError, match="from 1000 on"):
        accelerate(index, "sound")


def test_recall_is_that_of_hand_made_scores(index_once, monkeypatch):
    """Of the three nearest beside the query itself two are found, one of them by an equal score."""
    case = acceleration._Case("image", np.zeros((1, SIZE), np.float32), 1, None, np.array([0.5]), np.array([4]))
    nearest = find_nearest(np.zeros((1, SIZE), np.float32), [], 4)
    nearest.scores[0] = [1, 0.9, 0.5 - 1e-7, 0.4]
    monkeypatch.setattr("avnet.index.acceleration.find_nearest", lambda *_: nearest)
    assert acceleration._recall(index_once[1].side, [], case) == pytest.approx(2 / 3)


@pytest.mark.parametrize("change", ["probes = 0", "number = -1"])
def test_tables_that_say_what_cannot_be_of_a_side_index_are_refused(folder, change):
    with sqlite3.connect(folder / "index.sqlite") as tables:
        tables.execute(f"UPDATE sides SET {change}")
    tables.close()
    with Index.open(folder) as index, pytest.raises(IndexFolderError, match=r"index.sqlite: is damaged"):
        index.sides()


def test_side_index_that_another_process_made_of_more_rows_is_used(folder):
    with Index.open(folder) as reader:
        with Index.open(folder) as writer:
            later = cluster_vectors(500, 90)
            add(writer, later, file="later-{}.mp4", per_file=1)
            writer.save_side(accelerate(writer, "image").side)
        assert side_of(reader).rows == ROWS + 500
        assert reader.search(later[3], 1, sides=[side_of(reader)])[0].file == "later-3.mp4"

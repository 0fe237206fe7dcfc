import itertools

import numpy as np
import pytest

from avnet.index.entry import Entry, Source
from avnet.index.index import Index
from avnet.index.nearest import Nearest, Shelf, go_through
from avnet.index.segment import KINDS, Segment, float32_of

SIZE = 16


def coarse(rows, rng):
    """Unit vectors whose cosines are multiples of 1/16, exact in any order of summation: many are equal."""
    return (rng.choice([-0.25, 0.25], size=(rows, SIZE))).astype(np.float32)


def brute_force(vectors, files, query, k, per_file):
    """Places of the nearest rows: every row sorted, then taken while its file still may."""
    scores, best, counts = vectors @ query, [], {}
    for place in sorted(range(len(vectors)), key=lambda place: (-scores[place], place)):
        file = files[place]
        if file and counts.get(file, 0) < (per_file or k) and len(best) < k:
            counts[file] = counts.get(file, 0) + 1
            best.append(place)
    return best


def shelves_of(vectors, files, rng, tmp_path):
    """The rows, cut anywhere into segments."""
    cuts = [0, *sorted(rng.integers(0, len(vectors) + 1, 4)), len(vectors)]
    return [
        Shelf(Segment(i, "image", tmp_path, int(a), int(b - a), vectors[a:b]), files[a:b])
        for i, (a, b) in enumerate(itertools.pairwise(cuts))
    ]


@pytest.mark.parametrize("seed", range(30))
def test_nearest_rows_are_those_of_brute_force_with_ties_across_blocks_and_segments(tmp_path, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr("avnet.index.nearest.FIRST_ROWS", int(rng.integers(1, 9)))
    monkeypatch.setattr("avnet.index.nearest.MOST_ROWS", int(rng.integers(9, 60)))
    rows, k = int(rng.integers(1, 400)), int(rng.integers(1, 30))
    vectors, queries = coarse(rows, rng), coarse(3, rng)
    files = rng.integers(0, 12, rows).astype(np.int32)  # a twelfth does not count
    for table in (vectors, vectors.astype(np.float16)):
        for per_file in (None, 1, 3):
            nearest = Nearest(3, k, per_file)
            go_through(nearest, queries, shelves_of(table, files, rng, tmp_path))
            for query, places, scores in zip(queries, nearest.places, nearest.scores, strict=True):
                expected = brute_force(vectors, files, query, k, per_file)
                assert places.tolist() == expected + [-1] * (k - len(expected))
                np.testing.assert_array_equal(scores[: len(expected)], vectors[expected] @ query)
                assert np.all(scores[len(expected) :] == -np.inf)


def test_rows_by_rising_score_are_found_too(tmp_path):
    """The most work: every row is nearer than all before it."""
    angles = np.linspace(np.pi / 2, 0, 3000)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    nearest = Nearest(1, 5)
    files = np.ones(3000, np.int32)
    go_through(nearest, np.array([[1, 0]], np.float32), shelves_of(vectors, files, np.random.default_rng(0), tmp_path))
    assert nearest.places[0].tolist() == [2999, 2998, 2997, 2996, 2995]


def test_every_finite_half_becomes_its_own_float32():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)].reshape(-1, 62)
    result = float32_of(halves, np.full((len(halves) + 3, 62), np.nan, np.float32))
    np.testing.assert_array_equal(result, halves.astype(np.float32))
    assert np.array_equal(np.signbit(result), np.signbit(halves))


@pytest.mark.parametrize("seed", range(5))
def test_index_answers_as_brute_force_over_files_that_are_added_again(tmp_path, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr("avnet.index.nearest.FIRST_ROWS", 4)
    monkeypatch.setattr("avnet.index.upkeep.mappings.MAX_MAPPINGS", 3)
    monkeypatch.setattr("avnet.index.index.QUERIES", 2)
    rows = []  # (vector, file, time, kind), in the order of adding
    with Index.create(tmp_path / "index", "m", SIZE) as index:
        for step in range(8):
            file, count = f"{rng.integers(4)}.mp4", int(rng.integers(0, 30))
            kinds = sorted(rng.choice(KINDS, count).tolist(), key=KINDS.index)  # as a save divides them
            vectors, times = coarse(count, rng), [100.0 * step + i for i in range(count)]
            entries = [Entry(file, time, kind) for time, kind in zip(times, kinds, strict=True)]
            replaces = bool(rng.integers(2))
            if replaces:
                rows = [row for row in rows if row[1] != file]
            index.add(vectors, entries, Source(file, str(step)) if replaces else None)
            index.save()
            rows += [(v, e.file, e.time_s, e.kind) for v, e in zip(vectors, entries, strict=True)]
            for kind in (None, *KINDS):
                there = [row for row in rows if kind in (None, row[3])]
                remaining = np.array([row[0] for row in there], np.float32).reshape(-1, SIZE)
                queries, k, per_file = coarse(3, rng), int(rng.integers(1, 12)), int(rng.integers(3)) or None
                for query, hits in zip(queries, index.search_many(queries, k, kind, per_file), strict=True):
                    expected = brute_force(remaining, [row[1] for row in there], query, k, per_file)
                    assert [(h.file, h.time_s, h.kind) for h in hits] == [there[place][1:] for place in expected]

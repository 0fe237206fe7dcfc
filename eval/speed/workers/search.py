"""Searches of an index of clustered vectors: exact, one by one and many at once, and with a side index."""

from dataclasses import dataclass

import numpy as np

from avnet.index.acceleration import ROWS, accelerate
from avnet.index.entry import Entry
from avnet.index.index import Index
from eval.speed import protocol
from eval.speed.protocol import Way
from eval.speed.workers.synthetic import clustered_vectors

K = 10
PART = 50_000
# Rows of one file, a segment of 10 s with a row each second.
PER_FILE = 10
RECALL = 0.95


@dataclass(frozen=True)
class Options:
    """What is searched.

    Attributes:
        folder: for the index; new.
        rows: vectors, of images.
        size: of a vector.
        singles: queries in a repetition, one by one.
        many: queries at once.
        side: also make a side index, where there are rows enough.
    """

    folder: str
    rows: int
    size: int
    singles: int
    many: int
    side: bool


def main() -> None:
    """Answers the requests "single", "many" and "side", in queries."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        clusters = clusters_of(options.rows)
        with Index.create(options.folder, "0" * 64, options.size) as index:
            fill(index, options.rows, clusters)
            # Of the same clusters and another seed: near rows of the index, and none of them.
            queries = clustered_vectors(max(options.many, 4 * options.singles), options.size, options.rows, clusters)
            facts: dict[str, str | int | float] = {"library": f"numpy {np.__version__}", "clusters": clusters}
            turns = [0]

            def one_by_one(sides: list) -> Way:
                def search() -> None:
                    turns[0] += 1  # another query each time, so that none is found in a cache
                    index.search(queries[turns[0] % len(queries)], K, "image", sides=sides)

                return protocol.way_of(search, 1, options.singles)

            ways: dict[str, Way] = {
                "single": one_by_one([]),
                "many": protocol.way_of(lambda: index.search_many(queries[: options.many], K, "image"), options.many),
            }
            if options.side and options.rows >= ROWS:
                acceleration = accelerate(index, "image", RECALL)
                side = acceleration.side
                facts |= {"recall": acceleration.recalls["image"], "lists": side.list_count, "probes": side.probes}
                ways["side"] = one_by_one([side])
            for way in ways.values():
                way()
            protocol.serve(line, ways, facts)


def clusters_of(rows: int) -> int:
    """A hundred rows a cluster."""
    return max(1, rows // 100)


def fill(index: Index, rows: int, clusters: int) -> None:
    """Puts clustered vectors into an index, all of them images."""
    # In parts, so that a million vectors need not be in memory twice.
    for start in range(0, rows, PART):
        count = min(PART, rows - start)
        vectors = clustered_vectors(count, index.embedding_size, start, clusters)
        places = range(start, start + count)
        index.add(vectors, [Entry(f"{i // PER_FILE}.mp4", float(i % PER_FILE), "image") for i in places])
        index.save()


if __name__ == "__main__":
    main()

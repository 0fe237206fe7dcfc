"""Indexes an archive in processes that are killed, or while others search; run by `test_killed.py`.

A program of its own without JAX, so that it can fork. The model is a stand-in, whose vectors are hashes.
"""

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from avnet.apps import index as app
from avnet.apps.archive import intake, jobs
from avnet.apps.archive.archive_file import DiskFile
from avnet.apps.archive.full_batches import Moments
from avnet.files import whole
from avnet.index.index import Index
from avnet.index.upkeep.upkeep import Upkeep

SIZE, ROWS, FILES, KILLS, READERS = 8, 2, 20, 20, 8
MODEL = SimpleNamespace(
    fingerprint="m",
    config=SimpleNamespace(kind=SimpleNamespace(aligned=True, one_vector=True), features=SIZE, title=""),
)


def vectors_of(content: bytes) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(content).digest()[:4], "little")
    vectors = np.random.default_rng(seed).normal(size=(ROWS, SIZE)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def embed_files(_model, files, read):
    for file in files:
        list(read(file))  # notes the state of the file
        time.sleep(0.001)
        yield file, Moments(vectors_of(file.path.read_bytes()), np.arange(ROWS, dtype=np.float64), ["image", "sound"])


def no_samples(*_, **__):
    return iter(())


def stand_in() -> None:
    """Saves often, compacts often, and does not wait for the disk: a kill is no power cut."""
    jobs.embed_files, jobs.read_samples, jobs.FILES, intake.SAVE_ROWS = embed_files, no_samples, 3, 5 * ROWS
    Upkeep.compact.__defaults__ = (2,)
    whole.flush = lambda path: None


def run(index: Path, media: Path, update: bool) -> None:
    options = app.IndexOptions(update=update, prune=update)
    app.index_files(MODEL, index, [media], options)  # pyright: ignore[reportArgumentType]: a stand-in


def in_child(work, *args) -> int:
    pid = os.fork()
    if not pid:
        try:
            work(*args)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
        finally:
            os._exit(1)
    return pid


def killed(rng: random.Random, most_s: float, *args) -> None:
    pid = in_child(run, *args)
    time.sleep(rng.uniform(0, most_s))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def check(index: Path, media: Path) -> None:
    """Every file has its rows, once, as its content says, and there are no other rows and no other files."""
    contents = {str(file): file.read_bytes() for file in media.iterdir()}
    with Index.open(index) as store:
        rows = [store.entry(hit.id) for hit in store.search(np.ones(SIZE, np.float32), 1000)]
        segments = len(store._mappings.segments)
    places = sorted((entry.file, entry.time_s) for entry, _ in rows)
    assert places == sorted((file, float(i)) for file in contents for i in range(ROWS)), (len(places), len(contents))
    for entry, vector in rows:
        np.testing.assert_allclose(vector, vectors_of(contents[entry.file])[int(entry.time_s)], atol=1e-6)
    names = sorted(file.name for file in index.iterdir() if not file.name.endswith(".npy"))
    expected = ["artifact.json", "index.sqlite", "rejected.jsonl"]
    assert [name for name in names if not name.startswith(".readers-")] in (expected, expected[:2]), names
    assert len(list(index.glob("*.npy"))) == segments


def disturb(rng: random.Random, media: Path, round: int) -> None:
    """Changes, moves, deletes and adds a few files."""
    files = sorted(media.iterdir())
    changed, first, second, gone = rng.sample(files, 4)
    changed.write_bytes(rng.randbytes(20))
    first.rename(media / "between")
    second.rename(first)
    (media / "between").rename(second)
    gone.unlink()
    if first != files[0] != gone:
        files[0].rename(media / f"moved-{round}")
    (media / f"new-{round}").write_bytes(rng.randbytes(20))


def kills(place: Path) -> None:
    rng = random.Random(0)
    media = fill(place, rng)
    begin = time.monotonic()
    run(place / "trial", media, False)
    most_s = time.monotonic() - begin
    for _ in range(KILLS):
        killed(rng, most_s / 4, place / "index", media, False)
    run(place / "index", media, True)
    check(place / "index", media)
    for round in range(KILLS):
        disturb(rng, media, round)
        killed(rng, most_s / 4, place / "index", media, True)
    run(place / "index", media, True)
    run(place / "index", media, True)
    check(place / "index", media)


def fill(place: Path, rng: random.Random) -> Path:
    media = place / "media"
    media.mkdir()
    for i in range(FILES):
        (media / f"{i}.png").write_bytes(rng.randbytes(20))
    app.find_files = lambda paths: ([DiskFile(path) for path in sorted(paths[0].iterdir())], [])
    return media


def readers(place: Path) -> None:
    rng = random.Random(0)
    media, index = fill(place, rng), place / "index"
    run(index, media, True)
    pids = [in_child(read, index, place / "end", i) for i in range(READERS)]
    for _ in range(2):
        for file in sorted(media.iterdir()):
            file.write_bytes(rng.randbytes(20))
        run(index, media, True)
        (media / "0.png").rename(media / "between")
        run(index, media, True)
        (media / "between").rename(media / "0.png")
        run(index, media, True)
        app.compact_index(index)
    (place / "end").touch()
    counts = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert counts == [0] * READERS, counts
    run(index, media, True)
    check(index, media)


def read(index: Path, end: Path, number: int) -> None:
    """Sees all files with all their rows, whether the index stays open or not."""
    rounds, query, parent = 0, np.ones(SIZE, np.float32), os.getppid()
    store = Index.open(index)
    while os.getppid() == parent and (not end.exists() or not rounds):
        if number % 2:
            store.close()
            store = Index.open(index)
        hits = store.search(query, 1000)
        places = {(hit.file, hit.time_s) for hit in hits}
        assert len(places) == len(hits) == FILES * ROWS, (len(places), len(hits))
        rounds += 1
        time.sleep(0.01)
    store.close()


if __name__ == "__main__":
    stand_in()
    {"kills": kills, "readers": readers}[sys.argv[1]](Path(sys.argv[2]))

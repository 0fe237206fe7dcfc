"""The folder that `data prepare` makes, as a whole: whose it is, what lies in it, and when it is complete.

prepare.json            the plan: two plans never share a folder
.partial/               what jobs have finished, until all have
avnet-SPLIT.array_record-I-of-N, features.json, dataset_info.json    what TensorFlow Datasets opens
jobs.jsonl              what each job read and wrote; all files below and above can be made again from it
manifest.jsonl          one row for every input
near_duplicates.json    videos that look alike
SHA256SUMS              of all that
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from avnet.errors import DataError
from avnet.files.ownership import RECEIPTS
from avnet.files.storage import Folder
from data.corpus import labels, manifest
from data.corpus.jobs import Input, ShardResult
from data.records import records
from data.sampling import near_duplicates
from data.splits import SPLITS

PLAN, PARTIAL, JOBS, LOOK_ALIKES = "prepare.json", ".partial", "jobs.jsonl", "near_duplicates.json"
WITH_CHECKSUM = (PLAN, JOBS, manifest.FILE, LOOK_ALIKES, *records.METADATA)
# What other commands draw into the folder.
REPORTS = ("contact_sheet.jpg", "stats.png", "stats.json")
_PART = re.compile(r"hashes-[0-9a-f]{32}\.json|(train|validation|test)-\d{5,}\.(json|array_record)")
_LEFT_BY_A_KILL = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")


def is_published(out: Folder) -> bool:
    """Whether all of it is there: this file is written last."""
    return out.exists(records.INFO)


def refuse_foreign(out: Folder) -> None:
    """Makes sure that a folder is new, empty or a folder of records.

    Raises:
        DataError: it is something else.
    """
    names = out.names()
    if names and PLAN not in names and set(names) != {PARTIAL}:
        raise DataError(out.url, "is not empty and not a folder of records; choose another --out")
    parts = (out / PARTIAL).names()
    foreign = [name for name in parts if not (_PART.fullmatch(name) or _LEFT_BY_A_KILL.fullmatch(name))]
    if foreign:
        raise DataError((out / PARTIAL).address(foreign[0]), "was not written by this program; choose another --out")


@contextlib.contextmanager
def locked(out: Folder) -> Iterator[None]:
    """Keeps other processes of this machine from writing into a folder; the system ends the lock with the process.

    The folder itself is locked, so that nothing is left in it; a new one goes if nothing came of it. Object stores and
    some network disks know no locks.

    Raises:
        DataError: another process writes into it, or it cannot be made.
    """
    if not out.is_local:
        yield
        return
    new = not Path(out.url).exists()
    out.create()
    descriptor = os.open(out.url, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(out.url, "another run is writing into this folder; wait for it to end") from None
        except OSError:  # no locks here
            pass
        yield
    finally:
        if new:
            with contextlib.suppress(OSError):  # something lies in it
                os.rmdir(out.url)
        os.close(descriptor)


def claim(out: Folder, plan: dict, *, overwrite: bool) -> None:
    """Marks the folder as this plan's.

    Args:
        out: new, empty or a folder of records.
        plan: as plain values for JSON.
        overwrite: delete what another plan left.

    Raises:
        DataError: it is another plan's.
    """
    text = json.dumps(plan, indent=2) + "\n"
    if out.exists(PLAN) and out.read_text(PLAN) != text:
        if not overwrite:
            tidy(out)
            raise DataError(out.url, "holds records of other videos or options; choose another --out or --overwrite")
        _empty(out)  # but keep the folder, which is locked
    if not out.exists(PLAN):
        (out / PARTIAL).create()
        out.write_text(PLAN, text)


def clear(out: Folder) -> None:
    """Deletes what `prepare` and its sisters wrote, the mark of the plan last; and the folder, if it is empty."""
    _empty(out)
    tidy(out)


def _empty(out: Folder) -> None:
    names = out.names()
    shards = [name for name in names if name.startswith(f"{records.NAME}-") and ".array_record-" in name]
    own = {PARTIAL, *WITH_CHECKSUM, records.CHECKSUMS, labels.FILE, *REPORTS, RECEIPTS} - {PLAN}
    for name in [*shards, *sorted(own & set(names)), PLAN]:
        out.remove(name)
    out.remove(PARTIAL)


def tidy(out: Folder) -> None:
    """Deletes what belongs to no plan, or to a finished one; and the folder, if it is empty."""
    if not out.exists(PLAN) or is_published(out):
        out.remove(PARTIAL)
    if out.is_local and Path(out.url).is_dir() and not Path(out.url).is_symlink() and not out.names():
        Path(out.url).rmdir()


def publish(out: Folder, results: Sequence[ShardResult], rejects: Sequence[manifest.Row]) -> None:
    """Gives the shards their final names, then writes what makes the folder open and says that it is whole.

    Args:
        out: claimed, with the shards in its part for unfinished work, or under their final names already.
        results: of all jobs.
        rejects: rows of inputs that got into no job.

    Raises:
        DataError: something cannot be written.
    """
    there = set(out.names())
    for result, name in shard_names(results).items():
        # What has its final name was moved by a run that was killed.
        if name not in there:
            out.move(f"{PARTIAL}/{results[result].shard}", name)
    lines = [json.dumps({"rejected": [asdict(row) for row in rejects]}, ensure_ascii=False)]
    out.write_text(JOBS, "".join(line + "\n" for line in lines + [result.to_json() for result in results]))
    write_listings(out, results, rejects)
    out.remove(PARTIAL)
    for name in filter(_LEFT_BY_A_KILL.fullmatch, out.names()):
        out.remove(name)


def shard_names(results: Sequence[ShardResult]) -> dict[int, str]:
    """Final names of the shards that hold anything, by the position of their job in `results`."""
    names = {}
    for split in SPLITS:
        nonempty = [i for i, result in enumerate(results) if result.split == split and result.records]
        names |= {i: records.shard_name(split, number, len(nonempty)) for number, i in enumerate(nonempty)}
    return names


def write_listings(out: Folder, results: Sequence[ShardResult], rejects: Sequence[manifest.Row]) -> None:
    """Writes all that follows from the shards and what the jobs said of them; `dataset_info.json` last.

    Raises:
        DataError: something cannot be written.
    """
    names = shard_names(results)
    shards: dict[str, list[tuple[int, int]]] = {}
    for i in names:
        shards.setdefault(results[i].split, []).append((results[i].records, results[i].bytes))
    # By name and content, so that the order of jobs leaves no trace.
    rows = sorted(
        [*rejects, *(row for result in results for row in result.rows)], key=lambda row: (row.name, row.video)
    )
    texts = {
        PLAN: out.read_text(PLAN),
        JOBS: out.read_text(JOBS),
        manifest.FILE: "".join(row.to_json() + "\n" for row in rows),
        LOOK_ALIKES: _look_alikes(results),
        **records.metadata(shards),
    }
    sums = {name: results[i].sha256 for i, name in names.items()}
    # Encoded as `Folder.write_text` does, or the sums would not be those of the files.
    sums |= {name: hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for name, text in texts.items()}
    out.write_text(records.CHECKSUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()))
    for name in (manifest.FILE, LOOK_ALIKES, *sorted(set(records.METADATA) - {records.INFO}), records.INFO):
        out.write_text(name, texts[name])


def _look_alikes(results: Sequence[ShardResult]) -> str:
    hashes = {
        row.name: [int(code, 16) for code in codes]
        for result in results
        for row, codes in zip(result.rows, result.hashes, strict=True)
        if codes
    }
    return json.dumps(asdict(near_duplicates.near_duplicates(hashes)), indent=1, ensure_ascii=False) + "\n"


def read_look_alikes(data_dir: str | Path) -> near_duplicates.NearDuplicates:
    """The videos of a prepared folder that look alike; none where nobody looked.

    Raises:
        DataError: the file is damaged.
    """
    folder = Folder(str(data_dir))
    if not folder.exists(LOOK_ALIKES):
        return near_duplicates.NearDuplicates([], 0)
    try:
        content = json.loads(folder.read_text(LOOK_ALIKES))
        return near_duplicates.NearDuplicates(
            [near_duplicates.Match(**match) for match in content["matches"]], content["common"]
        )
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(folder.address(LOOK_ALIKES), f"is damaged ({error})") from None


def read_manifest(data_dir: str | Path) -> list[manifest.Row]:
    """What became of each input of a prepared folder.

    Raises:
        DataError: the file is missing or damaged.
    """
    folder = Folder(str(data_dir))
    if not folder.exists(manifest.FILE):
        raise DataError(folder.url, f"has no {manifest.FILE}; was it written by `data prepare`, and to its end?")
    return manifest.parse(folder.read_text(manifest.FILE), folder.address(manifest.FILE))


def inputs_digest(parts: Iterable[tuple[str, int, Sequence[Input]]]) -> str:
    """A hash of which videos are dealt to which jobs: (split, index, inputs) of each."""
    content = [[split, index, [[item.name, item.video] for item in inputs]] for split, index, inputs in parts]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def read_jobs(folder: Path) -> tuple[list[ShardResult], list[manifest.Row]]:
    """What the jobs of a prepared folder did, and the rows of inputs that got into none.

    Raises:
        DataError: the file is missing or damaged.
    """
    file = folder / JOBS
    if not file.is_file():
        raise DataError(folder, f"has no {JOBS}; was it written by `data prepare`, and to its end?")
    try:
        # A whole file ends with a newline, after which nothing comes.
        first, *lines, rest = file.read_text(encoding="utf-8").split("\n")
        if rest:
            raise ValueError("its end is missing")
        rejects = [manifest.Row.from_json(row) for row in json.loads(first)["rejected"]]
        return list(map(ShardResult.from_json, lines)), rejects
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(file, f"is damaged ({error})") from None

"""`python -m data prepare`: from any pile of videos to shards of records, with a reason for every reject.

Plans the jobs, has them run by processes of this machine or by Apache Beam, and publishes what they wrote. A folder
never mixes two plans; the same command goes on where it was interrupted.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, TypeVar

from avnet.errors import DataError
from avnet.files.storage import Folder, is_address, list_store, stamp
from avnet.files.tree import list_tree, own_folders
from avnet.media.container import address_of
from avnet.media.suffixes import IMAGES, SOUNDS, VIDEOS, goes_without_saying, is_data, why_left_out
from avnet.program.progress import progress
from avnet.workers.pool import spread
from data.corpus import manifest
from data.corpus.config import PrepareConfig
from data.corpus.corpus import (
    PARTIAL,
    claim,
    clear,
    inputs_digest,
    is_published,
    locked,
    publish,
    read_manifest,
    refuse_foreign,
    tidy,
)
from data.corpus.jobs import (
    Input,
    ShardJob,
    hash_job,
    missing,
    read_hashes,
    read_result,
    run_hash_job,
    run_shard_job,
)
from data.corpus.labels import check_labels, read_labels_csv, write_labels
from data.corpus.summary import print_summary
from data.runners.beam import run_on_beam
from data.splits import SPLITS, hash_position, splits_at

# Of a disk or of a store.
File = TypeVar("File", bound=PurePath)

# Changes with what a record holds: records of two formats are not mixed.
FORMAT = 2
FILES_PER_HASH_JOB = 64


def prepare(config: PrepareConfig) -> list[manifest.Row]:
    """Runs the whole command.

    Returns:
        The manifest.

    Raises:
        DataError: no input could be used, or the folder belongs to another plan.
    """
    # First of all: a list that cannot be read shall not be found out after hours of work.
    labels = read_labels_csv(config.labels) if config.labels else None
    out = Folder(str(config.out))
    refuse_foreign(out)
    with locked(out):
        return _prepare(config, out, labels)


def _prepare(config: PrepareConfig, out: Folder, labels: dict[str, list[str]] | None) -> list[manifest.Row]:
    inputs, rejects = find_inputs(config, out / PARTIAL)
    jobs, strays = plan_jobs(inputs, config)
    rejects += strays
    if not jobs:
        tidy(out)
        first = f"; first: {rejects[0].name}: {rejects[0].reason}" if rejects else ""
        raise DataError(", ".join(map(str, config.videos)), f"holds no video that can be used{first}")
    if labels is not None and config.labels is not None:
        try:
            check_labels(config.labels, labels, [item.name for job in jobs for item in job.inputs])
        except DataError:
            tidy(out)
            raise
    claim(out, plan_of(jobs, config), overwrite=config.overwrite)
    if not is_published(out):
        run_jobs(config, jobs, rejects, out)
    tidy(out)
    rows = read_manifest(out.url)
    if labels is not None:
        print(write_labels(out, labels, [row.name for row in rows if row.records]))
    return rows


def prepare_and_summarize(config: PrepareConfig) -> None:
    """As `prepare`, and prints what the folder then holds."""
    prepare(config)
    print_summary(config.out)


def run_jobs(config: PrepareConfig, jobs: Sequence[ShardJob], rejects: Sequence[manifest.Row], out: Folder) -> None:
    """Has the jobs done that are not done yet, and publishes the folder.

    Raises:
        DataError: no input could be used; the folder is empty again.
    """
    waiting = missing(out / PARTIAL, jobs)
    if config.runner == "pool":
        outcomes = spread(run_shard_job, waiting, config.workers)
        # What a job leaves in the folder is its result; nothing comes back.
        for _ in progress(outcomes, "preparing", len(waiting), unit="shards"):
            pass
    else:
        run_on_beam(run_shard_job, waiting, config.runner, config.beam_options)
    results = [read_result(out / PARTIAL, job) for job in jobs]
    if not any(result.records for result in results):
        # The reason of a video first: that a file beside it is text explains nothing.
        all_rows = [*rejects, *(row for result in results for row in result.rows)]
        rows = sorted(all_rows, key=lambda row: (PurePath(row.name).suffix.lower() not in VIDEOS, row.name))
        clear(out)
        raise DataError(rows[0].name, f"{rows[0].reason} (none of {len(rows)} inputs could be used)")
    publish(out, results, rejects)


def find_inputs(config: PrepareConfig, folder: Folder) -> tuple[list[Input], list[manifest.Row]]:
    """Lists the videos with the hashes of their content.

    Args:
        config: names them.
        folder: where the hashes are kept meanwhile.

    Returns:
        Inputs sorted by hash, and rows for what was refused: unreadable files and repetitions.
    """
    files = sorted(set(_walk(map(str, config.videos))))
    files, others = [row for row in files if row[3] == ""], [row for row in files if row[3] != ""]
    pairs = list(zip((path for path, *_ in files), _names(files), strict=True))
    digests = hashes(config, [(path, mark) for path, _, mark, _ in files], folder)
    rejects = [manifest.Row(_utf8(name), "rejected", reason, "NotMedia") for _, name, _, reason in others]
    inputs: dict[str, Input] = {}
    for (path, name), (digest, kind, reason) in zip(pairs, digests, strict=True):
        if not digest:
            rejects.append(manifest.Row(name, "rejected", reason, kind))
        elif digest in inputs:
            reason = f"has the same content as {inputs[digest].name}"
            rejects.append(manifest.Row(name, "rejected", reason, "Duplicate", digest))
        else:
            inputs[digest] = Input(path, name, digest)
    # By hash and not by name: a renamed file stays in its job, and the jobs do not depend on the order of a listing.
    return [inputs[digest] for digest in sorted(inputs)], rejects


def hashes(config: PrepareConfig, files: Sequence[tuple[str, str]], folder: Folder) -> Iterator[tuple[str, str, str]]:
    """Yields (hash, kind of refusal, reason) of each file; what an earlier run has found is not read again.

    Args:
        config: says who does the work.
        files: path or address of each, and what changes when its content does.
        folder: where the hashes are kept meanwhile.
    """
    chunks = [files[i : i + FILES_PER_HASH_JOB] for i in range(0, len(files), FILES_PER_HASH_JOB)]
    jobs = [hash_job(chunk, folder.url) for chunk in chunks]
    waiting = missing(folder, jobs)
    if waiting:
        folder.create()
    if config.runner == "pool":
        # Threads will do: hashing waits for the disk, and lets go of the interpreter meanwhile.
        with ThreadPoolExecutor(config.workers) as pool:
            for _ in progress(pool.map(run_hash_job, waiting), "hashing", len(waiting), f"{FILES_PER_HASH_JOB} files"):
                pass
    else:
        run_on_beam(run_hash_job, waiting, config.runner, config.beam_options)
    for job in jobs:
        yield from read_hashes(folder, job)


def _walk(paths: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yields (path or address, name, stamp, why it is not read or nothing) of every video and what lies among them."""
    for path in paths:
        if is_address(path):
            yield from _walk_store(path)
        elif Path(path).is_dir() and Path(path).suffix.lower() not in VIDEOS:
            tree = list_tree(Path(path))
            for file, reason in _uses(tree.files):
                name = file.relative_to(path).as_posix()
                yield os.path.abspath(file), name, "" if reason else stamp(str(file)), reason
            for place, reason in tree.left_out:
                yield os.path.abspath(place), place.relative_to(path).as_posix(), "", reason
        elif address := address_of(path):
            yield address, address, "", ""
        else:
            yield os.path.abspath(path), Path(path).name, stamp(path), ""


def _uses(files: Sequence[File]) -> Iterator[tuple[File, str]]:
    """Yields each file with the reason why it is not read, nothing for a film; not what goes without saying."""
    films = {file for file in files if file.suffix.lower() in VIDEOS and not is_data(file)}
    stems, own = {file.with_suffix("") for file in films}, own_folders(files)
    for file in files:
        if file in films:
            yield file, ""
        elif not goes_without_saying(file, stems, own) and not _goes_with(file, stems):
            yield file, _why_no_video(file)


def _goes_with(file: PurePath, films: Collection[PurePath]) -> bool:
    """Whether an image or sound is named after a film beside it, as its poster or the masks of a composed clip."""
    stem = file.with_suffix("")
    return stem in films or (
        file.suffix.lower() == ".png" and stem.with_name(stem.name.rpartition("_")[0] or "_") in films
    )


def _why_no_video(file: PurePath) -> str:
    suffix = file.suffix.lower()
    if is_data(file):
        return why_left_out(file)
    if suffix in IMAGES:
        return "is an image, not a video"
    return "is a sound, not a video" if suffix in SOUNDS else why_left_out(file)


def _walk_store(url: str) -> Iterator[tuple[str, str, str, str]]:
    objects = list_store(url)
    if "" in objects:
        yield url, Path(url).name, stamp(url, objects.pop("")), ""
    uses = dict(_uses([PurePosixPath(name) for name in objects]))
    for name, info in objects.items():
        if (reason := uses.get(PurePosixPath(name))) is not None:
            yield f"{url.rstrip('/')}/{name}", name, "" if reason else stamp(name, info), reason


def _names(files: Sequence[tuple[str, str, str, str]]) -> Iterator[str]:
    """What the records call each file: its name, or its path where two have one name.

    Bytes that are no UTF-8 become question marks; where this makes two paths equal, a number tells them apart.
    """
    short = [_utf8(name) for _, name, _, _ in files]
    ambiguous = {name for name, count in Counter(short).items() if count > 1}
    counts: Counter[str] = Counter()
    for (path, *_), name in zip(files, short, strict=True):
        name = _utf8(path) if name in ambiguous else name
        counts[name] += 1
        yield name if counts[name] == 1 else f"{name} ({counts[name]})"


def _utf8(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


def plan_jobs(inputs: list[Input], config: PrepareConfig) -> tuple[list[ShardJob], list[manifest.Row]]:
    """Deals the inputs into shard jobs, and refuses those whose folder names no split."""
    by_split: dict[str, list[Input]] = {split: [] for split in SPLITS}
    rejects = []
    for item, split in zip(inputs, splits_of(inputs, config), strict=True):
        if split is None:
            reason = f"its folder is not one of {', '.join(SPLITS)}"
            rejects.append(manifest.Row(item.name, "rejected", reason, "NoSplit", item.video))
        else:
            by_split[split].append(item)
    size, folder = config.videos_per_shard, (Folder(str(config.out)) / PARTIAL).url
    jobs = [
        ShardJob(split, i, tuple(part[start : start + size]), config.sampling, config.limits, folder)
        for split, part in by_split.items()
        for i, start in enumerate(range(0, len(part), size))
    ]
    return jobs, rejects


def splits_of(inputs: Sequence[Input], config: PrepareConfig) -> Sequence[str | None]:
    """The split of each video, or None: all that is cut from one file lies in one split.

    Args:
        inputs: the videos in the order of their hashes.
        config: how.
    """
    if config.split_by == "folder":
        parents = [Path(item.path).parent.name for item in inputs]
        return [parent if parent in SPLITS else None for parent in parents]
    by_rank = config.split_by == "rank"
    positions = [i / len(inputs) if by_rank else hash_position(item.video) for i, item in enumerate(inputs)]
    return splits_at(positions, config.fractions)


def plan_of(jobs: Sequence[ShardJob], config: PrepareConfig) -> dict[str, Any]:
    """What decides about the bytes of the records."""
    return {
        "format": FORMAT,
        # Without what nobody chose: options that are newer than a folder change nothing in it.
        "sampling": {name: value for name, value in asdict(config.sampling).items() if value is not None},
        "limits": asdict(config.limits),
        "split_by": config.split_by,
        "fractions": list(map(float, config.fractions)),
        "inputs": inputs_digest((job.split, job.index, job.inputs) for job in jobs),
    }

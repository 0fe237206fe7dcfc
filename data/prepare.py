"""`python -m data prepare`: from any pile of videos to shards of records, with a reason for every reject.

The unit of work is a shard job, a pure function of its inputs: any number of workers gives the same bytes, a finished
job is skipped when the command runs again, and a folder never mixes two plans.
"""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.cli.progress import progress
from avnet.errors import ConfigError, DataError, MediaError
from avnet.media.container import check_regular_file
from avnet.media.suffixes import VIDEOS
from avnet.whole import flush, temporary_name, write_text
from data import labels as labels_of
from data import manifest, records
from data.labels import read_labels_csv, write_labels
from data.pool import spread
from data.sampling import SamplingConfig, sample_video
from data.splits import SPLITS

PLAN, PARTIAL = "prepare.json", ".partial"
# What other commands draw into the folder.
PICTURES_OF_IT = ("contact_sheet.jpg", "stats.png", "stats.json")


@dataclass(frozen=True)
class PrepareConfig:
    """Turn videos into records that training and evaluation read.

    Example: python -m data prepare ~/Videos --out corpus
    """

    videos: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Video files, or folders that are searched for them."""
    out: Path
    """Folder of the records; run the same command again to go on after an interruption."""
    split_by: Literal["hash", "folder"] = "hash"
    """Draw splits by the hash of each video, or take them from its folder's name (train, validation, test)."""
    fractions: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, validation and test when split by hash."""
    labels: Path | None = None
    """CSV with the columns file,label, for evaluation alone; training never reads it."""
    sampling: Annotated[SamplingConfig, tyro.conf.OmitArgPrefixes] = field(default_factory=SamplingConfig)
    """What is kept of each video."""
    videos_per_shard: int = 64
    """Size of a unit of work."""
    workers: int = os.cpu_count() or 1
    """Processes."""
    overwrite: bool = False
    """Delete what an earlier, different plan left in the folder."""

    def __post_init__(self):
        if not self.videos:
            raise ConfigError("VIDEOS", "names no file or folder")
        if min(self.fractions) < 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise ConfigError("--fractions", f"want three shares that add up to 1, got {self.fractions}")
        if self.videos_per_shard < 1 or self.workers < 1:
            raise ConfigError("--workers", "and --videos-per-shard want at least 1")


@dataclass(frozen=True)
class Input:
    """One video: its path, its name in the records, the hash of its content."""

    path: str
    name: str
    video: str


@dataclass(frozen=True)
class ShardJob:
    """What one worker does at a time."""

    split: str
    index: int
    inputs: tuple[Input, ...]
    sampling: SamplingConfig
    folder: str

    @property
    def stem(self) -> Path:
        """Where its files lie, without a suffix."""
        return Path(self.folder) / f"{self.split}-{self.index:05d}"


def prepare(config: PrepareConfig) -> list[manifest.Row]:
    """Runs the whole command.

    Returns:
        The manifest.

    Raises:
        DataError: no input could be used, or the folder belongs to another plan.
    """
    labels = read_labels_csv(config.labels) if config.labels else None
    inputs, rejected = find_inputs(config.videos, config.workers)
    jobs, unplaced = plan_jobs(inputs, config)
    rejected += unplaced
    if not jobs:
        first = f"; first: {rejected[0].name}: {rejected[0].reason}" if rejected else ""
        raise DataError(", ".join(map(str, config.videos)), f"holds no video that can be used{first}")
    _claim(config, jobs)
    if (config.out / records.INFO).exists():
        rows = manifest.read(config.out)
        _keep_labels(config, labels, rows)
        return rows
    for _ in progress(_run(jobs, config.workers), "preparing", len(jobs), unit="shards"):
        pass
    rows = rejected + [row for job in jobs for row in _finished(job)["rows"]]
    rows.sort(key=lambda row: (row.name, row.video))
    if not any(row.records for row in rows):
        shutil.rmtree(config.out / PARTIAL)
        (config.out / PLAN).unlink()
        raise DataError(rows[0].name, f"{rows[0].reason} (none of {len(rows)} inputs could be used)")
    _keep_labels(config, labels, rows)
    _publish(config, jobs, rows)
    return rows


def _keep_labels(config: PrepareConfig, labels: dict[str, list[str]] | None, rows: list[manifest.Row]) -> None:
    if labels is not None:
        write_labels(config.out, labels, [row.name for row in rows if row.records])


def find_inputs(paths: Iterable[Path], workers: int) -> tuple[list[Input], list[manifest.Row]]:
    """Lists the videos below `paths` with the hashes of their content.

    Returns:
        Inputs sorted by hash, and rows for what was refused: unreadable files and repetitions.
    """
    named = sorted(set(_walk(paths)))
    repeated = {name for name, count in Counter(name for _, name in named).items() if count > 1}
    named = [(path, path if name in repeated else name) for path, name in named]
    rejected: list[manifest.Row] = []
    inputs: dict[str, Input] = {}
    with ThreadPoolExecutor(workers) as pool:
        for (path, name), digest in zip(named, pool.map(_digest, (path for path, _ in named)), strict=True):
            if isinstance(digest, MediaError):
                rejected.append(manifest.Row(_utf8(name), "rejected", digest.reason, type(digest).__name__))
            elif digest in inputs:
                reason = f"has the same content as {inputs[digest].name}"
                rejected.append(manifest.Row(name, "rejected", reason, "Duplicate", digest))
            else:
                inputs[digest] = Input(path, _utf8(name), digest)
    return [inputs[digest] for digest in sorted(inputs)], rejected


def _walk(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        if path.is_dir() and path.suffix.lower() not in VIDEOS:
            for file in path.rglob("*"):
                if file.suffix.lower() in VIDEOS and not file.name.startswith("."):
                    yield str(file), file.relative_to(path).as_posix()
        else:
            # Path() folds the two slashes of an address.
            name = str(path).replace(":/", "://", 1) if ":/" in str(path) else path.name
            yield (name if "://" in name else str(path)), name


def _utf8(name: str) -> str:
    """The name as the records can hold it: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()


def _digest(path: str) -> str | MediaError:
    try:
        with check_regular_file(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except MediaError as error:
        return error
    except OSError as error:
        return MediaError(path, os.strerror(error.errno or 0).lower())


def plan_jobs(inputs: list[Input], config: PrepareConfig) -> tuple[list[ShardJob], list[manifest.Row]]:
    """Deals the inputs into shard jobs, and refuses those whose folder names no split."""
    by_split: dict[str, list[Input]] = {split: [] for split in SPLITS}
    rejected = []
    for item in inputs:
        split = split_of(item, config)
        if split is None:
            reason = f"its folder is none of {', '.join(SPLITS)}"
            rejected.append(manifest.Row(item.name, "rejected", reason, "NoSplit", item.video))
        else:
            by_split[split].append(item)
    size = config.videos_per_shard
    jobs = [
        ShardJob(split, i, tuple(part[start : start + size]), config.sampling, str(config.out / PARTIAL))
        for split, part in by_split.items()
        for i, start in enumerate(range(0, len(part), size))
    ]
    return jobs, rejected


def split_of(item: Input, config: PrepareConfig) -> str | None:
    """The split of a video: all that is cut from one file lies in one split."""
    if config.split_by == "folder":
        parent = Path(item.path).parent.name
        return parent if parent in SPLITS else None
    position = int(item.video[:12], 16) / 16**12
    for split, upper in zip(SPLITS, _cumulative(config.fractions), strict=True):
        if position < upper:
            return split
    return next(s for s, f in reversed(list(zip(SPLITS, config.fractions, strict=True))) if f > 0)


def _cumulative(fractions: tuple[float, ...]) -> list[float]:
    return [sum(fractions[: i + 1]) for i in range(len(fractions))]


def _claim(config: PrepareConfig, jobs: list[ShardJob]) -> None:
    """Marks the folder as this plan's, or refuses a folder that is another's."""
    inputs = [[job.split, job.index, [[i.name, i.video] for i in job.inputs]] for job in jobs]
    plan = {
        "sampling": asdict(config.sampling),
        "split_by": config.split_by,
        "fractions": config.fractions,
        "inputs": hashlib.sha256(json.dumps(inputs).encode()).hexdigest(),
    }
    text = json.dumps(plan, indent=2) + "\n"
    out, file = config.out, config.out / PLAN
    if out.exists() and not out.is_dir():
        raise DataError(out, "is not a folder")
    if file.exists() and file.read_text(errors="replace") != text:
        if not config.overwrite:
            raise DataError(out, "holds records of other videos or options; choose another --out or add --overwrite")
        _clear(out)
    elif not file.exists() and out.exists() and any(out.iterdir()):
        raise DataError(out, "is not empty and not a folder of records; choose another --out")
    if not (out / records.INFO).exists():
        (out / PARTIAL).mkdir(parents=True, exist_ok=True)
        write_text(file, text)


def _clear(out: Path) -> None:
    shutil.rmtree(out / PARTIAL, ignore_errors=True)
    own = (PLAN, manifest.FILE, labels_of.FILE, *records.METADATA, records.CHECKSUMS, *PICTURES_OF_IT)
    for pattern in (f"{records.NAME}-*.array_record-*", *own):
        for file in out.glob(pattern):
            file.unlink()


def _run(jobs: list[ShardJob], workers: int) -> Iterator[None]:
    waiting = [job for job in jobs if not job.stem.with_suffix(".json").exists()]
    yield from [None] * (len(jobs) - len(waiting))
    yield from spread(run_job, waiting, workers)


def run_job(job: ShardJob) -> None:
    """Writes one shard and its part of the manifest, each under a temporary name until it is whole."""
    shard = job.stem.with_suffix(".array_record")
    temporary = temporary_name(shard)
    try:
        with records.ShardWriter(temporary) as writer:
            rows = [_sample_into(writer, item, job) for item in job.inputs]
        with temporary.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        if writer.records:
            flush(temporary)
            temporary.rename(shard)
    finally:
        temporary.unlink(missing_ok=True)
    result = {"records": writer.records, "bytes": writer.num_bytes, "sha256": digest}
    result["rows"] = [asdict(row) for row in rows]
    write_text(job.stem.with_suffix(".json"), json.dumps(result))


def _sample_into(writer: records.ShardWriter, item: Input, job: ShardJob) -> manifest.Row:
    try:
        sampled = sample_video(Path(item.path), item.name, item.video, job.sampling)
    except MediaError as error:
        return manifest.Row(item.name, "rejected", error.reason, type(error).__name__, item.video, job.split)
    for segment in sampled.segments:
        writer.write(segment)
    status = "partial" if sampled.note else "ok"
    n, seconds = len(sampled.segments), round(sampled.duration_s, 3)
    return manifest.Row(item.name, status, sampled.note, "", item.video, job.split, n, seconds)


def _finished(job: ShardJob) -> dict:
    result = json.loads(job.stem.with_suffix(".json").read_text())
    return {**result, "rows": [manifest.Row(**row) for row in result["rows"]]}


def _publish(config: PrepareConfig, jobs: list[ShardJob], rows: list[manifest.Row]) -> None:
    """Gives the shards their final names, then writes what makes the folder open and says that it is whole."""
    shards: dict[str, list[tuple[int, int]]] = {}
    checksums = ""
    for split in SPLITS:
        filled = [(job, result) for job in jobs if job.split == split and (result := _finished(job))["records"]]
        for i, (job, result) in enumerate(filled):
            final = config.out / records.shard_name(split, i, len(filled))
            if not final.exists():
                job.stem.with_suffix(".array_record").rename(final)
            shards.setdefault(split, []).append((result["records"], result["bytes"]))
            checksums += f"{result['sha256']}  {final.name}\n"
    write_text(config.out / records.CHECKSUMS, checksums)
    write_text(config.out / manifest.FILE, "".join(row.to_json() + "\n" for row in rows))
    records.write_metadata(config.out, shards)
    shutil.rmtree(config.out / PARTIAL)

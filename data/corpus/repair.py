"""`python -m data repair`: what is lost or damaged in a folder of records is made again from the videos."""

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from avnet.errors import AvnetError, DataError
from avnet.files.json_file import read_json
from avnet.files.storage import Folder
from avnet.media.sandbox.limits import Limits
from avnet.program.progress import progress
from data.corpus.config import RepairConfig
from data.corpus.corpus import (
    JOBS,
    PARTIAL,
    PLAN,
    inputs_digest,
    locked,
    read_jobs,
    refuse_foreign,
    shard_names,
    tidy,
    write_listings,
)
from data.corpus.jobs import ShardJob, ShardResult, content_hash, read_result, run_shard_job
from data.corpus.verify import file_faults, read_checksums
from data.records.records import CHECKSUMS, NAME
from data.sampling.config import SamplingConfig


def repair(config: RepairConfig) -> None:
    """Runs the whole command; prints what was made again.

    Raises:
        DataError: the plan or the list of jobs is damaged, or a video that is needed is gone or has changed.
    """
    folder = config.data
    out = Folder(str(folder))
    if not folder.is_dir():
        raise DataError(folder, "is not a folder" if folder.exists() else "does not exist")
    refuse_foreign(out)
    with locked(out):
        _repair(folder, out)


def _repair(folder: Path, out: Folder) -> None:
    results, rejects = read_jobs(folder)
    sampling, limits = _plan(folder)
    faults = _other_faults(folder)
    if vital := sorted({PLAN, JOBS} & set(faults)):
        raise DataError(folder / vital[0], "is damaged, and nothing can be made again without it; prepare again")
    # Where the checksums are lost, nothing else says whether this list is of this plan.
    if inputs_digest((result.split, result.index, result.inputs) for result in results) != _inputs_of_plan(folder):
        raise DataError(folder / JOBS, f"lists other videos than {PLAN}; prepare again")
    shards = _damaged_shards(folder, results)
    try:
        for i in progress(shards, "repairing", len(shards), "shards"):
            job = _job(results[i], sampling, limits, out)
            _check_inputs(job)
            run_shard_job(job)
            # The same bytes or nothing: records of two kinds are never mixed.
            if read_result(out / PARTIAL, job) != results[i]:
                raise DataError(folder, f"{shards[i]} was not the same when made again; prepare the records again")
            out.move(f"{PARTIAL}/{job.shard}", shards[i])
            print(f"made again: {folder / shards[i]}")
        if faults or shards:
            write_listings(out, results, rejects)
    finally:
        out.remove(PARTIAL)
        tidy(out)
    for name in faults:
        print(f"made again: {folder / name}")
    print(f"{folder}: {len(shards)} shards and {len(faults)} other files were made again")


def _plan(folder: Path) -> tuple[SamplingConfig, Limits]:
    try:
        plan = read_json(folder / PLAN)
        # Where nobody chose a track, the plan leaves it out.
        return _read(SamplingConfig, {"audio_track": None, **plan["sampling"]}), _read(Limits, plan["limits"])
    except OSError as error:
        raise DataError(folder / PLAN, f"cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError, AvnetError) as error:
        raise DataError(folder / PLAN, f"is damaged ({error})") from None


def _inputs_of_plan(folder: Path) -> str:
    return str(read_json(folder / PLAN).get("inputs"))


def _read(kind, values: dict):
    if values.keys() != {field.name for field in fields(kind)}:
        raise ValueError("other options than this version has")
    return kind(**values)


def _damaged_shards(folder: Path, results: Sequence[ShardResult]) -> dict[int, str]:
    """Names of the shards whose content is not what the jobs wrote, by the position of the job."""
    names = shard_names(results)
    shards = {}
    for i in progress(names, "hashing", len(names), "shards"):
        shard = folder / names[i]
        if shard.exists() and not shard.is_file():
            raise DataError(shard, "is not a regular file; delete it, then repair")
        if content_hash(str(shard))[0] != results[i].sha256:
            shards[i] = names[i]
    return shards


def _job(result: ShardResult, sampling: SamplingConfig, limits: Limits, out: Folder) -> ShardJob:
    (out / PARTIAL).create()
    return ShardJob(result.split, result.index, tuple(result.inputs), sampling, limits, (out / PARTIAL).url)


def _check_inputs(job: ShardJob) -> None:
    """Refuses to go on where a video is not what it was: its records would be others.

    Raises:
        DataError: names the video.
    """
    for item in job.inputs:
        digest, _, reason = content_hash(item.path)
        if digest != item.video:
            raise DataError(item.path, f"is needed for the repair but {reason or 'has changed'}")


def _other_faults(folder: Path) -> list[str]:
    """Names of the damaged files that are not shards."""
    try:
        names = [Path(fault.subject).name for fault in file_faults(folder, read_checksums(folder))]
    except DataError:
        # Without the list nothing else can be judged; with it, all that follows from the shards is written anew.
        return [CHECKSUMS]
    return [name for name in names if not name.startswith(f"{NAME}-")]

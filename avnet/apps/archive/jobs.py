"""Embedding an archive as jobs: some files each, whose embeddings are one file, whoever does the job and where.

A job is done by this process, by one of several on this machine, or by one on another that sees the same disks. What it
writes depends on its files, the model and the options alone.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_safetensors

from avnet import errors
from avnet.apps.archive.archive_file import (
    ArchiveFile,
    archive_file,
    is_unchanged,
    moments_of,
    reading,
    source_of,
    stamp_now,
)
from avnet.apps.archive.full_batches import Moments, embed_files
from avnet.apps.archive.model_source import ModelSource
from avnet.apps.archive.moments import EmbedOptions, Sample, read_samples
from avnet.errors import Damaged, IndexFolderError, MediaError, ModelFolderError
from avnet.files.storage import Folder, local_copy
from avnet.index.entry import Source
from avnet.index.segment import KINDS
from avnet.index.upkeep.contents import Content
from avnet.workers.memory import keep_memory
from avnet.workers.pool import spread

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

# A job ends at so many files or bytes of them, and a process is started for so many jobs: it first has to open the
# model and to compile it.
FILES, BYTES = 16, 1 << 28
JOBS_PER_PROCESS = 2
# A file that changes while it is read is read so often.
TRIES = 3
# XLA's own threads, off where each core has a process.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"


@dataclass(frozen=True)
class EmbedJob:
    """Some files whose moments are embedded together.

    Attributes:
        number: of the job, from 0.
        files: absolute paths, or addresses.
        model: folder of the model, absolute.
        fingerprint: of the model.
        options: which moments.
        out: file for the embeddings, or its address.
    """

    number: int
    files: tuple[str, ...]
    model: str
    fingerprint: str
    options: EmbedOptions
    out: str


# Has jobs done, and gives their numbers when they are, in any order.
Runner = Callable[[Sequence[EmbedJob]], Iterable[int]]


@dataclass(frozen=True)
class Embedded:
    """What became of a file.

    Attributes:
        file: its name.
        stamp: its state before it was read; nothing where that could not be looked at.
        result: its source and moments, or why it cannot be used.
    """

    file: str
    stamp: str
    result: tuple[Source, Moments] | MediaError


def plan_jobs(
    files: Sequence[ArchiveFile], model: Path | None, fingerprint: str, options: EmbedOptions, folder: Folder
) -> list[EmbedJob]:
    """Deals files out in their order, which is that of the index.

    Args:
        files: by absolute paths or addresses.
        model: its folder; None where this process holds it.
        fingerprint: of the model.
        options: which moments; a subclass is taken as what it adds to.
        folder: for the embeddings.
    """
    parts: list[list[str]] = []
    room = 0
    for file in files:
        size = _size(file)
        if not parts or len(parts[-1]) == FILES or size > room:
            parts.append([])
            room = BYTES
        parts[-1].append(file.name)
        room -= size
    plain = EmbedOptions(options.every, options.audio_track)
    place = "" if model is None else os.path.abspath(model)
    return [
        EmbedJob(number, tuple(part), place, fingerprint, plain, folder.address(f"{number:06d}.safetensors"))
        for number, part in enumerate(parts)
    ]


def run_here(model: ModelSource, jobs: Sequence[EmbedJob], workers: int) -> Iterator[int]:
    """Has jobs done by this process, or by several where there are enough jobs, and yields their numbers.

    Raises:
        AvnetError: the model cannot be opened, or a process was killed.
    """
    processes = min(workers, len(jobs) // JOBS_PER_PROCESS)
    if processes > 1 and all(job.model for job in jobs):
        yield from spread(run_job, jobs, processes)
        return
    for job in jobs:
        embed_job(job, model.open())
        yield job.number


def run_job(job: EmbedJob) -> int:
    """Does a job in a process of its own, which opens the model once.

    Returns:
        Its number.

    Raises:
        AvnetError: the model cannot be opened or is another by now, or the embeddings cannot be written.
    """
    embed_job(job, _opened(job.model, job.fingerprint))
    return job.number


def embed_job(job: EmbedJob, model: "Model") -> None:
    """Embeds the files of a job and writes what became of them; a second time it writes the same.

    Raises:
        DataError: it cannot be written.
    """
    content = _to_bytes(job, list(_embed(model, [archive_file(name) for name in job.files], job.options)), model)
    place, _, name = job.out.rpartition("/")
    folder = Folder(place)
    folder.create()
    with folder.whole(name) as temporary:
        temporary.write_bytes(content)


def read_job(file: str, fingerprint: str) -> list[Embedded]:
    """What `embed_job` wrote.

    Args:
        file: that it wrote, or its address.
        fingerprint: of the model of the index.

    Raises:
        IndexFolderError: it is damaged, or of another model.
        DataError: a store does not answer.
    """
    try:
        with local_copy(file) as path, safe_open(path, framework="numpy") as tensors:
            facts = json.loads(tensors.metadata()["facts"])
            vectors, times, kinds = (tensors.get_tensor(name) for name in ("embeddings", "times", "kinds"))
        if facts["model"] != fingerprint:
            raise IndexFolderError(file, "was made with another model; delete it")
        results, row = [], 0
        for fact in facts["files"]:
            part = slice(row, row + fact["rows"])
            row = part.stop
            names = [KINDS[number] for number in kinds[part].tolist()]
            moments = Moments(vectors[part], times[part], names, fact["silent"])
            results.append(Embedded(fact["file"], fact["stamp"], _result(fact, moments)))
        if not row == len(vectors) == len(times) == len(kinds):
            raise ValueError(f"{len(vectors)} embeddings for {row} moments")
    except (OSError, SafetensorError, ValueError, TypeError, LookupError) as error:
        raise IndexFolderError(file, f"is damaged ({error}); delete it") from None
    return results


def _embed(model: "Model", files: Sequence[ArchiveFile], options: EmbedOptions) -> Iterator[Embedded]:
    moments, stamps, sources = moments_of(options), {}, {}

    def read(file: ArchiveFile) -> Iterator[Sample]:
        stamps[file.name] = stamp_now(file, moments)
        with reading(file) as (path, state):
            sources[file.name] = source_of(file, path, state, moments)
            yield from read_samples(path, model.config, options, leave_out_silence=True)

    for file, result in embed_files(model, files, read):
        for _ in range(TRIES - 1):
            if isinstance(result, MediaError) or is_unchanged(sources[file.name]):
                break
            ((_, result),) = embed_files(model, [file], read)
        if isinstance(result, Moments) and not is_unchanged(sources[file.name]):
            result = Damaged(file.name, "changes while it is read; index it again when it is complete")
        outcome = result if isinstance(result, MediaError) else (sources[file.name], result)
        yield Embedded(file.name, stamps[file.name], outcome)


def _to_bytes(job: EmbedJob, results: Sequence[Embedded], model: "Model") -> bytes:
    facts, moments = [], []
    for one in results:
        fact = {"file": one.file, "stamp": one.stamp, "rows": 0, "silent": 0}
        if isinstance(one.result, MediaError):
            fact |= {"refusal": [type(one.result).__name__, one.result.subject, one.result.reason]}
        else:
            source, part = one.result
            moments.append(part)
            fact |= {"rows": len(part.times), "silent": part.silent, "source": asdict(source)}
        facts.append(fact)
    nothing = np.zeros((0, model.config.features), np.float32)
    arrays = {
        "embeddings": np.concatenate([nothing, *(part.embeddings for part in moments)]),
        "times": np.concatenate([np.zeros(0), *(part.times for part in moments)]),
        "kinds": np.array([KINDS.index(kind) for part in moments for kind in part.kinds], np.uint8),
    }
    return save_safetensors(arrays, {"facts": json.dumps({"model": job.fingerprint, "files": facts})})


def _result(fact: dict, moments: Moments) -> tuple[Source, Moments] | MediaError:
    if "refusal" in fact:
        kind, subject, reason = fact["refusal"]
        refusal = getattr(errors, kind)
        if not issubclass(refusal, MediaError):
            raise ValueError(f"a refusal of the kind {kind}")
        return refusal(subject, reason)
    source = fact["source"]
    content = source["content"]
    return Source(source["file"], source["stamp"], None if content is None else Content(**content)), moments


def _size(file: ArchiveFile) -> int:
    try:
        return file.state().bytes
    except OSError:  # reading it will say why
        return 0


# Several threads of one process may begin at once, and one model is enough for them.
_opening = Lock()


def _opened(folder: str, fingerprint: str) -> "Model":
    with _opening:
        return _open(folder, fingerprint)


@cache
def _open(folder: str, fingerprint: str) -> "Model":
    if multiprocessing.parent_process() is not None:
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()
        keep_memory()
    source = ModelSource(folder)
    if source.fingerprint != fingerprint:
        raise ModelFolderError(folder, "is another model than when the run began")
    return source.open()

"""The units of work of `data prepare`: pure functions of their inputs that leave a file behind, or nothing.

They run in any order, in any number of processes, on any number of machines, and again after an interruption; the bytes
are the same. A job whose result is there is not done again.
"""

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from avnet.errors import Damaged, DataError, MediaError
from avnet.files.storage import Folder, filesystem, is_address, local_copy
from avnet.media.container import check_regular_file
from avnet.media.sandbox.limits import Limits
from data.corpus.manifest import Row
from data.records import records
from data.sampling.config import SamplingConfig
from data.sampling.sandboxed import SandboxedSampler
from data.splits import SPLITS

CHUNK = 1 << 20


@dataclass(frozen=True)
class HashJob:
    """Finds the hashes of some files' content.

    Attributes:
        paths: files, or addresses of files.
        folder: where the result goes.
        file: name of the result.
    """

    paths: tuple[str, ...]
    folder: str
    file: str


def hash_job(files: Sequence[tuple[str, str]], folder: str) -> HashJob:
    """A job whose result has another name when one of the files has changed.

    Args:
        files: path or address of each, and what changes when its content does.
        folder: where the result goes.
    """
    # Names may hold bytes that are not UTF-8.
    digest = hashlib.sha256(json.dumps(files).encode("utf-8", "replace")).hexdigest()
    return HashJob(tuple(path for path, _ in files), folder, f"hashes-{digest[:32]}.json")


def run_hash_job(job: HashJob) -> None:
    """Writes a list of (hash, kind of refusal, reason)."""
    Folder(job.folder).write_text(job.file, json.dumps([content_hash(path) for path in job.paths]))


def content_hash(path: str) -> tuple[str, str, str]:
    """The SHA-256 of a file: (hash, '', '') or ('', kind of refusal, reason).

    Raises:
        DataError: a store did not answer, which says nothing about the file.
    """
    try:
        if is_address(path):
            fs, inside = filesystem(path)
            with fs.open(inside, "rb") as file:
                return _hash_of(file), "", ""
        with check_regular_file(path).open("rb") as file:
            return _hash_of(file), "", ""
    except MediaError as error:
        return "", type(error).__name__, error.reason
    except (FileNotFoundError, PermissionError) as error:
        return "", "NotMedia", (error.strerror or str(error)).lower()
    except OSError as error:
        if is_address(path):
            raise DataError(path, f"cannot be read ({error})") from None
        return "", "Damaged", (error.strerror or str(error)).lower()
    except Exception as error:  # each store's library has errors of its own
        raise DataError(path, f"cannot be read ({error})") from None


def _hash_of(file: Any) -> str:
    digest = hashlib.sha256()
    while part := file.read(CHUNK):
        digest.update(part)
    return digest.hexdigest()


@dataclass(frozen=True)
class Input:
    """One video.

    Attributes:
        path: path or address.
        name: what the records call it.
        video: SHA-256 of its content.
    """

    path: str
    name: str
    video: str


def _shard(split: str, index: int) -> str:
    return f"{split}-{index:05d}.array_record"


@dataclass(frozen=True)
class ShardJob:
    """Some videos of one split that become one shard.

    Attributes:
        split: train, validation or test.
        index: number of the job within its split.
        inputs: in the order of the records.
        sampling: what is kept.
        limits: of the process that decodes.
        folder: where the results go.
    """

    split: str
    index: int
    inputs: tuple[Input, ...]
    sampling: SamplingConfig
    limits: Limits
    folder: str

    @property
    def shard(self) -> str:
        """Name of the shard until it is known how many there are."""
        return _shard(self.split, self.index)

    @property
    def file(self) -> str:
        """Name of the result."""
        return f"{self.split}-{self.index:05d}.json"


@dataclass(frozen=True)
class ShardResult:
    """What a shard job did, as plain values for JSON.

    Attributes:
        split: train, validation or test.
        index: number of the job within its split.
        inputs: its videos.
        rows: of the manifest, one for each input.
        hashes: perceptual hashes of the kept frames of each input, hexadecimal.
        records: in the shard.
        bytes: in the records.
        sha256: of the shard.
    """

    split: str
    index: int
    inputs: list[Input]
    rows: list[Row]
    hashes: list[list[str]]
    records: int
    bytes: int
    sha256: str

    @property
    def shard(self) -> str:
        """As of the job."""
        return _shard(self.split, self.index)

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "ShardResult":
        """What `to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError: it is damaged.
        """
        fields = dict(json.loads(line))
        inputs = [Input(**item) for item in fields.pop("inputs")]
        result = cls(inputs=inputs, rows=[Row.from_json(row) for row in fields.pop("rows")], **fields)
        numbers = (result.index, result.records, result.bytes)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise TypeError(f"index, records and bytes must be numbers, got {numbers}")
        if result.split not in SPLITS or not len(inputs) == len(result.rows) == len(result.hashes):
            raise ValueError("rows and hashes do not fit the inputs")
        for code in itertools.chain.from_iterable(result.hashes):
            int(code, 16)
        return result


def run_shard_job(job: ShardJob) -> None:
    """Writes one shard and then its result.

    Raises:
        DataError: it cannot be written.
    """
    folder = Folder(job.folder)
    # One process for all videos of the shard: starting it takes most of a second.
    with folder.whole(job.shard) as temporary, SandboxedSampler(job.limits) as sampler:
        with records.ShardWriter(temporary) as writer:
            outcomes = [_take(writer, item, job, sampler) for item in job.inputs]
        records.check_count(temporary, writer.records)
        with temporary.open("rb") as stream:
            digest = _hash_of(stream)
    rows, hashes = [row for row, _ in outcomes], [codes for _, codes in outcomes]
    result = ShardResult(job.split, job.index, list(job.inputs), rows, hashes, writer.records, writer.num_bytes, digest)
    folder.write_text(job.file, result.to_json())


def _take(writer: records.ShardWriter, item: Input, job: ShardJob, sampler: SandboxedSampler) -> tuple[Row, list[str]]:
    """Appends one video's segments; a video that is refused leaves none."""
    before = writer.records
    try:
        with local_copy(item.path) as path:
            sample = sampler.sample(path, item.name, item.video, job.sampling)
            # After decoding: a file that was still being copied is another one by now.
            if content_hash(str(path))[0] != item.video:
                raise Damaged(item.path, "has changed since its hash was taken")
    except MediaError as error:
        # Nothing was written yet: segments come one by one, after the whole of the video was accepted.
        return Row(item.name, "rejected", error.reason, type(error).__name__, item.video, job.split), []
    for segment in sample.segments:
        writer.write(segment)
    status = "partial" if sample.note else "ok"
    count, seconds = writer.records - before, round(sample.duration_s, 3)
    row = Row(item.name, status, sample.note, "", item.video, job.split, count, seconds, sample.audio)
    return row, [f"{code:016x}" for code in sample.hashes]


def missing(folder: Folder, jobs: Sequence[HashJob] | Sequence[ShardJob]) -> list:
    """The jobs whose result is not there yet."""
    there = set(folder.names())
    return [job for job in jobs if job.file not in there]


def read_result(folder: Folder, job: ShardJob) -> ShardResult:
    """The result of a job that was done.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        return ShardResult.from_json(folder.read_text(job.file))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(folder.address(job.file), f"is damaged ({error}); delete it and run again") from None


def read_hashes(folder: Folder, job: HashJob) -> list[tuple[str, str, str]]:
    """For each path (hash, kind of refusal, reason).

    Raises:
        DataError: the result is missing or damaged.
    """
    try:
        rows = [tuple(map(str, row)) for row in json.loads(folder.read_text(job.file))]
    except (ValueError, TypeError) as error:
        raise DataError(folder.address(job.file), f"is damaged ({error}); delete it and run again") from None
    if len(rows) != len(job.paths) or any(len(row) != 3 for row in rows):
        raise DataError(folder.address(job.file), "is damaged; delete it and run again")
    return rows  # pyright: ignore[reportReturnType]: the lengths were checked

"""`python -m data verify`: whether records are still what was written, down to every frame."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from avnet.errors import DataError
from avnet.program.progress import progress
from data.corpus import manifest
from data.corpus.config import VerifyConfig
from data.corpus.corpus import WITH_CHECKSUM, read_manifest
from data.records.damage import DamagedRecords, command
from data.records.records import CHECKSUMS, NAME, open_split, split_sizes
from data.records.segment import Segment


def verify(config: VerifyConfig) -> None:
    """Runs the whole command; prints every fault, then how many there are.

    Raises:
        DataError: the folder was not written by `prepare`, or something in it is missing or damaged.
    """
    folder = config.data
    try:
        # `split_sizes` would advise to run this very program.
        sizes = split_sizes(folder)
    except DamagedRecords as damage:
        raise DataError(folder, f"{damage.fault}; run {command('repair', folder)} to mend it") from None
    sums = read_checksums(folder)
    faults = list(file_faults(folder, sums))
    if not faults:  # records of damaged shards would only repeat what is known
        faults = list(_count_faults(folder, sizes)) + list(_record_faults(folder, sizes))
    for fault in faults:
        print(fault)
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise DataError(folder, f"has {count}; run {command('repair', folder)} to mend what can be; first: {faults[0]}")
    shards = sum(name.startswith(f"{NAME}-") for name in sums)
    print(f"{folder}: {shards} shards with {sum(sizes.values())} records are as they were written")


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by name of file, from the list that `sha256sum -c` reads too.

    Raises:
        DataError: it is missing or damaged.
    """
    file = folder / CHECKSUMS
    if file.exists() and not file.is_file():
        raise DataError(file, "is not a regular file")
    try:
        rows = [line.split("  ", 1) for line in file.read_text(encoding="utf-8").splitlines()]
        sums = {name: digest for digest, name in rows}
    except OSError:
        raise DataError(file, "is missing; prepare the records again to have checksums") from None
    except ValueError as error:
        raise DataError(file, f"is damaged ({error})") from None
    # Others may have written the list: no name in it may lead out of the folder.
    shards = {name for name in sums if name.startswith(f"{NAME}-") and "/" not in name}
    if strange := sorted(sums.keys() - shards - set(WITH_CHECKSUM)):
        raise DataError(file, f"is damaged (it names {strange[0]!r}, which is not a shard)")
    if not shards:
        raise DataError(file, "is damaged (it names no shard)")
    return sums


def file_faults(folder: Path, sums: dict[str, str]) -> Iterator[DataError]:
    """Yields what is wrong with the files of a folder: missing, with another content, or without a checksum."""
    shards = {path.name for path in folder.glob(f"{NAME}-*.array_record-*")}
    for name in sorted((shards | set(WITH_CHECKSUM)) - sums.keys()):
        yield DataError(folder / name, f"has no checksum in {CHECKSUMS}")
    for name in progress(sums, "hashing", len(sums), "files"):
        if (folder / name).exists() and not (folder / name).is_file():
            yield DataError(folder / name, "is not a regular file")
            continue
        try:
            with (folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield DataError(folder / name, f"cannot be read ({error.strerror})")
            continue
        if digest != sums[name]:
            yield DataError(folder / name, "is damaged (its content is not what was written)")


def _count_faults(folder: Path, sizes: dict[str, int]) -> Iterator[DataError]:
    counts = dict.fromkeys(sizes, 0)
    for row in read_manifest(folder):
        if row.records:
            counts[row.split] = counts.get(row.split, 0) + row.records
    for split, count in counts.items():
        if count != sizes.get(split, 0):
            reason = f"lists {count} records in the split {split!r}, the shards hold {sizes.get(split, 0)}"
            yield DataError(folder / manifest.FILE, reason)


def _record_faults(folder: Path, sizes: dict[str, int]) -> Iterator[DataError]:
    for split, size in sizes.items():
        if not size:
            continue
        segments = open_split(folder, split)
        for index in progress(range(size), f"opening {split}", size, "records"):
            try:
                if reason := _fault(segments[index]):
                    yield DataError(folder, f"record {index} of {split} {reason}")
            except DamagedRecords as damage:
                yield DataError(folder, damage.fault)


def _fault(segment: Segment) -> str:
    """What is wrong with a record; empty where nothing is.

    Raises:
        DamagedRecords: a frame cannot be decoded.
    """
    for frame in range(len(segment.frames)):
        segment.image(frame)
    if not segment.frames or len(segment.frames) != len(segment.frame_at):
        return f"has {len(segment.frames)} frames at {len(segment.frame_at)} times"
    if not len(segment.waveform) or segment.sample_rate <= 0 or segment.frame_period <= 0:
        return "has no sound, or no rate"
    return ""

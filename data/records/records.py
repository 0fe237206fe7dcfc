"""How segments become records, and how shards of them are written and opened.

Shards are ArrayRecord files that TensorFlow Datasets opens; nothing here needs TensorFlow.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
from etils import epath
from tensorflow_datasets.proto import tf_example_pb2

from avnet.errors import DataError
from avnet.files.json_file import read_json
from data.records.damage import DamagedRecords
from data.records.resample import Resampled
from data.records.segment import Segment, SegmentSource

# protobuf makes the class at run time
_Example = tf_example_pb2.Example  # pyright: ignore[reportAttributeAccessIssue]
NAME = "avnet"
INFO = "dataset_info.json"
METADATA = (INFO, "features.json")
CHECKSUMS = "SHA256SUMS"
# One record a group, uncompressed: 18,000 random reads a second; JPEG and noise-like sound do not compress anyway.
WRITER_OPTIONS = "group_size:1,uncompressed"


def features() -> tfds.features.FeaturesDict:
    """The record's fields for TensorFlow Datasets."""
    data = tfds.features.Tensor(shape=(), dtype=np.object_)
    return tfds.features.FeaturesDict(
        {
            "name": tfds.features.Text(),
            "video": tfds.features.Text(),
            "start_us": tfds.features.Scalar(np.int64),
            "frames": tfds.features.Sequence(data),
            "frame_at": tfds.features.Sequence(tfds.features.Scalar(np.int64)),
            "frame_period": tfds.features.Scalar(np.float32),
            "waveform": data,
            "sample_rate": tfds.features.Scalar(np.int64),
            "loudness_dbfs": tfds.features.Scalar(np.float32),
            "motion": tfds.features.Scalar(np.float32),
        }
    )


def to_example(segment: Segment) -> dict[str, Any]:
    """The segment as plain values for `features()`."""
    return {
        "name": segment.name,
        "video": segment.video,
        "start_us": round(segment.start_s * 1e6),
        "frames": segment.frames,
        "frame_at": segment.frame_at,
        "frame_period": segment.frame_period,
        "waveform": segment.waveform.astype("<i2").tobytes(),
        "sample_rate": segment.sample_rate,
        "loudness_dbfs": segment.loudness_dbfs,
        "motion": segment.motion,
    }


def from_example(example: dict[str, Any], data_dir: Path | None = None) -> Segment:
    """The segment that `to_example` described, read from a folder or from nowhere."""
    return Segment(
        name=example["name"].decode(),
        video=example["video"].decode(),
        start_s=int(example["start_us"]) / 1e6,
        frames=list(example["frames"]),
        frame_at=np.asarray(example["frame_at"], np.int64),
        frame_period=float(example["frame_period"]),
        waveform=np.frombuffer(example["waveform"], "<i2"),
        sample_rate=int(example["sample_rate"]),
        loudness_dbfs=float(example["loudness_dbfs"]),
        motion=float(example["motion"]),
        data_dir=data_dir,
    )


class ShardWriter:
    """Writes one ArrayRecord file; use as a context.

    Raises:
        DataError: the system refuses to write.
    """

    def __init__(self, path: Path):
        self._folder = path.parent
        self._features = features()
        with self._refusing():
            self._writer = ArrayRecordWriter(str(path), WRITER_OPTIONS)
        self.records = 0
        self.num_bytes = 0

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            with self._refusing():
                self._writer.close()
        except DataError:
            if kind is None:
                raise

    def write(self, segment: Segment) -> None:
        """Appends one record."""
        record = self._features.serialize_example(to_example(segment))
        # The fields are a map, whose order otherwise differs from process to process.
        record = _Example.FromString(record).SerializeToString(deterministic=True)
        with self._refusing():
            self._writer.write(record)
        self.records += 1
        self.num_bytes += len(record)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise DataError(self._folder, f"cannot be written to ({str(error).split(';')[0]})") from None


def check_count(path: Path, count: int) -> None:
    """Opens a shard that was just written.

    Raises:
        DataError: it does not hold that many records.
    """
    try:
        reader = ArrayRecordReader(str(path))
        records = reader.num_records()
        reader.close()
    except RuntimeError as error:
        raise DataError(path.parent, f"does not give back what was written ({error})") from None
    if records != count:
        raise DataError(path.parent, f"does not give back what was written ({records} of {count} records)")


def shard_name(split: str, index: int, total: int) -> str:
    """TensorFlow Datasets' name for a shard."""
    return f"{NAME}-{split}.array_record-{index:05d}-of-{total:05d}"


def metadata(shards: dict[str, list[tuple[int, int]]]) -> dict[str, str]:
    """The files that make a folder of shards open with TensorFlow Datasets.

    Args:
        shards: for each split (records, bytes) of each shard; they lie in the folder under `shard_name`s.

    Returns:
        Text by name of file.
    """
    with tempfile.TemporaryDirectory() as folder:
        for split, parts in shards.items():
            for i in range(len(parts)):  # it lists the names of the files
                (Path(folder) / shard_name(split, i, len(parts))).touch()
        tfds.folder_dataset.write_metadata(
            data_dir=folder,
            features=features(),
            split_infos=[_split_info(Path(folder), split, parts) for split, parts in shards.items()],
            # The files that it would look into are empty; the real ones may be gigabytes.
            check_data=False,
            description="Frames and sound of unlabelled videos.",
        )
        return {name: (Path(folder) / name).read_text(encoding="utf-8") for name in METADATA}


def _split_info(folder: Path, split: str, parts: list[tuple[int, int]]) -> tfds.core.SplitInfo:
    return tfds.core.SplitInfo(
        name=split,
        shard_lengths=[records for records, _ in parts],
        num_bytes=sum(num_bytes for _, num_bytes in parts),
        filename_template=tfds.core.ShardedFileTemplate(
            data_dir=epath.Path(folder), dataset_name=NAME, split=split, filetype_suffix="array_record"
        ),
    )


def split_sizes(data_dir: str | Path) -> dict[str, int]:
    """Records of each split.

    Raises:
        DataError: the folder was not written by `prepare`, or not to its end.
    """
    info = Path(data_dir) / INFO
    if not Path(data_dir).is_dir():
        raise DataError(data_dir, "is not a folder" if Path(data_dir).exists() else "does not exist")
    try:
        splits = read_json(info)["splits"]
        return {split["name"]: sum(map(int, split["shardLengths"])) for split in splits}
    except OSError:
        raise DataError(data_dir, f"holds no prepared records (no {INFO}); run `data prepare`") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedRecords(data_dir, f"{INFO} is damaged ({error})") from None


class _TfdsSegments:
    def __init__(self, data_dir: Path, split: str, examples: Sequence[Any]):
        self._data_dir, self._split, self._examples = data_dir, split, examples

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Segment:
        try:
            return from_example(self._examples[index], self._data_dir)
        except Exception as error:  # the readers below raise many kinds; each means that it is damaged
            raise DamagedRecords(self._data_dir, f"record {index} of {self._split} cannot be read ({error})") from None


def fingerprint(data_dir: str | Path) -> str:
    """Tells one folder of records from another: a hash of what it says of its splits.

    Raises:
        DataError: the folder was not written by `prepare`, or not to its end.
    """
    split_sizes(data_dir)
    return hashlib.sha256((Path(data_dir) / INFO).read_bytes()).hexdigest()


def open_split(data_dir: str | Path, split: str, sample_rate: int | None = None) -> SegmentSource:
    """Opens one split of a folder of records.

    Args:
        data_dir: the folder.
        split: train, validation or test.
        sample_rate: Hz of the sound, to which that of the records is resampled; None leaves it as it is.

    Raises:
        DataError: the folder or the split is missing or empty, a shard is damaged, or the sound has a lower rate.
    """
    sizes = split_sizes(data_dir)
    if not sizes.get(split):
        reason = f"has no records in the split {split!r} (has {sizes or 'none'})"
        raise DataError(data_dir, f"{reason}; it takes more videos, or other --fractions of python -m data prepare")
    for path in (*(Path(data_dir) / name for name in METADATA), *Path(data_dir).glob(f"{NAME}-*")):
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise DataError(path, "is not a regular file")
    try:
        builder = tfds.builder_from_directory(data_dir)
        examples = builder.as_data_source(split)  # pyright: ignore[reportCallIssue]: a decorator hides its type
    except Exception as error:  # the readers below raise many kinds; each means that a file is missing or damaged
        raise DamagedRecords(data_dir, f"the split {split!r} cannot be opened ({error})") from None
    segments = _TfdsSegments(Path(data_dir), split, examples)
    if sample_rate is None or (rate := segments[0].sample_rate) == sample_rate:
        return segments
    if rate < sample_rate:
        raise DataError(data_dir, f"holds sound at {rate} Hz, but the model needs {sample_rate} Hz; prepare it again")
    return Resampled(segments, sample_rate)

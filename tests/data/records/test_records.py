import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from spoken.tiny_corpus import write_corpus, write_metadata

from avnet.errors import DataError
from data.records import records
from data.records.jpeg import encode_jpeg
from data.records.records import ShardWriter, open_split, shard_name, split_sizes
from data.records.segment import Segment

RATE = 48_000


def segment(number=0, seconds=2.0):
    rng = np.random.default_rng(number)
    frames = [encode_jpeg(rng.integers(0, 256, (32, 48, 3), np.uint8), 90) for _ in range(2)]
    waveform = rng.integers(-32768, 32768, int(seconds * RATE)).astype(np.int16)
    at = np.array([24_017, 60_000])
    return Segment(f"a/ünï {number}.mp4", f"{number:064x}", 1.25 + number, frames, at, RATE / 29.97, waveform, RATE)


@pytest.fixture
def folder(tmp_path):
    """Three records of the split train, in two shards."""
    shards = []
    for index, numbers in enumerate(((0, 1), (2,))):
        with ShardWriter(tmp_path / shard_name("train", index, 2)) as writer:
            for number in numbers:
                writer.write(segment(number))
        shards.append((writer.records, writer.num_bytes))
    write_metadata(tmp_path, {"train": shards})
    return tmp_path


def test_what_is_written_is_read_again(folder):
    source = open_split(folder, "train")
    assert len(source) == 3
    for number in (2, 0, 1):
        copy, original = source[number], segment(number)
        assert (copy.name, copy.video, copy.start_s) == (original.name, original.video, original.start_s)
        assert copy.frames == original.frames
        assert np.array_equal(copy.frame_at, original.frame_at) and copy.frame_at.dtype == np.int64
        assert np.array_equal(copy.waveform, original.waveform) and copy.waveform.dtype == np.int16
        assert copy.frame_period == pytest.approx(original.frame_period, rel=1e-6)
        assert copy.sample_rate == RATE


def test_frame_times_are_seconds_in_the_file():
    assert segment(1).frame_times == pytest.approx([2.25 + 24_017 / RATE, 3.5])


def test_clip_is_cut_to_the_sample_and_padded():
    one = segment()
    assert np.array_equal(one.clip(1000, 100), one.waveform[950:1050])
    ahead = one.clip(20, 100)
    assert not ahead[:30].any() and np.array_equal(ahead[30:], one.waveform[:70])
    behind = one.clip(len(one.waveform), 100)
    assert np.array_equal(behind[:50], one.waveform[-50:]) and not behind[50:].any()
    assert not one.clip(-500, 100).any()


def test_splits_and_their_sizes_are_known(folder):
    assert split_sizes(folder) == {"train": 3}


def test_tensorflow_datasets_opens_the_folder(folder):
    builder = tfds.builder_from_directory(folder)
    assert builder.info.splits["train"].num_examples == 3
    example = examples(folder, "train")[1]
    assert example["name"].decode() == segment(1).name
    assert np.array_equal(np.frombuffer(example["waveform"], "<i2"), segment(1).waveform)


def test_tensorflow_is_never_imported(folder, tmp_path):
    stub = tmp_path / "stub" / "tensorflow"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("print('imported')")
    code = f"from data.records.records import open_split; print(len(open_split({str(folder)!r}, 'train')[2].frames))"
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{stub.parent}:{root}"}
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (child.returncode, child.stdout) == (0, "2\n"), child.stderr


def test_sound_is_stored_as_bytes(folder):
    size = (folder / shard_name("train", 1, 2)).stat().st_size
    # Two records of a second, in blocks of 64 kB; as a list of numbers the sound alone would be 8 times larger.
    assert size < 2 * (2 * RATE + 2 * 65536)


def test_position_in_the_sound_is_exact_however_late_in_the_file(tmp_path):
    late = Segment("x", "0" * 64, 86_399.123457, [b""], np.array([12_345_678]), 1600.0, np.zeros(1, np.int16), RATE)
    copy = records.from_example(tfds_round_trip(tmp_path, late))
    assert copy.frame_at.tolist() == [12_345_678]
    assert copy.start_s == late.start_s


def tfds_round_trip(folder, one):
    with ShardWriter(folder / shard_name("test", 0, 1)) as writer:
        writer.write(one)
    write_metadata(folder, {"test": [(1, writer.num_bytes)]})
    return examples(folder, "test")[0]


def examples(folder, split) -> Any:
    builder: Any = tfds.builder_from_directory(folder)
    return builder.as_data_source(split)


def read_all(folder):
    source = open_split(folder, "train")
    return [source[i] for i in range(len(source))]


def one_line(refusal, subject):
    assert str(subject) in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "empty"])
def test_damaged_shard_is_refused(folder, damage):
    shard = folder / shard_name("train", 1, 2)
    data = bytearray(shard.read_bytes())
    if damage == "cut":
        shard.write_bytes(data[: len(data) // 2])
    elif damage == "flipped":
        data[len(data) // 2] ^= 0xFF
        shard.write_bytes(data)
    elif damage == "missing":
        shard.unlink()
    else:
        shard.write_bytes(b"")
    with pytest.raises(DataError) as refusal:
        read_all(folder)
    one_line(refusal, folder)


def test_splits_that_are_missing_or_empty_are_refused(folder, tmp_path_factory):
    with pytest.raises(DataError, match="'test'") as refusal:
        open_split(folder, "test")
    one_line(refusal, folder)
    with pytest.raises(DataError, match="holds no prepared records"):
        open_split(tmp_path_factory.mktemp("other"), "train")
    with pytest.raises(DataError, match="does not exist"):
        open_split(folder / "nowhere", "train")
    with pytest.raises(DataError, match="is not a folder"):
        open_split(folder / records.INFO, "train")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"splits": [{"name": "train"}]}', '{"splits": 3}'])
def test_damaged_description_is_refused(folder, text):
    (folder / records.INFO).write_text(text)
    with pytest.raises(DataError, match="is damaged") as refusal:
        split_sizes(folder)
    one_line(refusal, records.INFO)


def test_description_without_features_is_refused(folder):
    (folder / "features.json").write_text(json.dumps({}))
    with pytest.raises(DataError) as refusal:
        read_all(folder)
    one_line(refusal, folder)


def test_sound_of_a_lower_rate_than_the_models_is_refused(tmp_path):
    folder = write_corpus(tmp_path / "records")
    assert len(open_split(folder, "train", 48_000)) > 0
    with pytest.raises(DataError, match="holds sound at 48000 Hz, but the model needs 96000 Hz"):
        open_split(folder, "train", 96_000)


def test_sound_of_a_higher_rate_than_the_models_is_resampled(tmp_path):
    folder = write_corpus(tmp_path / "records")
    stored, resampled = open_split(folder, "train")[0], open_split(folder, "train", 16_000)[0]
    assert resampled.sample_rate == 16_000
    assert len(resampled.waveform) == -(-len(stored.waveform) // 3)
    np.testing.assert_allclose(resampled.frame_times, stored.frame_times, atol=0.5 / 16_000)
    assert resampled.frame_period == pytest.approx(stored.frame_period / 3)

import dataclasses
import pickle
import re
import shlex

import numpy as np
import pytest
from spoken.tiny_corpus import make_segment, write_corpus, write_metadata

from avnet.errors import DataError
from data.records.damage import DamagedRecords
from data.records.listing import correspondence_pairs, evaluation_pairs
from data.records.loader import load_batches
from data.records.pairs import PairConfig
from data.records.records import INFO, ShardWriter, open_split, shard_name

CONFIG = PairConfig(clip_samples=480, canvas=16)
READERS = {
    "training": lambda folder: next(load_batches(open_split(folder, "train"), CONFIG, 4, seed=0, threads=1)),
    "retrieval": lambda folder: evaluation_pairs(folder, "train", 480),
    "correspondence": lambda folder: correspondence_pairs(folder, "train", 480),
}
DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "changed": lambda data: data.replace(b"\xff\xd8\xff", b"\0\0\0"),  # with what every JPEG begins
}


@pytest.fixture
def folder(tmp_path):
    return write_corpus(tmp_path / "my records", train=8, validation=0)


def commands(refusal):
    """What the refusal says is to be typed, in words as a shell would take them."""
    assert "\n" not in str(refusal.value)
    return [shlex.split(command) for command in re.findall("`(.*?)`", str(refusal.value))]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("reader", READERS)
def test_whoever_meets_a_damaged_shard_says_how_to_look_and_how_to_mend(folder, reader, damage):
    shard = folder / shard_name("train", 0, 1)
    shard.write_bytes(DAMAGES[damage](shard.read_bytes()))
    with pytest.raises(DamagedRecords) as refusal:
        READERS[reader](folder)
    python = ["python", "-m", "data"]
    assert commands(refusal) == [[*python, "verify", str(folder)], [*python, "repair", str(folder)]]
    assert str(refusal.value).startswith(f"{folder}: ")


def test_a_shard_that_is_gone_and_a_damaged_description_say_so_too(folder):
    (folder / shard_name("train", 0, 1)).unlink()
    with pytest.raises(DamagedRecords) as refusal:
        list(map(open_split(folder, "train").__getitem__, range(8)))
    assert len(commands(refusal)) == 2
    (folder / INFO).write_text("{")
    with pytest.raises(DamagedRecords, match=f"{INFO} is damaged") as refusal:
        open_split(folder, "train")
    assert len(commands(refusal)) == 2


def test_a_frame_that_is_no_jpeg_is_named_by_its_video_and_time(tmp_path):
    broken = dataclasses.replace(make_segment("film.mp4", 0), frames=[b"\xff\xd8\xff"], start_s=1.5)
    with pytest.raises(DataError, match="is not a JPEG") as refusal:
        broken.image(0)
    assert not commands(refusal)  # nobody has read it from a folder
    with ShardWriter(tmp_path / shard_name("train", 0, 1)) as writer:
        writer.write(broken)
    write_metadata(tmp_path, {"train": [(1, writer.num_bytes)]})
    with pytest.raises(DamagedRecords, match=r"frame 0 at 1\.5 s of film\.mp4 is not a JPEG") as refusal:
        READERS["retrieval"](tmp_path)
    assert len(commands(refusal)) == 2


def test_what_is_no_damage_is_not_for_verify(folder):
    with pytest.raises(DataError, match="no records in the split 'test'") as refusal:
        open_split(folder, "test")
    assert not commands(refusal)


def test_it_crosses_processes_with_its_fault():
    error = DamagedRecords("corpus", "record 3 cannot be read")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.fault) == (str(error), error.fault)


def test_frames_of_whole_records_are_what_they_were(folder):
    image = open_split(folder, "train")[0].image(0)
    assert image.shape == (144, 144, 3) and image.dtype == np.uint8

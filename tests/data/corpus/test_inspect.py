import hashlib

import numpy as np
import pytest
from PIL import Image
from spoken.tiny_corpus import write_metadata

from avnet.errors import ConfigError, DataError
from data.corpus import manifest
from data.corpus.config import InspectConfig
from data.corpus.inspect import TILE, contact_sheet, inspect
from data.records.jpeg import encode_jpeg
from data.records.records import ShardWriter, shard_name
from data.records.segment import Segment

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))


def segment(number, loud=True):
    frames = [encode_jpeg(np.full((24, 32, 3), colour, np.uint8), 95) for colour in ((0, 0, 0), COLOURS[number % 3])]
    video = hashlib.sha256(bytes([number])).hexdigest()
    sound = np.full(4000, 16384 if loud else 0, np.int16)
    return Segment(f"{number}.mp4", video, 0.0, frames, np.array([1000, 2000]), 40.0, sound, 1000)


@pytest.fixture
def folder(tmp_path):
    rows, shards = [], {}
    for split, numbers in (("train", range(6)), ("test", range(6, 8))):
        with ShardWriter(tmp_path / shard_name(split, 0, 1)) as writer:
            for number in numbers:
                writer.write(segment(number))
                rows.append(manifest.Row(f"{number}.mp4", "ok", "", "", "0" * 64, split, 1, 30.0))
        shards[split] = [(writer.records, writer.num_bytes)]
    rows.append(manifest.Row("mute.mp4", "rejected", "has no audio track", "NoAudioTrack"))
    (tmp_path / manifest.FILE).write_text("".join(row.to_json() + "\n" for row in rows))
    write_metadata(tmp_path, shards)
    return tmp_path


def cells(line):
    return line.replace("│", "|").strip("| ").replace(" ", "").split("|")


def test_counts_minutes_and_rejects_are_printed(folder, capsys):
    inspect(InspectConfig(folder, tiles=0))
    out = capsys.readouterr().out
    rows = [cells(line) for line in out.splitlines()]
    assert ["train", "6", "0", "6", "3.0"] in rows
    assert ["test", "2", "0", "2", "1.0"] in rows
    assert "rejected 1 of 9 inputs: 1 NoAudioTrack" in " ".join(out.split())
    assert "mute.mp4: has no audio track" in out
    assert not (folder / "contact_sheet.jpg").exists()


def test_contact_sheet_is_written_into_the_folder(folder, capsys):
    inspect(InspectConfig(folder, tiles=3))
    assert str(folder / "contact_sheet.jpg") in capsys.readouterr().out.replace("\n", "")
    with Image.open(folder / "contact_sheet.jpg") as sheet:
        assert sheet.size == (8 * TILE, TILE + 32)
        pixels = [sheet.getpixel((i * TILE + 64, 64)) for i in range(4)]
    expected = [COLOURS[0], COLOURS[1], COLOURS[1], (255, 255, 255)]  # of the records 0, 4 and 7
    assert np.abs(np.array(pixels) - np.array(expected)).max() < 12


def test_asking_for_more_tiles_than_records_shows_each_once(folder, capsys):
    inspect(InspectConfig(folder, tiles=48))
    with Image.open(folder / "contact_sheet.jpg") as sheet:
        assert sheet.size == (8 * TILE, TILE + 32)
        assert max(np.asarray(sheet)[64, i * TILE + 64].min() for i in range(8)) < 60


def test_sheet_has_a_row_for_every_eight_and_shows_the_sound():
    sheet = np.asarray(contact_sheet([segment(number, loud=number != 1) for number in range(9)]))
    assert sheet.shape == (2 * (TILE + 32), 8 * TILE, 3)
    below = sheet[TILE : TILE + 32]
    ink = (below != 255).any(axis=2).sum(axis=0)
    assert (ink[:TILE] == 15).all() and (ink[TILE : 2 * TILE] == 1).all()
    assert (sheet[TILE + 32 :, TILE:] == 255).all()


def test_folder_that_was_not_prepared_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"manifest\.jsonl"):
        inspect(InspectConfig(tmp_path))


def test_number_of_tiles_has_bounds(tmp_path):
    for tiles in (-1, 1001):
        with pytest.raises(ConfigError, match="--tiles"):
            InspectConfig(tmp_path, tiles)

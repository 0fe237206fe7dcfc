import hashlib
import json
import shutil
import subprocess

import pytest
from media.media_files import make_mute, make_video

from avnet.errors import DataError
from data.corpus import manifest
from data.corpus.config import PrepareConfig, RepairConfig, VerifyConfig
from data.corpus.corpus import WITH_CHECKSUM, read_manifest
from data.corpus.prepare import prepare
from data.corpus.repair import repair
from data.corpus.verify import read_checksums, verify
from data.records.records import CHECKSUMS, INFO


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "films").mkdir()
    for i in range(3):
        make_video(folder / "films" / f"{i}.mp4", 1.5 + i / 5)
    make_mute(folder / "films" / "mute.mp4")
    prepare(PrepareConfig((folder / "films",), folder / "out", fractions=(1.0, 0.0, 0.0), videos_per_shard=2))
    return folder / "out"


@pytest.fixture
def copy(records, tmp_path):
    return shutil.copytree(records, tmp_path / "out")


def assert_refusal(folder, capsys):
    with pytest.raises(DataError) as error:
        verify(VerifyConfig(folder))
    return str(error.value), capsys.readouterr().out


def test_what_was_written_is_found_whole(records, capsys):
    verify(VerifyConfig(records))
    assert "2 shards with 3 records are as they were written" in capsys.readouterr().out


def test_checksums_are_those_of_sha256sum(records):
    assert len(read_checksums(records)) == 2 + len(WITH_CHECKSUM)
    subprocess.run(["sha256sum", "--check", "--quiet", CHECKSUMS], cwd=records, check=True)


@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_a_damaged_shard_is_named(copy, damage, capsys):
    shard = copy / sorted(read_checksums(copy))[1]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "missing":
        shard.unlink()
    else:
        shard.write_bytes(content if damage == "flipped" else content[:-100])
    line, output = assert_refusal(copy, capsys)
    assert "has 1 fault;" in line and line.count("python -m data repair") == 1
    assert output.startswith(str(shard)) and output.count("\n") == 1


def test_a_manifest_that_tells_of_other_counts_is_a_fault(copy, capsys):
    rows = read_manifest(copy)
    (copy / manifest.FILE).write_text("".join(row.to_json() + "\n" for row in rows if row.name != "1.mp4"))
    assert "manifest.jsonl: is damaged (its content is not what was written)" in assert_refusal(copy, capsys)[1]
    digest = hashlib.sha256((copy / manifest.FILE).read_bytes()).hexdigest()
    sums = read_checksums(copy) | {manifest.FILE: digest}
    (copy / CHECKSUMS).write_text("".join(f"{value}  {name}\n" for name, value in sums.items()))
    assert "lists 2 records in the split 'train', the shards hold 3" in assert_refusal(copy, capsys)[0]


def test_a_count_that_the_shards_do_not_hold_is_a_fault(copy, capsys):
    info = json.loads((copy / INFO).read_text())
    info["splits"][0]["shardLengths"][0] = "7"
    (copy / INFO).write_text(json.dumps(info))
    with pytest.raises(DataError):
        verify(VerifyConfig(copy))


def test_a_description_that_is_damaged_is_for_repair(copy, capsys):
    (copy / INFO).write_text("{")
    assert "to mend it" in (line := assert_refusal(copy, capsys)[0]) and "data verify" not in line
    repair(RepairConfig(copy))
    verify(VerifyConfig(copy))


def test_records_without_checksums_are_refused(copy):
    (copy / CHECKSUMS).unlink()
    with pytest.raises(DataError, match="is missing"):
        verify(VerifyConfig(copy))


def test_a_shard_without_a_checksum_is_a_fault(copy, capsys):
    rows = (copy / CHECKSUMS).read_text().splitlines()
    (copy / CHECKSUMS).write_text(rows[0] + "\n")
    assert "has no checksum" in assert_refusal(copy, capsys)[0]


@pytest.mark.parametrize("content", ["", "nonsense", "0  ../../etc/passwd\n"])
def test_checksums_of_nothing_are_refused(copy, content):
    (copy / CHECKSUMS).write_text(content)
    with pytest.raises(DataError, match="is damaged"):
        verify(VerifyConfig(copy))


def test_a_frame_that_does_not_open_is_a_fault(records, monkeypatch, capsys):
    def broken(jpeg, min_side):
        raise DataError("a frame", "is not a JPEG that can be decoded")

    monkeypatch.setattr("data.records.segment.decode_jpeg", broken)
    line, output = assert_refusal(records, capsys)
    assert "has 3 faults" in line and "frame 0 at 0 s of 2.mp4 is not a JPEG" in output
    assert "data verify" not in line + output

"""Every kind of folder obeys one law and is refused in the same lines."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from media.forged import forge
from one_of_each import (
    AGAIN,
    SAVE,
    units,
    vocoder,
)

import avnet
from avnet.correspondence.model import Model
from avnet.errors import AvnetError, ModelFolderError
from avnet.files.artifact import CARD, HEADER, WEIGHTS, fingerprint_of, read_header
from avnet.files.kinds import KINDS, VOCODER
from avnet.files.whole import write_text
from avnet.synthesizers.voice import open_voice

EACH = pytest.mark.parametrize("kind", list(SAVE))
# An index grows in place, and what is exported takes a compiler: they have tests of their own.
GROWN = ("index", "export", "exported captioner")
WHOLE = pytest.mark.parametrize("kind", [kind for kind in SAVE if kind not in GROWN])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of each kind, not to be changed."""
    place = tmp_path_factory.mktemp("whole")
    return {kind: place / kind for kind in SAVE if SAVE[kind](place / kind)}


@pytest.fixture
def on_disk(whole, kind, tmp_path):
    """A folder, to be damaged."""
    return shutil.copytree(whole[kind], tmp_path / kind)


def assert_refusal(path, reason: str, read: Callable = avnet.load) -> AvnetError:
    with pytest.raises(AvnetError, match=reason) as refusal:
        read(path)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400
    return refusal.value


def change_header(folder: Path, change: Callable[[dict], object]) -> None:
    listing = json.loads((folder / HEADER).read_text())
    change(listing)
    (folder / HEADER).write_text(json.dumps(listing))


def test_every_kind_is_here():
    assert list(SAVE) == list(KINDS)


@WHOLE
def test_what_is_written_is_loaded_and_written_again_with_the_same_fingerprint(whole, kind, tmp_path):
    read = avnet.load(whole[kind])
    assert type(read) is KINDS[kind].type
    header = read_header(whole[kind], KINDS[kind])
    again = AGAIN.get(kind, lambda read, path: read.save(path))(read, tmp_path / "again")
    assert again == header.fingerprint == read_header(tmp_path / "again", KINDS[kind]).fingerprint
    for name in header.files:
        assert (tmp_path / "again" / name).read_bytes() == (whole[kind] / name).read_bytes()
    assert all(isinstance(text, str) for text in KINDS[kind].type.summary(header).values())
    header.verify()


@WHOLE
def test_what_is_beside_the_payload_changes_no_fingerprint(on_disk, kind):
    before = read_header(on_disk, KINDS[kind]).fingerprint
    (on_disk / CARD).write_text("# Another card\n")
    (on_disk / "figure.png").write_bytes(b"x")
    change_header(on_disk, lambda header: header["facts"].update(more=1))
    assert read_header(on_disk, KINDS[kind]).fingerprint == before
    assert type(avnet.load(on_disk)) is KINDS[kind].type


@EACH
def test_what_is_not_there_or_no_folder_is_refused(kind, tmp_path):
    load = KINDS[kind].type.load
    assert_refusal(tmp_path / "nowhere", "does not exist$", load)
    assert_refusal(tmp_path, f": is not {KINDS[kind].title}.*: it has no {HEADER}$", load)
    (tmp_path / "file").write_text("")
    assert_refusal(tmp_path / "file", "it is not a folder$", load)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert_refusal(tmp_path / "loop", "does not exist$|cannot be read", load)


@EACH
def test_another_kind_is_refused_by_name(whole, kind):
    for other in KINDS.values():
        if other.name != kind:
            assert_refusal(whole[kind], f": is {KINDS[kind].title}, not {other.title}", other.type.load)


@EACH
def test_another_version_is_refused_with_what_to_do(on_disk, kind):
    version = KINDS[kind].version
    change_header(on_disk, lambda header: header.update(version=version - 1))
    assert_refusal(on_disk, f": was written by an earlier avnet \\(version {version - 1}\\); {KINDS[kind].again}$")
    change_header(on_disk, lambda header: header.update(version=version + 1))
    assert_refusal(on_disk, rf": was written by a newer avnet \(version {version + 1}\); update avnet to read it$")


@EACH
def test_a_kind_of_the_future_is_refused(on_disk, kind):
    change_header(on_disk, lambda header: header.update(kind="web"))
    assert_refusal(on_disk, "is of the kind 'web', which this avnet does not know, not a ")


@pytest.mark.parametrize(
    ("file", "form", "again"),
    [
        ("config.json", "avnet-model-1", "train it again"),
        ("config.json", "avnet-backbone-1", "convert it again"),
        ("config.json", "avnet-units-1", "train it again"),
        ("config.json", "avnet-speech-1", "train it again"),
        ("voice.json", "avnet-voice-1", "train it again"),
        ("export.json", "avnet-export-1", "export it again"),
        ("index.sqlite", "none", "index the files again"),
    ],
)
def test_folders_of_version_1_are_refused_with_what_to_do(tmp_path, file, form, again):
    (tmp_path / file).write_text(json.dumps({"format": form}))
    assert_refusal(tmp_path, f": was written by an earlier avnet \\(version 1\\); {again}$")
    assert_refusal(tmp_path, f": was written by an earlier avnet \\(version 1\\); {again}$", Model.load)


CONTENTS = [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"3", b"{}", b'{"kind": 3, "version": 2}', b"[" * 100_000]
CONTENTS += [b" " * (1 << 21), b'{"kind": "model", "version": 1' + b"0" * 30 + b"}"]


@pytest.mark.parametrize("content", CONTENTS)
def test_a_header_that_is_none_is_refused(tmp_path, content):
    (tmp_path / HEADER).write_bytes(content)
    assert_refusal(tmp_path, f"is not a .*{HEADER} cannot be read")


def test_what_it_was_made_with_must_have_a_fingerprint(tmp_path):
    with pytest.raises(ModelFolderError, match="cannot be written: units has no fingerprint"):
        vocoder().save(tmp_path / "v", "")
    assert not (tmp_path / "v").exists()
    vocoder().save(tmp_path / "v", units().fingerprint)
    header = json.loads((tmp_path / "v" / HEADER).read_text())
    for requires in ({"units": ""}, {}):
        sums = {name: file["sha256"] for name, file in header["files"].items()}
        header |= {"requires": requires, "fingerprint": fingerprint_of(VOCODER, header["config"], requires, sums)}
        (tmp_path / "v" / HEADER).write_text(json.dumps(header))
        assert_refusal(tmp_path / "v", "damaged|it names none", lambda path: open_voice(path, units()))


@pytest.mark.parametrize("kind", ["model", "backbone", "space"])
def test_a_fingerprint_is_the_same_before_and_after_writing(whole, kind, tmp_path):
    read = avnet.load(whole[kind])
    read._fingerprint = None
    assert read.fingerprint == read_header(whole[kind], KINDS[kind]).fingerprint


@pytest.mark.parametrize("part", ["space", "units", "voice"])
def test_a_describer_with_another_part_is_refused(whole, part, tmp_path):
    shutil.copytree(whole["describer"], tmp_path / "d")
    shutil.rmtree(tmp_path / "d" / part)
    assert_refusal(tmp_path / "d", f"{part}: does not exist")
    shutil.copytree(whole["lexicon"], tmp_path / "d" / part)
    assert_refusal(tmp_path / "d", f"was made with {part} of another fingerprint")


def test_what_somebody_else_works_out_of_a_header_is_the_fingerprint(whole):
    header = json.loads((whole["units"] / HEADER).read_text())
    digest = hashlib.sha256((whole["units"] / WEIGHTS).read_bytes()).hexdigest()
    identity = (
        f'{{"config": {{"penalty": 2.0}}, "files": {{"{WEIGHTS}": "{digest}"}}, "kind": "units", "requires": {{}}}}'
    )
    assert header["fingerprint"] == hashlib.sha256(identity.encode()).hexdigest() == units().fingerprint


def deep_list(depth: int) -> list:
    return [deep_list(depth - 1)] if depth else []


CHANGES = {
    "fingerprint": lambda header: header.update(fingerprint="0" * 64),
    "config": lambda header: header["config"].update(more=1),
    "nested config": lambda header: header["config"].update(more=deep_list(300)),
    "no config": lambda header: header.pop("config"),
    "requires": lambda header: header["requires"].update(units="0" * 64),
    "requires numbers": lambda header: header["requires"].update(units=1),
    "facts": lambda header: header.update(facts=3),
    "files": lambda header: header.update(files=[]),
    "a file outside": lambda header: header["files"].update({"../x": {"bytes": 1, "sha256": ""}}),
    "a file of text": lambda header: header["files"].update({"x": {"bytes": "1", "sha256": ""}}),
    "a file with more": lambda header: header["files"].update({"x": {"bytes": 1, "sha256": "", "mode": 7}}),
}


@EACH
@pytest.mark.parametrize("change", CHANGES)
def test_a_header_that_contradicts_itself_is_refused(on_disk, kind, change):
    change_header(on_disk, CHANGES[change])
    assert_refusal(on_disk, f"is not {KINDS[kind].title}, or damaged: {HEADER} is not valid")


def damages() -> dict[str, Callable[[Path], object]]:
    return {
        "missing": Path.unlink,
        "empty": lambda file: file.write_bytes(b""),
        "cut": lambda file: file.write_bytes(file.read_bytes()[:-2]),
        "longer": lambda file: file.write_bytes(file.read_bytes() + b"x"),
        "a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
        "a folder": lambda file: (file.unlink(), file.mkdir()),
        "a loop": lambda file: (file.unlink(), file.symlink_to(file)),
        "a device": lambda file: (file.unlink(), file.symlink_to("/dev/zero")),
    }


@EACH
@pytest.mark.parametrize("damage", damages())
def test_a_damaged_file_is_refused_and_not_waited_for(on_disk, kind, damage):
    for name in (*read_header(on_disk, KINDS[kind]).files, HEADER):
        copy = shutil.copytree(on_disk, on_disk.with_name("copy"))
        damages()[damage](copy / name)
        assert_refusal(copy, "is missing|is damaged|cannot be read|has no artifact.json|an earlier avnet")
        shutil.rmtree(copy)


@EACH
def test_a_byte_that_changed_is_found(on_disk, kind):
    header = read_header(on_disk, KINDS[kind])
    for name in header.files:
        before = (on_disk / name).read_bytes()
        (on_disk / name).write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        with pytest.raises(AvnetError, match=f"{name}: is damaged: it has another SHA-256"):
            header.verify()
        if name == WEIGHTS:
            assert_refusal(on_disk, "is damaged: it has another SHA-256")
        (on_disk / name).write_bytes(before)


@EACH
def test_safetensors_that_are_none_are_refused(on_disk, kind):
    for file in on_disk.glob("*.safetensors"):
        before = file.read_bytes()
        for content in (b"cut", before[:-1], b"\0" * 100):
            file.write_bytes(content)
            forge(on_disk)
            assert_refusal(on_disk, "damaged")
        file.write_bytes(before)


@WHOLE
def test_a_write_that_fails_leaves_the_earlier_folder_and_nothing_else(on_disk, kind, monkeypatch):
    before = read_header(on_disk, KINDS[kind]).fingerprint
    monkeypatch.setattr("avnet.files.whole.flush", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    assert_refusal(on_disk, "cannot be written", SAVE[kind])
    assert read_header(on_disk, KINDS[kind]).fingerprint == before
    assert os.listdir(on_disk.parent) == [on_disk.name]


@WHOLE
def test_an_earlier_folder_is_replaced_as_a_whole(on_disk, kind):
    write_text(on_disk / "extra", "a result about the earlier one")
    assert SAVE[kind](on_disk) == read_header(on_disk, KINDS[kind]).fingerprint
    assert not (on_disk / "extra").exists() and os.listdir(on_disk.parent) == [on_disk.name]

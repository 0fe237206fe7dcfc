"""No program writes over what it has read, or over what avnet did not write."""

import os
from pathlib import Path

import pytest
from random_networks import random_network

from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import AvnetError, ConfigError, MediaError, ModelFolderError
from avnet.files.artifact import check_place
from avnet.files.kinds import EXPORT, MODEL
from avnet.files.ownership import (
    RECEIPTS,
    is_result,
    note_input,
    protected_inputs,
    refuse_foreign,
    remove_result,
)
from avnet.files.whole import whole_folder, write_text
from avnet.program.output import check_writable

FOREIGN, INPUT, LINK = "avnet did not write it", "it is an input", "it is a link"


@pytest.fixture(autouse=True)
def command():
    """Inputs are those of a command."""
    with protected_inputs():
        yield


def refused(path, reason):
    before = path.read_bytes()
    with pytest.raises(MediaError, match=reason) as refusal:
        write_text(path, "result", MediaError)
    assert refusal.value.subject == str(path) and path.read_bytes() == before
    assert not list(path.parent.glob(".*.tmp"))


def test_a_result_is_replaced_by_the_next_one(tmp_path):
    for text in ("first", "second", "first"):
        write_text(tmp_path / "result", text)
        assert (tmp_path / "result").read_text() == text
    assert len((tmp_path / RECEIPTS).read_text().splitlines()) == 2


def test_a_result_with_any_name_is_replaced(tmp_path):
    path = tmp_path / "caf\udce9\n.txt"
    write_text(path, "first")
    write_text(path, "second")
    assert path.read_text() == "second"


def test_a_file_of_somebody_else_stays(tmp_path):
    (tmp_path / "film.mp4").write_text("film")
    write_text(tmp_path / "other", "result")
    refused(tmp_path / "film.mp4", FOREIGN)


def test_a_result_that_somebody_has_changed_stays(tmp_path):
    write_text(tmp_path / "notes", "result")
    (tmp_path / "notes").write_text("result, and my own words")
    refused(tmp_path / "notes", FOREIGN)


def test_a_result_copied_to_another_name_is_somebodys(tmp_path):
    write_text(tmp_path / "result", "result")
    (tmp_path / "copy").write_text("result")
    refused(tmp_path / "copy", FOREIGN)


@pytest.mark.parametrize("own", [False, True])
def test_an_input_stays_by_whatever_name(tmp_path, own):
    film, hard, soft = tmp_path / "film.mp4", tmp_path / "hard.mp4", tmp_path / "soft.mp4"
    write_text(film, "film")
    os.link(film, hard)
    soft.symlink_to(film)
    (tmp_path / "folder").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    note_input(hard)
    for name in (film, hard, soft, tmp_path / "folder" / ".." / "film.mp4", tmp_path / "linked" / "film.mp4"):
        with pytest.raises(AvnetError, match=INPUT):
            write_text(name, "result", own=own)
    assert film.read_text() == hard.read_text() == "film" and soft.is_symlink()


def test_inputs_of_an_earlier_command_are_none(tmp_path):
    write_text(tmp_path / "result", "result")
    with protected_inputs():
        note_input(tmp_path / "result")
        refused(tmp_path / "result", INPUT)
    write_text(tmp_path / "result", "another")


def test_an_inode_that_is_used_again_is_no_input(tmp_path):
    path = tmp_path / "film"
    write_text(path, "film")
    note_input(path)
    path.write_text("another film")
    note_input(tmp_path / "missing")
    write_text(path, "part of a store", own=True)
    assert path.read_text() == "part of a store"


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("target", ["there", "missing"])
def test_a_link_stays(tmp_path, own, target):
    (tmp_path / "there").write_text("film")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(AvnetError, match=LINK):
        write_text(tmp_path / "link", "result", own=own)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "there").read_text() == "film"


@pytest.mark.parametrize("own", [False, True])
def test_a_pipe_or_device_is_no_place_for_a_file(tmp_path, own):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AvnetError, match="not a regular file"):
        write_text(tmp_path / "pipe", "result", own=own)
    assert (tmp_path / "pipe").is_fifo()


def test_a_list_of_results_that_is_none_makes_nothing_avnets(tmp_path):
    (tmp_path / "film").write_text("film")
    (tmp_path / RECEIPTS).write_bytes(b"\xff\x00 film\n[]\n{")
    refused(tmp_path / "film", FOREIGN)
    (tmp_path / RECEIPTS).unlink()
    os.mkfifo(tmp_path / RECEIPTS)
    refused(tmp_path / "film", FOREIGN)


def test_only_results_are_removed(tmp_path):
    write_text(tmp_path / "result", "result")
    (tmp_path / "film").write_text("film")
    (tmp_path / "link").symlink_to("result")
    for name in ("film", "link", "missing", "result"):
        remove_result(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == [RECEIPTS, "film", "link"]


def test_a_command_is_refused_before_it_begins(tmp_path):
    (tmp_path / "film.npz").write_text("film")
    with pytest.raises(ConfigError, match=FOREIGN):
        check_writable(tmp_path / "film.npz", ".npz")
    refuse_foreign(tmp_path / "missing" / "file")


def test_a_folder_is_replaced_only_where_its_program_says_so(tmp_path):
    (tmp_path / "Videos").mkdir()
    (tmp_path / "Videos" / "film.mp4").write_text("film")
    with (
        pytest.raises(AvnetError, match="Videos: is not replaced: it is somebody's; choose another folder"),
        whole_folder(tmp_path / "Videos", lambda _: "it is somebody's"),
    ):
        raise AssertionError
    assert (tmp_path / "Videos" / "film.mp4").read_text() == "film"


def test_a_folder_is_replaced_through_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "model").symlink_to("disk")
    with whole_folder(tmp_path / "model", lambda _: None) as temporary:
        (temporary / "weights").write_text("weights")
    assert (tmp_path / "model").is_symlink() and (tmp_path / "disk" / "weights").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "model"]


@pytest.fixture
def ave_model():
    config = ModelConfig(network="ave", image_size=32, widths=(4, 4, 6, 8), embedding_size=8)
    return Model(config, random_network(config, 0))


@pytest.fixture
def model_folder(tmp_path, ave_model):
    ave_model.save(tmp_path / "model", "card\n")
    return tmp_path / "model"


def test_a_model_takes_the_place_of_a_model_and_of_its_evaluation(model_folder, ave_model):
    (model_folder / "eval").mkdir()
    write_text(model_folder / "eval" / "avc.json", "{}")
    ave_model.save(model_folder)
    assert Model.load(model_folder).fingerprint == ave_model.fingerprint
    assert not (model_folder / "eval").exists()


@pytest.mark.parametrize("place", ["film.mp4", "eval/notes.txt", "photos/cat.jpg"])
def test_a_model_with_a_file_of_somebody_else_stays(model_folder, ave_model, place):
    (model_folder / place).parent.mkdir(exist_ok=True)
    (model_folder / place).write_text("mine")
    with pytest.raises(ModelFolderError, match=f"it holds {place.split('/')[0]}, which avnet did not write"):
        ave_model.save(model_folder)
    assert (model_folder / place).read_text() == "mine"


def test_a_folder_of_another_kind_stays(model_folder):
    with pytest.raises(ModelFolderError, match="is not replaced: it is a model, not an exported model"):
        check_place(model_folder, EXPORT)
    check_place(model_folder, MODEL)


def test_a_folder_of_films_is_no_place_for_a_model(tmp_path, ave_model):
    (tmp_path / "film.mp4").write_text("film")
    with pytest.raises(ModelFolderError, match="is not replaced: it is not empty, and not a model"):
        ave_model.save(tmp_path)
    assert (tmp_path / "film.mp4").read_text() == "film"
    assert is_result(tmp_path / "missing") is False


def test_an_earlier_folder_comes_back_whatever_ends_the_last_step(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").touch()
    rename = Path.rename

    def interrupt(path, target):
        if path.suffix == ".tmp":
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "model", lambda _: None):
        pass
    assert os.listdir(tmp_path) == ["model"] and os.listdir(tmp_path / "model") == ["weights"]

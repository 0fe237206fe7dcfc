"""Folders are searched through links, each once, and what is not searched is named."""

import os

import pytest

from avnet.files.tree import list_tree


@pytest.fixture
def place(tmp_path):
    """A folder to search, and a disk beside it."""
    for name in ("Videos/own/a.mp4", "disk/2019/b.mp4", "disk/2020/deep/c.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def listed(folder):
    tree = list_tree(folder)
    assert all(path.is_relative_to(folder) for path in tree.files)
    return [str(path.relative_to(folder)) for path in tree.files], {
        str(path.relative_to(folder)): reason for path, reason in tree.left_out
    }


def test_links_to_folders_are_followed_at_any_depth(place):
    (place / "Videos" / "2019").symlink_to("../disk/2019")
    (place / "Videos" / "own" / "more").symlink_to(place / "disk" / "2020")
    (place / "disk" / "2020" / "deep" / "old").symlink_to(place / "disk" / "2019")
    files, left_out = listed(place / "Videos")
    assert files == ["2019/b.mp4", "own/a.mp4", "own/more/deep/c.mp4"]
    assert list(left_out) == ["own/more/deep/old"] and "2019, which is searched once" in left_out["own/more/deep/old"]


def test_a_folder_of_the_tree_counts_under_its_own_name(place):
    (place / "Videos" / "again").symlink_to("own")
    assert listed(place / "Videos") == (
        ["own/a.mp4"],
        {"again": f"is a link to {place}/Videos/own, which is searched once"},
    )


@pytest.mark.parametrize("target", [".", "..", "/", "../Videos", "own/.."])
def test_loops_are_named_and_end(place, target):
    (place / "Videos" / "loop").symlink_to(target)
    files, left_out = listed(place / "Videos")
    assert files == ["own/a.mp4"] and list(left_out) == ["loop"]


def test_two_folders_that_lead_to_each_other_end(place):
    (place / "disk" / "2019" / "x").symlink_to(place / "disk" / "2020")
    (place / "disk" / "2020" / "y").symlink_to(place / "disk" / "2019")
    (place / "Videos" / "z").symlink_to(place / "disk" / "2019")
    files, left_out = listed(place / "Videos")
    assert files == ["own/a.mp4", "z/b.mp4", "z/x/deep/c.mp4"] and list(left_out) == ["z/x/y"]


def test_of_two_links_the_first_by_name_counts_at_any_depth(place):
    for folder in ("b", "a"):
        (place / "Videos" / folder).mkdir()
        (place / "Videos" / folder / "x").symlink_to(place / "disk" / "2019")
    files, left_out = listed(place / "Videos")
    assert files == ["a/x/b.mp4", "own/a.mp4"] and list(left_out) == ["b/x"]


def test_a_folder_that_is_itself_a_link_is_searched(place):
    (place / "linked").symlink_to("disk")
    assert listed(place / "linked") == (["2019/b.mp4", "2020/deep/c.mp4"], {})


def test_links_that_lead_nowhere_are_files_to_refuse(place):
    (place / "Videos" / "gone.mp4").symlink_to("nowhere")
    (place / "Videos" / "self.mp4").symlink_to("self.mp4")
    assert listed(place / "Videos") == (["gone.mp4", "own/a.mp4", "self.mp4"], {})


def test_a_folder_that_cannot_be_searched_is_named(place, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("own"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("avnet.files.tree.os.scandir", refuse)
    assert listed(place / "Videos") == ([], {"own": "cannot be searched (Permission denied)"})

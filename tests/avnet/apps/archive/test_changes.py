"""What happened to the files of an archive, found with the hash where size and times do not tell."""

import os
from pathlib import Path

import pytest

from avnet.apps.archive import archive_file
from avnet.apps.archive.archive_file import DiskFile, source_of
from avnet.apps.archive.changes import below, find_changes
from avnet.index.upkeep.contents import FileState

MOMENTS = "every 1 s"


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files of this test count as old."""
    monkeypatch.setattr(archive_file, "SETTLED_S", -60.0)


def note(paths):
    states = []
    for number, path in enumerate(paths, 1):
        source = source_of(DiskFile(path), path, DiskFile(path).state(), MOMENTS)
        states.append(FileState(number, source.file, source.stamp, source.content))
    return states


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "c", "d\n'%\"☂")]
    for path in paths:
        path.write_text(f"content of {path.name[0]}")
    return paths


def changes_of(states, paths):
    changes = find_changes(states, map(DiskFile, sorted(paths)), MOMENTS)
    return changes, {number: Path(source.file) for number, source in changes.places}


def test_nothing_is_read_where_size_and_times_are_as_noted(files, monkeypatch):
    states = note(files)
    monkeypatch.setattr("avnet.apps.archive.changes.source_of", lambda *_: pytest.fail("a file is read"))
    changes, _ = changes_of(states, files)
    assert (changes.unchanged, changes.embed, changes.places, changes.gone) == (4, [], [], [])


def test_a_file_with_new_times_and_its_content_is_not_embedded_again(files):
    states = note(files)
    os.utime(files[0], (1, 1))
    changes, places = changes_of(states, files)
    assert (changes.unchanged, changes.embed, places, changes.moved) == (4, [], {1: files[0]}, 0)
    assert changes.places[0][1].stamp != states[0].stamp


@pytest.mark.parametrize("time_ns", [10**9, 2 * 10**18])
def test_a_change_shows_whichever_way_the_clock_went(files, time_ns):
    states = note(files)
    files[0].write_text("content of x")  # of the same size
    os.utime(files[0], ns=(time_ns, time_ns))
    assert changes_of(states, files)[0].embed == [DiskFile(files[0])]


def test_a_change_that_leaves_size_and_time_shows_by_the_time_that_nobody_sets(files):
    states, before = note(files), files[0].stat().st_mtime_ns
    files[0].write_text("content of x")
    os.utime(files[0], ns=(before, before))
    assert changes_of(states, files)[0].embed == [DiskFile(files[0])]


def test_a_file_that_was_just_written_when_it_was_read_is_read_again(files, monkeypatch):
    monkeypatch.setattr(archive_file, "SETTLED_S", 60.0)
    states = note(files[:1])
    assert states[0].content is not None and not states[0].content.settled
    changes, places = changes_of(states, files[:1])
    assert (changes.unchanged, places) == (1, {1: files[0]})


def test_files_that_moved_are_known_again_even_in_a_ring(files, tmp_path):
    states = note(files)
    files[0].rename(tmp_path / "spare")
    files[1].rename(files[0])
    files[2].rename(files[1])
    (tmp_path / "spare").rename(files[2])
    (tmp_path / "deep").mkdir()
    files[3].rename(tmp_path / "deep" / "d")
    paths = [*files[:3], tmp_path / "deep" / "d"]
    changes, places = changes_of(states, paths)
    assert places == {1: files[2], 2: files[0], 3: files[1], 4: tmp_path / "deep" / "d"}
    assert (changes.moved, changes.embed, changes.gone, changes.replaced) == (4, [], [], [])


def test_a_file_that_moved_over_another_takes_its_place(files):
    states = note(files)
    files[0].rename(files[1])
    changes, places = changes_of(states, files[1:])
    assert (places, changes.replaced, changes.gone, changes.embed) == ({1: files[1]}, [2], [], [])


def test_a_file_that_moved_and_whose_place_is_taken_by_a_new_one(files, tmp_path):
    states = note(files)
    files[0].rename(tmp_path / "e")
    files[0].write_text("something else")
    changes, places = changes_of(states, [*files, tmp_path / "e"])
    assert (places, changes.embed, changes.replaced) == ({1: tmp_path / "e"}, [DiskFile(files[0])], [])


def test_a_copy_is_a_file_of_its_own_and_what_is_gone_is_told(files, tmp_path):
    states = note(files)
    (tmp_path / "copy").write_text(files[0].read_text())
    files[1].unlink()
    changes, _ = changes_of(states, [files[0], *files[2:], tmp_path / "copy"])
    assert changes.embed == [DiskFile(tmp_path / "copy")]
    assert [state.path for state in changes.gone] == [str(files[1])]


def test_other_moments_are_embedded_anew(files):
    states = note(files)
    files = [DiskFile(path) for path in files]
    assert find_changes(states, files, "every 2 s").embed == files


def test_files_of_an_index_that_noted_no_contents_are_taken_as_they_are_once(files):
    states = [FileState(state.number, state.path, state.stamp, None) for state in note(files)]
    changes, places = changes_of(states, files)
    assert (changes.unchanged, changes.embed, len(places)) == (4, [], 4)
    assert all(source.content for _, source in changes.places)


def test_a_name_that_is_no_utf_8_is_left_to_embedding_which_refuses_it(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    path.write_bytes(b"x")
    assert find_changes([], [DiskFile(path)], MOMENTS).embed == [DiskFile(path)]


def test_below_takes_whole_names(tmp_path):
    states = [FileState(i, path, "", None) for i, path in enumerate(["/a/b", "/a/bc", "/a/b/c", "/d"])]
    assert [state.path for state in below(states, ["/a/b"])] == ["/a/b", "/a/b/c"]
    assert len(below(states, ["/"])) == 4

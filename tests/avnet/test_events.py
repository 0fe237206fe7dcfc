import pytest

from avnet.errors import NotMedia
from avnet.events import LeftOut, Progress, steps
from avnet.program.progress import show_progress


def test_steps_tell_how_many_items_have_passed():
    events = []
    assert list(steps("ab", "reading", 2, "letters", events.append)) == ["a", "b"]
    assert events == [Progress("reading", count, 2, "letters") for count in (0, 1, 2)]


def test_a_step_that_fails_is_not_done():
    events = []
    with pytest.raises(RuntimeError):
        for _ in steps("ab", "reading", 2, "letters", events.append):
            raise RuntimeError
    assert [event.count for event in events] == [0]


def test_a_terminal_is_told_what_is_left_out_and_a_pipe_sees_no_bar(capsys):
    name = "a [bold]film" + 90 * "x" + ".mp4"
    with show_progress() as on_event:
        on_event(Progress("reading", 0, 1, "files"))
        on_event(LeftOut(NotMedia(name, "is no film")))
        on_event(Progress("reading", 1, 1, "files"))
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"left out: {name}: is no film\n")

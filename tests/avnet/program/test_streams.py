"""Programs show every name on every terminal."""

import io
import sys
from dataclasses import dataclass

import pytest

from avnet.errors import DataError
from avnet.program.group import Program, run_group
from avnet.program.progress import show_progress
from avnet.program.streams import show_any_name

NAME = "猫 é \udce9"
PROGRAMS = {"show": Program(f"{__name__}:Options", f"{__name__}:show", "Shows a 猫.")}


@dataclass(frozen=True)
class Options:
    """Shows names."""

    refused: str = ""
    """What is refused."""


def show(options: Options) -> None:
    from avnet.events import LeftOut

    print(f"{NAME}: ok")
    with show_progress() as on_event:
        on_event(LeftOut(DataError(NAME, f"is like {NAME}")))
    if options.refused:
        raise DataError(options.refused, f"is like {NAME}")


@pytest.fixture
def printed(monkeypatch):
    """Runs the programs on a terminal; gives what it was sent on stdout and stderr."""

    def run(encoding: str, errors: str, *arguments: str) -> tuple[str, str]:
        streams = [io.TextIOWrapper(io.BytesIO(), encoding, errors) for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        with pytest.raises(SystemExit):
            run_group("avnet", "About 猫.", PROGRAMS, list(arguments))
        for stream in streams:
            stream.flush()
        out, err = (stream.detach().getvalue().decode(encoding, "surrogateescape") for stream in streams)
        return out, err

    return run


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_names_refusals_and_help_are_shown_on_any_terminal(printed, encoding, errors):
    out, err = printed(encoding, errors, "show", "--refused", NAME)
    cat = "猫" if encoding == "utf-8" else r"\u732b"
    odd = "\udce9" if (encoding, errors) == ("utf-8", "surrogateescape") else r"\udce9"
    accent = r"\xe9" if encoding == "ascii" else "é"
    assert out == f"{cat} {accent} {odd}: ok\n"
    left_out, error = err.splitlines()
    assert left_out.startswith(f"left out: {cat}") and error.startswith(f"error: {cat}")
    for arguments in (("--help",), ("show", "--help"), ("show", "--wrong", NAME), (NAME,)):
        printed(encoding, errors, *arguments)


def test_what_a_user_chose_and_what_is_no_terminal_stay(monkeypatch):
    chosen = io.TextIOWrapper(io.BytesIO(), "ascii", "xmlcharrefreplace")
    monkeypatch.setattr(sys, "stdout", chosen)
    monkeypatch.setattr(sys, "stderr", None)
    show_any_name()
    assert chosen.errors == "xmlcharrefreplace"

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from avnet.errors import AvnetError, ConfigError, DataError
from avnet.program.command import refusals, run_functions, run_program, run_subcommands

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Config:
    """Do a thing.

    Example: thing --count 3
    """

    count: int = 1
    """How many."""
    mode: Literal["fast", "slow"] = "fast"
    """Which way."""

    def __post_init__(self):
        if self.count < 0:
            raise ConfigError("--count", f"wants at least 0, got {self.count}")


@dataclass(frozen=True)
class Needy:
    """Needs an option."""

    out: Path
    """Where to."""


def fail(config):
    raise DataError("corpus", "is\nbroken")


@pytest.fixture
def refused(capsys):
    """Runs something that must exit with 2, and gives the one line on stderr."""

    def run(function, *args):
        with pytest.raises(SystemExit) as stop:
            function(*args)
        captured = capsys.readouterr()
        assert stop.value.code == 2
        assert captured.out == ""
        assert captured.err.startswith("error: ") and captured.err.count("\n") == 1 and captured.err.endswith("\n")
        return captured.err.strip()

    return run


def single(*args, command=fail, config: type = Config):
    run_program("thing", config, command, list(args))


def several(*args):
    run_subcommands("things", "Several things.", {"one": (Config, fail), "two": (Needy, fail)}, list(args))


def test_command_gets_what_was_parsed():
    seen = []
    single("--count", "3", "--mode", "slow", command=seen.append)
    assert seen == [Config(3, "slow")]


def test_subcommand_gets_what_was_parsed():
    seen = []
    run_subcommands("things", "", {"one": (Config, seen.append), "two": (Needy, fail)}, ["one", "--count", "2"])
    assert seen == [Config(2)]


def test_functions_parameters_are_options():
    seen = []

    def one(count: int, /, name: str = "x") -> None:
        """Does one."""
        seen.append((count, name))

    def two() -> None:
        """Does two."""

    run_functions("things", "", {"one": one, "two": two}, ["one", "4", "--name", "y"])
    assert seen == [(4, "y")]


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_numbers_that_are_none_are_refused_by_name(capsys, number):
    def one(share: float = 0.5) -> None:
        """Does one."""

    def two() -> None:
        """Does two."""

    with pytest.raises(SystemExit) as ended:
        run_functions("things", "", {"one": one, "two": two}, ["one", "--share", number])
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"error: --share: wants a finite number, got {number}\n"


def test_refusal_of_a_command_is_one_line(refused):
    assert refused(single) == "error: corpus: is broken"
    assert refused(several, "one") == "error: corpus: is broken"


def test_refusal_of_a_value_is_one_line(refused):
    assert refused(single, "--count", "-3") == "error: --count: wants at least 0, got -3"
    assert refused(several, "one", "--count", "-3") == "error: --count: wants at least 0, got -3"


@pytest.mark.parametrize("program", [single, several])
def test_unknown_option_is_named(refused, program):
    args = ["one"] if program is several else []
    line = refused(program, *args, "--cuont", "3")
    assert "--cuont" in line and "--help" in line


def test_unknown_command_is_named(refused):
    assert "three" in refused(several, "three")


def test_missing_command_and_missing_option_are_named(refused):
    assert refused(several) == "error: Expected one of {one, two}. (see --help)"
    assert "--out" in refused(several, "two")
    assert "--out" in refused(lambda: single(config=Needy))


def test_value_of_the_wrong_kind_is_named(refused):
    line = refused(single, "--count", "many")
    assert "many" in line and "--count" in line
    assert "sideways" in refused(single, "--mode", "sideways")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_message_carries_no_colours_and_no_boxes(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "avnet", "info", "x", "--cuont", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: Unrecognized options: --cuont, 3 (see --help)\n"


def test_help_exits_with_0_and_names_the_options(capsys):
    with pytest.raises(SystemExit) as stop:
        single("--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert "Do a thing." in out and "--count" in out and "How many." in out


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        several("--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert "Several things." in out and "one" in out and "Needs an option." in out


def test_names_with_line_breaks_and_escapes_stay_on_one_line(refused):
    def command(_):
        raise DataError("evil\nname\x1b[31m.mp4", "is bad")

    assert refused(lambda: single(command=command)) == r"error: evil\nname\x1b[31m.mp4: is bad"


def test_interruption_exits_with_130(capsys):
    with pytest.raises(SystemExit) as stop, refusals():
        raise KeyboardInterrupt
    assert stop.value.code == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_faults_of_ours_keep_their_trace():
    with pytest.raises(ZeroDivisionError), refusals():
        _ = 1 / 0


def test_refusals_survive_the_way_from_one_process_to_another():
    error = pickle.loads(pickle.dumps(DataError("a", "is b")))
    assert isinstance(error, AvnetError) and (error.subject, error.reason) == ("a", "is b")


def test_reader_that_goes_away_is_no_error():
    code = (
        "from avnet.program.command import refusals\n"
        "with refusals():\n"
        "    for _ in range(100_000): print('line', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout and process.stderr
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    trace = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert "Traceback" not in trace


def test_real_program_refuses_in_one_line(tmp_path):
    command = [sys.executable, "-m", "data", "inspect", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {tmp_path / 'nowhere'}: ") and done.stderr.count("\n") == 1

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
import tyro

from avnet.errors import AvnetError, ConfigError, DataError
from avnet.program.command import refusals, run_program
from avnet.program.group import Program, run_group

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
            raise ConfigError("--count", f"must be at least 0, got {self.count}")


@dataclass(frozen=True)
class Needy:
    """Needs an option."""

    thing: Annotated[Path, tyro.conf.Positional]
    """What it is about."""
    out: Path
    """Where to."""
    near: Path | None = None
    """What lies beside it."""
    reward: Literal["cider"] | None = None
    """What is learned from."""


def fail(config):
    raise DataError("corpus", "is\nbroken")


@pytest.fixture
def assert_refusal(capsys):
    """Runs something that must exit with 2, and gives the one line on stderr."""

    def run(function, *args):
        with pytest.raises(SystemExit) as stop:
            function(*args)
        output = capsys.readouterr()
        assert stop.value.code == 2
        assert output.out == ""
        assert output.err.startswith("error: ") and output.err.count("\n") == 1 and output.err.endswith("\n")
        return output.err.strip()

    return run


def single(*args, command=fail, config: type = Config):
    run_program("thing", config, command, list(args))


CALLS = []
PROGRAMS = {
    "one": Program(f"{__name__}:Config", f"{__name__}:fail", "Do a thing."),
    "two": Program(f"{__name__}:Needy", f"{__name__}:fail", "Need an option."),
    "slow": Program(f"{__name__}:Config", f"{__name__}:note", "Do it slowly.", {"mode": "slow"}),
    "broken": Program("no.such.module:Config", "no.such.module:run", "Be imported."),
}


def note(config):
    CALLS.append(config)


def several(*args):
    run_group("things", "Several things.", PROGRAMS, list(args))


def test_command_gets_what_was_parsed():
    calls = []
    single("--count", "3", "--mode", "slow", command=calls.append)
    assert calls == [Config(3, "slow")]


def test_program_of_a_group_gets_what_was_parsed_and_what_its_name_decides(assert_refusal):
    CALLS.clear()
    several("slow", "--count", "2")
    assert [Config(2, "slow")] == CALLS
    assert "--mode" in assert_refusal(several, "slow", "--mode", "fast")


@dataclass(frozen=True)
class Numbers:
    """Take numbers."""

    share: float = 0.5
    """A share."""
    limits: Config = field(default_factory=Config)
    """More."""
    pair: tuple[float, float] = (0.0, 1.0)
    """Two numbers."""


@pytest.mark.parametrize("args", [("--share", "nan"), ("--pair", "0", "inf")])
def test_numbers_that_are_none_are_refused_by_name(assert_refusal, args):
    line = assert_refusal(lambda: single(*args, config=Numbers))
    assert line == f"error: {args[0]}: must be a finite number, got {args[-1]}"


def test_refusal_of_a_command_is_one_line(assert_refusal):
    assert assert_refusal(single) == "error: corpus: is broken"
    assert assert_refusal(several, "one") == "error: corpus: is broken"


def test_refusal_of_a_value_is_one_line(assert_refusal):
    assert assert_refusal(single, "--count", "-3") == "error: --count: must be at least 0, got -3"
    assert assert_refusal(several, "one", "--count", "-3") == "error: --count: must be at least 0, got -3"


@pytest.mark.parametrize("program", [single, several])
def test_unknown_option_is_named(assert_refusal, program):
    args = ["one"] if program is several else []
    line = assert_refusal(program, *args, "--cuont", "3")
    assert "--cuont" in line and "--help" in line


def test_unknown_program_is_named_with_the_nearest_or_all(assert_refusal):
    assert assert_refusal(several, "tow") == "error: things: has no program 'tow'; did you mean 'two'? (see --help)"
    assert "there are one, two, slow, broken" in assert_refusal(several, "x")


def test_missing_command_and_missing_option_are_named(assert_refusal):
    assert assert_refusal(several) == "error: things: needs the name of a program: one, two, slow, broken (see --help)"
    assert "--out" in assert_refusal(several, "two")
    assert "--out" in assert_refusal(lambda: single(config=Needy))


def test_value_of_the_wrong_kind_is_named(assert_refusal):
    line = assert_refusal(single, "--count", "many")
    assert "many" in line and "--count" in line
    assert "sideways" in assert_refusal(single, "--mode", "sideways")


def test_no_choice_is_none_which_nobody_types(assert_refusal):
    message = assert_refusal(lambda: single("--reward", "bleu", config=Needy))
    assert "'bleu'" in message and "('cider')" in message


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_message_carries_no_colours_and_no_boxes(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "avnet", "info", "x", "--cuont", "3"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: Unrecognized options: --cuont, 3 (see --help)\n"


def test_help_exits_with_0_and_names_the_options(capsys):
    with pytest.raises(SystemExit) as stop:
        single("--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert "Do a thing." in out and "--count" in out and "How many." in out


def test_help_says_everything_once_and_in_words(capsys):
    with pytest.raises(SystemExit) as stop:
        several("two", "--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert out.count("Needs an option.") == 1
    assert "None" not in out and "--near PATH" in out and "(optional)" in out
    assert "What it is about." in out and "THING" in out


def test_help_of_a_group_lists_the_programs_and_imports_none(capsys):
    with pytest.raises(SystemExit) as stop:
        several("--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0
    assert "Several things." in out and "  two     Need an option.\n" in out and "  broken  Be imported.\n" in out


def test_names_with_line_breaks_and_escapes_stay_on_one_line(assert_refusal):
    def command(_):
        raise DataError("evil\nname\x1b[31m.mp4", "is bad")

    assert assert_refusal(lambda: single(command=command)) == r"error: evil\nname\x1b[31m.mp4: is bad"


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
    # As for most people: what is printed waits in a buffer, also when the program ends.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env
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
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 2 and process.stdout == ""
    assert process.stderr.startswith(f"error: {tmp_path / 'nowhere'}: ") and process.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["-clip.mp4", "---g-f_I2yQ_000001.mp4", "--0PQM4-hqg.mp4", "-x", "--counts"])
def test_a_file_whose_name_starts_with_a_dash_is_no_option(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).touch()
    (tmp_path / "--near").touch()
    configs = []
    run_program("do", Needy, configs.append, [name, "--near", name, "--out", "there"])
    assert configs == [Needy(Path(name), Path("there"), Path(name))]

"""One frame for every program: parse, run, and turn a refusal into one line on stderr and exit code 2."""

import contextlib
import dataclasses
import functools
import io
import itertools
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import tyro

from avnet.errors import AvnetError, ConfigError, Stopped
from avnet.program.compile_cache import keep_compiled

Config = TypeVar("Config")


def run_program(
    prog: str, config: type[Config], command: Callable[[Config], Any], args: list[str] | None = None
) -> None:
    """Parses the command line into a configuration and runs a command with it.

    Args:
        prog: name for the help.
        config: a frozen dataclass; its docstring is the help.
        command: what to do.
        args: instead of the process's own.
    """
    with refusals():
        options = _parse(lambda: tyro.cli(config, prog=prog, args=args))
        _check_finite("", options)
        command(options)


def run_subcommands(
    prog: str,
    description: str,
    commands: Mapping[str, tuple[type, Callable[[Any], Any]]],
    args: list[str] | None = None,
) -> None:
    """As `run_program`, with a choice of commands.

    Args:
        prog: name for the help.
        description: first line of the help.
        commands: by name, the configuration and what to do with it.
        args: instead of the process's own.
    """
    run_functions(prog, description, {name: _taking(*command) for name, command in commands.items()}, args)


def run_functions(
    prog: str, description: str, functions: Mapping[str, Callable[..., Any]], args: list[str] | None = None
) -> None:
    """As `run_subcommands`, where each command is a function whose parameters are the options.

    Args:
        prog: name for the help.
        description: first line of the help.
        functions: by name; the docstring is the help.
        args: instead of the process's own.
    """
    app = tyro.extras.SubcommandApp()
    for name, function in functions.items():
        app.command(name=name)(_deferred(function))
    with refusals():
        run = _parse(lambda: app.cli(prog=prog, description=description, args=args))
        run()


def _taking(config_type: type, command: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(config: Any) -> None:
        _check_finite("", config)
        command(config)

    run.__doc__ = config_type.__doc__
    run.__annotations__["config"] = tyro.conf.OmitArgPrefixes[config_type]
    return run


def _deferred(function: Callable[..., Any]) -> Callable[..., Callable[[], Any]]:
    """The function with the same parameters that does not run yet: parsing and running print differently."""

    @functools.wraps(function)
    def bind(*args: Any, **options: Any) -> Callable[[], Any]:
        return functools.partial(_checked, function, *args, **options)

    return bind


@contextlib.contextmanager
def refusals():
    """Prints an `AvnetError`, or what the system refused, as one line on stderr and exits with code 2.

    A run that stopped because it was asked to exits with 0, Ctrl-C anywhere else with 130.
    """
    keep_compiled()
    try:
        yield
    except AvnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output has gone, as in `avnet info | head`
        sys.stderr.close()
        raise SystemExit(141) from None
    except OSError as error:
        print(f"error: {AvnetError(error.filename or 'system', error.strerror or str(error))}", file=sys.stderr)
        raise SystemExit(2) from None


def _checked(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    for name, value in options.items():
        _check_finite(name, value)
    return function(*args, **options)


def _check_finite(name: str, value: Any) -> None:
    """Refuses 'nan' and 'inf' wherever an option takes a number: they pass every comparison or none.

    Raises:
        ConfigError: names the option.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"--{name.replace('_', '-')}", f"wants a finite number, got {value}")
    if isinstance(value, tuple):
        for part in value:
            _check_finite(name, part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _check_finite(field.name, getattr(value, field.name))


def _parse(parse: Callable[[], Config]) -> Config:
    """Runs a tyro parser; its boxed complaint becomes one line."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return parse()
    except SystemExit as error:
        if error.code:
            print(f"error: {_one_line(complaint.getvalue())}", file=sys.stderr)
        raise


def _one_line(box: str) -> str:
    """The text between the title and the first rule; where stdout is no UTF-8, the title has a rule below it."""
    lines = [line.strip("│ ") for line in re.sub("\x1b\\[[0-9;]*m", "", box).splitlines()]
    if lines and lines[0].startswith("╭"):
        lines = lines[1:]
    elif len(lines) > 1 and lines[1].startswith("---"):
        lines = lines[2:]
    message = itertools.takewhile(lambda line: not line.startswith(("──", "---", "╰")), lines)
    return " ".join(" ".join(message).split()) + " (see --help)"

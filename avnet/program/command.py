"""One frame for every program: parse, run, and turn a refusal into one line on stderr and exit code 2."""

import contextlib
import dataclasses
import io
import itertools
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, get_type_hints

from avnet.errors import AvnetError, ConfigError, Interruption, OptionError
from avnet.files.ownership import protected_inputs
from avnet.program.bounds import flag
from avnet.program.compile_cache import enable_compile_cache
from avnet.program.options import parse_options
from avnet.program.streams import show_any_name

Options = TypeVar("Options")


def run_program(
    prog: str,
    options: type[Options],
    command: Callable[[Options], Any],
    args: list[str] | None = None,
    presets: Mapping[str, Any] | None = None,
) -> None:
    """Parses the command line into options and runs a command with them.

    Args:
        prog: name for the help.
        options: a frozen dataclass; its docstring is the help, and `in_full`, where it has that, gives the arguments as
            they are parsed.
        command: what to do.
        args: instead of the process's own.
        presets: values of fields that the command line does not offer.
    """
    with refusals():
        arguments = [_as_path(argument, options) for argument in (sys.argv[1:] if args is None else args)]
        if hasattr(options, "in_full"):
            arguments = options.in_full(arguments)  # pyright: ignore[reportAttributeAccessIssue]
        values = _parse(lambda: parse_options(prog, options, arguments, presets))
        _check_finite("", values)
        command(values)


@contextlib.contextmanager
def refusals():
    """Prints an `AvnetError`, or what the system refused, as one line on stderr and exits with code 2.

    A run that stopped because it was asked to exits with 0, Ctrl-C anywhere else with 130.
    """
    show_any_name()
    enable_compile_cache()
    try:
        with protected_inputs():
            yield
    except OptionError as error:
        print(f"error: {flag(error.subject)}: {error.reason}", file=sys.stderr)
        raise SystemExit(2) from None
    except AvnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    except Interruption as stopped:
        print(stopped, file=sys.stderr)
        raise SystemExit(0) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader of our output has gone, as in `avnet info | head`
        # Or Python would complain about the pipe as it exits, and exit with 120 where a line is left for it to write.
        sys.stderr.close()
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except OSError as error:
        print(f"error: {AvnetError(error.filename or 'system', error.strerror or str(error))}", file=sys.stderr)
        raise SystemExit(2) from None


def _as_path(argument: str, options: type) -> str:
    """An argument that starts with a dash as a path, where it is the name of a file and not of an option."""
    if not argument.startswith("-") or argument.partition("=")[0] in {"-h", "--help", *_flags(options)}:
        return argument
    return f"./{argument}" if os.path.lexists(argument) else argument


def _flags(options: type) -> Iterator[str]:
    """Every option as it is typed, also those of groups of options and those that turn one off."""
    for field in dataclasses.fields(options):
        kind = get_type_hints(options).get(field.name)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield from _flags(kind)
        yield from (flag(field.name), flag(f"no_{field.name}"))


def _check_finite(name: str, value: Any) -> None:
    """Refuses 'nan' and 'inf' wherever an option takes a number: they pass every comparison or none.

    Raises:
        ConfigError: names the option.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(flag(name), f"must be a finite number, got {value}")
    if isinstance(value, tuple):
        for part in value:
            _check_finite(name, part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            _check_finite(field.name, getattr(value, field.name))


def _parse(parse: Callable[[], Options]) -> Options:
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
    """The text between the title and the first rule; where stdout is not UTF-8, the title has a rule below it."""
    lines = [line.strip("│ ") for line in re.sub("\x1b\\[[0-9;]*m", "", box).splitlines()]
    if lines and lines[0].startswith("╭"):
        lines = lines[1:]
    elif len(lines) > 1 and lines[1].startswith("---"):
        lines = lines[2:]
    message = itertools.takewhile(lambda line: not line.startswith(("──", "---", "╰")), lines)
    # None is an option that is left alone: not a choice that can be typed.
    return re.sub("'None', |, 'None'", "", " ".join(" ".join(message).split())) + " (see --help)"

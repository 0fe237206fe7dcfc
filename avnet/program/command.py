"""One frame for every program: parse, run, and turn a refusal into one line on stderr and exit code 2."""

import contextlib
import dataclasses
import io
import itertools
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from avnet.errors import AvnetError, ConfigError, Interruption, OptionError
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
        options: a frozen dataclass; its docstring is the help.
        command: what to do.
        args: instead of the process's own.
        presets: values of fields that the command line does not offer.
    """
    with refusals():
        values = _parse(lambda: parse_options(prog, options, args, presets))
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
        # Or Python would complain about the pipe as it exits.
        sys.stderr.close()
        raise SystemExit(141) from None
    except OSError as error:
        print(f"error: {AvnetError(error.filename or 'system', error.strerror or str(error))}", file=sys.stderr)
        raise SystemExit(2) from None


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
    return " ".join(" ".join(message).split()) + " (see --help)"

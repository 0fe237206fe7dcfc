"""A group of programs under one command: `--help` lists them, and only the chosen one is imported."""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from avnet.errors import ConfigError
from avnet.program.interrupt import end_imports_at_once
from avnet.program.streams import show_any_name

WIDEST = 100  # columns, beyond which a line is hard to read


@dataclass(frozen=True)
class Program:
    """A program by the names of its parts, so that listing it imports nothing.

    Attributes:
        options: `module:Class` of the frozen dataclass of its options, whose docstring is the help; the module imports
            nothing that is slow, or `--help` is.
        run: `module:function` that takes these options.
        summary: what it does in one sentence, the first line of that docstring.
        presets: options that its name decides.
    """

    options: str
    run: str
    summary: str
    presets: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options_type(self) -> type:
        """The dataclass of its options, imported now."""
        return _import(self.options)

    def __call__(self, options: Any) -> None:
        """Imports the program and runs it."""
        _import(self.run)(options)


def run_group(prog: str, description: str, programs: Mapping[str, Program], arguments: list[str] | None = None) -> None:
    """Runs the program that the first argument names.

    Args:
        prog: the command before it, for the help.
        description: what the programs have in common, for the help.
        programs: by name.
        arguments: of the command line; None takes the process's own.

    Raises:
        SystemExit: with code 2 after a refusal, which is one line on stderr; 0 after help.
    """
    end_imports_at_once()
    show_any_name()
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    if name in ("-h", "--help"):
        print(overview(prog, description, programs))
        raise SystemExit(0)
    # Not before: listing programs is quicker than importing what parses options.
    from avnet.program.command import refusals, run_program

    with refusals():
        if name not in programs:
            raise ConfigError(prog, _unknown(name, programs))
        program = programs[name]
        run_program(f"{prog} {name}", program.options_type, program, rest, program.presets)


def overview(prog: str, description: str, programs: Mapping[str, Program]) -> str:
    """The help of a group: each program with its summary."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    indent = max(map(len, programs)) + 4
    lines = [f"usage: {prog} PROGRAM [OPTIONS]", "", *textwrap.wrap(description, width), "", "programs:"]
    for name, program in programs.items():
        start = f"  {name}".ljust(indent)
        lines += textwrap.wrap(
            program.summary, width, break_on_hyphens=False, initial_indent=start, subsequent_indent=" " * indent
        )
    return "\n".join([*lines, "", f"`{prog} PROGRAM --help` explains its options, with an example."])


def _unknown(name: str, programs: Mapping[str, Program]) -> str:
    if not name:
        return f"needs the name of a program: {', '.join(programs)} (see --help)"
    near = difflib.get_close_matches(name, programs, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(programs)}"
    return f"has no program {name!r}; {hint} (see --help)"


def _import(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)

"""What `--help` of every program costs and says."""

import dataclasses
import importlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from avnet.program.options import help_texts

ROOT = Path(__file__).parents[2]
GROUPS = {"avnet": "avnet.cli.main", "data": "data.__main__", "eval": "eval.__main__", "train": "train.__main__"}
PROGRAMS = {
    (group, name): program
    for group, module in GROUPS.items()
    for name, program in importlib.import_module(module).PROGRAMS.items()
}
# Each takes a large part of a second, or several, to import; help is printed within one.
HEAVY = (
    "jax",
    "flax",
    "optax",
    "orbax",
    "grain",
    "sklearn",
    "scipy",
    "matplotlib",
    "tensorflow",
    "torch",
    "array_record",
)
SCRIPT = f"""
import runpy, sys
sys.argv = [sys.argv[1], *sys.argv[2:], "--help"]
try:
    runpy.run_module(sys.argv[0], run_name="__main__")
except SystemExit as stop:
    assert not stop.code
print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def pages():
    """What each `--help` prints, by group and program, with the heavy modules that it imported."""

    def run(key):
        command = [sys.executable, "-c", SCRIPT, *key]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    keys = [*((group,) for group in GROUPS), *PROGRAMS]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(keys, pool.map(run, keys), strict=True))


def test_no_help_imports_what_is_slow(pages):
    heavy = {key: process.stderr.strip() for key, process in pages.items()}
    assert not {key: names for key, names in heavy.items() if names}


@pytest.mark.parametrize("group", GROUPS)
def test_help_of_a_group_lists_its_programs(pages, group):
    programs = re.findall(r"^  (\S+)  ", pages[group,].stdout, re.MULTILINE)
    assert programs == [name for of_group, name in PROGRAMS if of_group == group]


def test_help_of_a_program_has_an_example_and_says_nothing_of_none(pages):
    for key in PROGRAMS:
        text = pages[key].stdout
        assert text.startswith("usage: ") and text.count("Example: ") == 1 and "None" not in text, key


@pytest.mark.parametrize(("group", "name"), PROGRAMS)
def test_every_option_is_explained_in_a_sentence(group, name):
    program = PROGRAMS[group, name]
    (first, *_) = (program.options_type.__doc__ or "").splitlines()
    assert program.presets or first == program.summary
    texts = help_texts(program.options_type)
    for field in dataclasses.fields(program.options_type):
        text = texts.get(field.name, "")
        assert re.fullmatch(r"[A-Z].* .*\.", text) and not re.match(r"(Of|That|Their|To|Likewise)\b", text), field.name

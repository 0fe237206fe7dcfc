"""README, Makefile, continuous integration and the type checker agree on what a newcomer runs."""

import ast
import re
import tomllib
from pathlib import Path

from extras import EXTRAS
from makefile_rules import ROOT, rules

LAYERS = ("avnet", "data", "eval", "train")
MAKE = re.compile(r"^make\b[^#\n]*", re.MULTILINE)
# What `make test` installs itself, and what only the pages of the documentation take.
NOT_OPTIONAL = {"train", "test", "docs"}
IGNORE = "pyright: ignore[reportMissingImports]"


def commands_of(text: str) -> list[str]:
    """The calls of make in a text, without comments."""
    return [command.strip() for command in MAKE.findall(text)]


def test_continuous_integration_begins_with_the_command_of_readme():
    readme = commands_of((ROOT / "README.md").read_text())
    assert readme == ["make demo", "make test"]
    script = (ROOT / ".ci" / "run").read_text()
    assert commands_of(script) == ["make test", "make docs", "make test-extras"]
    # Nothing that a newcomer does not have may come before it.
    before = script.partition("\nmake test\n")[0]
    assert not re.search(r"\b(pip|python\S*|venv\.sh|export|EXTRAS)\b", before)
    assert "mktemp -d" in before and "--exclude=./.venv" in before


def test_makefile_has_what_readme_and_continuous_integration_call():
    targets = rules()
    for name in ("README.md", ".ci/run"):
        assert {command.split()[1] for command in commands_of((ROOT / name).read_text())} <= targets.keys()
    linters = [line.strip() for line in targets["test"].splitlines()]
    assert linters[-1].startswith(".venv/bin/python -m pytest --numprocesses") and ".venv/bin/pyright" in linters


def test_every_extra_is_installed_for_the_tests_that_were_skipped():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"]) - NOT_OPTIONAL
    (extra_names,) = re.findall(r"scripts/venv\.sh train,test,(\S+)", rules()["test-extras"])
    assert set(extra_names.split(",")) == extras
    assert set(EXTRAS.values()) == extras
    assert "--skipped" in rules()["test-extras"]


def optional_imports(file: Path) -> list[int]:
    """Lines of a file that import what an extra installs."""
    lines = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        else:
            continue
        if any(name.partition(".")[0] in EXTRAS for name in names):
            lines.append(node.lineno)
    return lines


def test_imports_of_extras_alone_may_be_missing_for_the_type_checker():
    # In no extra: an opponent in one benchmark, and another kind of map for those who have it.
    outside = {"torchcodec", "umap"}
    for file in (file for layer in (*LAYERS, "tests") for file in (ROOT / layer).rglob("*.py")):
        lines = file.read_text().splitlines()
        expected = optional_imports(file)
        assert all(IGNORE in lines[number - 1] for number in expected), file
        others = [
            line
            for number, line in enumerate(lines, 1)
            if number not in expected and re.match(r"\s*(import|from) .*# " + re.escape(IGNORE), line)
        ]
        assert not [line for line in others if line.split()[1].partition(".")[0] not in outside], file


def test_only_the_list_of_extras_skips_a_test_for_a_package():
    skips = re.compile(r"\bimportorskip\(|\bskipif\([^)]*find_spec")
    files = [file for file in (ROOT / "tests").rglob("*.py") if file.name not in ("extras.py", "test_newcomer.py")]
    assert not [file for file in files if skips.search(file.read_text())]


def test_pull_requests_are_tested_on_every_python_that_is_promised():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    workflow = (ROOT / ".github" / "workflows" / "pull-request.yml").read_text()
    # The first matrix is that of the tests, which run what README says.
    tests, _, rest = workflow.partition("  test:\n")[2].partition("make test")
    assert rest and re.findall(r'"(3\.\d+)"', tests) == versions
    assert project["requires-python"] == f">={versions[0]},<3.{int(versions[-1].split('.')[1]) + 1}"
    looks = (ROOT / "scripts" / "venv.sh").read_text()
    assert all(f"python{version}" in looks for version in versions)
    assert ".ci/run" in workflow and "make docs" in workflow

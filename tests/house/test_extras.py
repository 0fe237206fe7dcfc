import os
import subprocess
import sys
from pathlib import Path

import pytest

EXTRAS = Path(__file__).parents[1] / "support" / "extras.py"
OF_A_TEST = """
import extras
import pytest

@pytest.mark.parametrize("wants", [False, True])
def test_one(wants):
    if wants:
        extras.need("oddity")

@pytest.mark.skip(reason="for another reason")
def test_two():
    pass
"""
OF_A_MODULE = """
import extras
extras.need("oddity.inner")

def test_three():
    pass

def test_four():
    pass
"""


@pytest.fixture
def suite(tmp_path):
    """Runs a suite of its own; the optional package is there once `install` holds."""
    tests, packages = tmp_path / "tests", tmp_path / "packages"
    tests.mkdir()
    (packages / "oddity").mkdir(parents=True)
    for name in ("__init__", "inner"):
        (packages / "oddity" / f"{name}.py").touch()
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\npythonpath = tests\n")
    (tests / "extras.py").write_text(EXTRAS.read_text() + '\nEXTRAS["oddity"] = "odd"\n')
    (tests / "conftest.py").write_text("from extras import pytest_addoption, pytest_configure\n")
    (tests / "test_test.py").write_text(OF_A_TEST)
    (tests / "test_module.py").write_text(OF_A_MODULE)

    def run(*arguments, install=False):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        environment["PYTHONPATH"] = str(packages) if install else ""
        command = [sys.executable, "-m", "pytest", "-q", "-rs", *arguments]
        process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return process.returncode, process.stdout + process.stderr

    return run


def test_exactly_what_was_skipped_for_an_extra_runs_once_it_is_installed(suite):
    status, output = suite()
    assert status == 0 and "1 passed, 3 skipped" in output and "needs the extra `odd`" in output
    # Part of the suite leaves the list alone.
    assert suite("tests/test_test.py", install=True)[0] == 0
    status, output = suite("--skipped", install=True)
    assert status == 0 and "3 passed, 2 deselected" in output
    # So does this run itself.
    assert suite("--skipped", install=True)[0] == 0


def test_several_processes_leave_the_same_list(suite):
    status, output = suite("--numprocesses", "2", "--dist", "loadfile")
    assert status == 0 and "1 passed, 3 skipped" in output
    status, output = suite("--skipped", install=True)
    assert status == 0 and "3 passed, 2 deselected" in output


def test_what_is_skipped_again_or_gone_fails(suite, tmp_path):
    assert suite()[0] == 0
    status, output = suite("--skipped")
    assert status == 1 and "still without their extra" in output and "test_one[True]" in output
    (tmp_path / "tests" / "test_module.py").unlink()
    status, output = suite("--skipped", install=True)
    assert status == 4 and "not found: tests/test_module.py" in output


def test_without_a_list_nothing_is_run(suite):
    status, output = suite("--skipped", install=True)
    assert status == 4 and "run the whole suite without extras first" in output
    assert suite(install=True)[0] == 0
    assert suite("--skipped", install=True)[0] == 4

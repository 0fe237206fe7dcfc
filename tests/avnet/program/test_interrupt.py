"""Ctrl-C ends a program in one line, wherever it is."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

GROUP = """import signal
# As at a terminal: what tests in the background start would be deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)

from avnet.program.group import Program, run_group
if __name__ == "__main__":
    run_group("test", "Test.", {"wait": Program("waiting:Options", "waiting:run", "Waits.")}, ["wait"])
"""
OPTIONS = """
from dataclasses import dataclass
@dataclass(frozen=True)
class Options:
    '''Waits.'''
"""
WAIT = """
import time
print("waiting", flush=True)
time.sleep(60)
"""
# As a compiled module that does not expect an exception while it sets itself up.
BRITTLE = f"""
try:
{textwrap.indent(WAIT, "    ")}
except BaseException as error:
    raise RuntimeError("half imported") from error
"""
# In one piece, or the lines of two workers mix.
WORKERS = """
import os, time
from avnet.workers.pool import spread
def work(task):
    os.write(1, b"waiting\\n")
    time.sleep(0.5)
def run(options):
    list(spread(work, range(6), 2))
"""
PLACES = {
    "in an import": OPTIONS + BRITTLE,
    "in its work": f"{OPTIONS}\ndef run(options):\n{textwrap.indent(WAIT, '    ')}",
    "in the work of workers": OPTIONS + WORKERS,
}


@pytest.mark.parametrize("place", PLACES)
def test_one_line_and_130(tmp_path, place):
    (tmp_path / "group.py").write_text(GROUP)
    (tmp_path / "waiting.py").write_text(PLACES[place])
    process = subprocess.Popen(
        [sys.executable, tmp_path / "group.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": f"{os.getcwd()}:{tmp_path}"},
    )
    assert process.stdout is not None and process.stdout.readline() == b"waiting\n"
    # To the whole group, as a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, b"interrupted\n")

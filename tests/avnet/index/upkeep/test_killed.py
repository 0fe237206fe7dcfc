"""Processes that are killed lose nothing that was saved, and leave nothing that the next run does not tidy up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parents[3] / "support"


@pytest.mark.slow
@pytest.mark.parametrize("task", ["kills", "readers"])
def test_index_is_whole(task, tmp_path):
    """Killed 20 times while indexing and 20 times while updating; and searched by 8 processes while it is rebuilt."""
    # It forks while nothing else runs: JAX, which this process holds, would not like that.
    command = [sys.executable, str(SUPPORT / "killed_indexing.py"), task, str(tmp_path)]
    path = os.pathsep.join([str(SUPPORT.parents[1]), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.run(command, capture_output=True, text=True, env=variables)
    assert process.returncode == 0, process.stderr[-3000:]

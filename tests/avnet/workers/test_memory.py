"""Memory that is kept: by how often the system has to hand pages out."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from avnet.workers.memory import keep_memory
print(sys.argv[1] == "keep" and keep_memory())
np.ones(1 << 24)  # 128 MB
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(1 << 24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str, **environment: str) -> tuple[bool, int]:
    """Whether memory is kept, and the pages that were handed out for arrays as large as one before."""
    command = [sys.executable, "-c", PROGRAM, mode]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()
    return lines[0] == "True", int(lines[1])


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_arrays_as_large_as_one_before_need_no_new_pages():
    kept, pages = faults("keep")
    assert kept and pages < 100
    kept, pages = faults("default")
    assert not kept and pages > 1000


def test_who_has_chosen_an_allocator_is_left_alone():
    assert not faults("keep", MALLOC_ARENA_MAX="2")[0]
    assert not faults("keep", GLIBC_TUNABLES="glibc.malloc.arena_max=2")[0]

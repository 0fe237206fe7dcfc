import os
import subprocess
import sys

import pytest

SCRIPT = """
from avnet.program.compile_cache import enable_compile_cache
enable_compile_cache()
import jax
jax.jit(lambda x: x @ x + 1)(jax.numpy.ones((50, 50)))
print(jax.config.jax_compilation_cache_dir)
"""


@pytest.fixture
def start(tmp_path):
    def start(**environment):
        known = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
        # Whatever took any time at all is worth keeping here.
        known |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=known | environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return start


def test_what_was_compiled_is_there_at_the_next_start(start, tmp_path):
    folder = start()
    assert folder.startswith(str(tmp_path / "cache" / "avnet" / "compiled-"))
    kept = {file.name for file in (tmp_path / "cache").rglob("*-cache")}
    assert kept
    assert start() == folder
    assert {file.name for file in (tmp_path / "cache").rglob("*-cache")} == kept


def test_a_folder_that_the_user_named_is_taken(start, tmp_path):
    assert start(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own")) == str(tmp_path / "own")
    assert not (tmp_path / "cache").exists()


def test_a_home_that_cannot_be_written_is_no_obstacle(start, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder is wanted")
    assert start() == "None"

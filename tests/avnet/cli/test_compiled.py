import os
import subprocess
import sys
from pathlib import Path

import pytest

from avnet.program.cache import cache_folder, warn_once, writable_folder
from data.clips.stamps import find_stamps

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
        variables = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
        # Whatever took any time at all is worth keeping here.
        variables |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        process = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=variables | environment, capture_output=True, text=True, check=True
        )
        (tmp_path / "said").write_text(process.stderr)
        return process.stdout.strip()

    return start


def test_what_was_compiled_is_there_at_the_next_start(start, tmp_path):
    folder = start()
    assert folder.startswith(str(tmp_path / "cache" / "avnet" / "compiled-"))
    files = {file.name for file in (tmp_path / "cache").rglob("*-cache")}
    assert files
    assert start() == folder
    assert {file.name for file in (tmp_path / "cache").rglob("*-cache")} == files


def test_a_folder_that_the_user_named_is_taken(start, tmp_path):
    assert start(JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own")) == str(tmp_path / "own")
    assert not (tmp_path / "cache").exists()


def test_a_home_that_cannot_be_written_is_no_obstacle(start, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder is wanted")
    assert start() == "None"
    (line,) = (tmp_path / "said").read_text().splitlines()
    assert "without a cache" in line and "cannot be written" in line


@pytest.mark.parametrize("damage", ["entries", "times", "folders"])
def test_a_damaged_cache_is_no_obstacle_and_one_warning(start, tmp_path, damage):
    start()
    entries, times = (list((tmp_path / "cache").rglob(f"*-{kind}")) for kind in ("cache", "atime"))
    for file in entries:
        file.unlink() if damage != "entries" else file.write_bytes(b"damaged")
        if damage == "folders":
            file.mkdir()
    for file in times:
        file.unlink() if damage == "times" else None
    if damage == "times":
        (entries[0].parent / "other-cache").write_bytes(b"without a time")
    start()
    (line,) = (tmp_path / "said").read_text().splitlines()
    assert "without a cache" in line and "is full or damaged; delete it" in line


def test_a_user_without_a_home_gets_one_warning(tmp_path, monkeypatch, capsys):
    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    warn_once.cache_clear()
    assert cache_folder() is None and writable_folder("compiled") is None
    monkeypatch.delenv("HOME")
    assert writable_folder("compiled") is None
    assert capsys.readouterr().err.count("without a cache") == 1
    assert Path(os.environ["HOME"]).is_dir()  # for libraries
    assert find_stamps(tmp_path / "nowhere") is None
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder() is None

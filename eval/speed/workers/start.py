"""Commands from nothing: every repetition is a new process, with what its files left in memory and on disk."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from avnet.errors import ConfigError
from eval.speed import protocol
from eval.speed.protocol import Way

# In a process of its own too, since it imports JAX, and memory is measured.
PREPARE = """
import sys
from pathlib import Path
from PIL import Image
from avnet.index.index import Index
from eval.speed.workers.synthetic import random_images, write_model
from eval.speed.workers.search import clusters_of, fill
folder, preset, rows, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
fingerprint = write_model(folder / "model", "ave", preset)
with Index.create(folder / "index", fingerprint, size) as index:
    fill(index, rows, clusters_of(rows))
Image.fromarray(random_images(1, 256)[0]).save(folder / "image.png")
"""
FIRST_ANSWER = """
import sys
import numpy as np
from PIL import Image
import avnet
avnet.load(sys.argv[1]).embed_images([np.asarray(Image.open(sys.argv[2]))])
"""


@dataclass(frozen=True)
class Options:
    """What is started.

    Attributes:
        folder: for the model and the index; new.
        preset: of AVE-Net.
        rows: of the index, of images.
        size: of a vector.
    """

    folder: str
    preset: str
    rows: int
    size: int


def main() -> None:
    """Answers the requests "help", "answer", "search" and "search, cached", in runs."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        folder = Path(options.folder)
        folder.mkdir(parents=True)
        model, index, image = folder / "model", folder / "index", folder / "image.png"
        run("-c", PREPARE, folder, options.preset, options.rows, options.size)
        search = ("-m", "avnet", "search", model, index, "--image", image, "--kind", "image")
        cache = {
            "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }
        ways: dict[str, Way] = {
            "help": lambda: run("-m", "avnet", "--help"),
            "answer": lambda: run("-c", FIRST_ANSWER, model, image),
            "search": lambda: run(*search),
            "search, cached": lambda: run(*search, **cache),
        }
        for way in ways.values():
            way()
        protocol.serve(line, ways, {"rows": options.rows})


def run(*arguments: str | int | Path, **environment: str) -> protocol.Repetition:
    """Runs Python with arguments, and says how long it took and how much memory it held.

    Raises:
        ConfigError: it failed; the last line that it printed on stderr is the reason.
    """
    command = [sys.executable, *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as stderr:
        began = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=stderr)
        # The memory of this one process; `getrusage` knows only the most of all children.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # it was waited for behind the object's back
        if process.returncode:
            stderr.seek(0)
            last = stderr.read().strip().splitlines()[-1:] or ["no reason given"]
            name = " ".join(command[1:4]).strip().split("\n")[0]
            raise ConfigError(name, f"ended with {process.returncode} ({last[0]})")
    return protocol.Repetition((seconds,), 1, protocol.MAXRSS_UNIT * usage.ru_maxrss)


if __name__ == "__main__":
    main()

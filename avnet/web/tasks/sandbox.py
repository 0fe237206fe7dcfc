"""Everything that strangers send is decoded by a process that can do nothing else."""

import atexit
import tempfile
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from avnet.media.decoding import sandboxed
from avnet.media.image import read_image
from avnet.media.sandbox.limits import Limits

_open = ExitStack()


def decode_in_sandbox(memory_mb: int) -> None:
    """From now on, until this process ends, files are decoded in a sandbox, which is started.

    Args:
        memory_mb: that decoding a file may take.
    """
    _open.enter_context(sandboxed(Limits(memory_mb=memory_mb)))
    atexit.register(_open.close)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        Image.new("RGB", (8, 8)).save(picture)
        read_image(picture)  # or the first visitor would wait for it to start

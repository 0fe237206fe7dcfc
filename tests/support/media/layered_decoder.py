"""The hostile program with some of the layers of protection only, as on a kernel that offers no more."""

import os

from avnet.media.sandbox import confinement
from avnet.media.sandbox.decoder import serve
from media.hostile_decoder import read

LAYERS = "PYTHON_LAYERS"  # by its first letters it gets through to this process

if __name__ == "__main__":
    layers = tuple(os.environ[LAYERS].split(","))
    confinement.protection = lambda: layers
    serve(read)

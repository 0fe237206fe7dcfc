"""Checks the shapes in `avnet`'s signatures while the tests run; installed before any test imports it.

What one test has compiled, others and the programs that they start find in a folder of this session.
"""

import atexit
import os
import tempfile
from pkgutil import walk_packages

from jaxtyping import install_import_hook

# Before JAX is imported, which reads them then. Each of several processes has a folder of its own: JAX writes there
# without a lock, and half a file that another process reads is a warning.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ or "PYTEST_XDIST_WORKER" in os.environ:
    COMPILE_CACHE = tempfile.TemporaryDirectory(prefix="compiled-")
    atexit.register(COMPILE_CACHE.cleanup)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILE_CACHE.name
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import avnet

# Configurations refuse wrong types themselves, which is under test; the hook would be before them.
MODULES = [
    module.name
    for module in walk_packages(avnet.__path__, "avnet.")
    if not module.ispkg and module.name.split(".")[-1] not in ("config", "__main__")
]

install_import_hook(
    MODULES
    + [
        f"eval.{name}"
        for name in (
            "metrics",
            "localization.baselines",
            "captions.metrics",
            "retrieval.cca",
            "retrieval.directions",
            "spoken.naturalness",
            "retrieval.ontology",
            "readers",
            "spoken.recognition",
        )
    ],
    "typecheck.check_types",
)

# Only now: the hook checks what they import.
from extras import pytest_addoption, pytest_configure  # noqa: E402
from spoken.world import corpus, speaker, tiny, world  # noqa: E402
from stores import bucket  # noqa: E402

__all__ = ["bucket", "corpus", "pytest_addoption", "pytest_configure", "speaker", "tiny", "world"]

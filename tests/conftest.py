"""Checks the shapes in `avnet`'s signatures while the tests run; installed before any test imports it.

What one test has compiled, others and the programs that they start find in a folder of this session.
"""

import atexit
import os
import tempfile
from pkgutil import iter_modules

from jaxtyping import install_import_hook

# Before JAX is imported, which reads them then.
COMPILED = tempfile.TemporaryDirectory(prefix="compiled-")
atexit.register(COMPILED.cleanup)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", COMPILED.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.3")

import avnet  # noqa: E402

# The configuration's own refusals are under test; the hook would refuse wrong types before they are reached.
UNCHECKED = {"config"}

install_import_hook(
    [f"avnet.{module.name}" for module in iter_modules(avnet.__path__) if module.name not in UNCHECKED]
    + [
        f"eval.{name}"
        for name in (
            "metrics",
            "localization.baselines",
            "spoken.captions",
            "retrieval.cca",
            "retrieval.directions",
            "spoken.naturalness",
            "retrieval.ontology",
            "readers",
            "spoken.recognition",
        )
    ],
    "typecheck.checked",
)

# Only now: the hook checks what they import.
from extras import pytest_addoption, pytest_configure  # noqa: E402
from spoken_world import corpus, speaker, tiny, world  # noqa: E402

__all__ = ["corpus", "pytest_addoption", "pytest_configure", "speaker", "tiny", "world"]

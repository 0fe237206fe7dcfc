"""What a run was measured on: processor, versions, commit, and how busy the machine was."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from avnet.errors import ConfigError

ROOT = Path(__file__).parents[2]
PACKAGES = ("jax", "jaxlib", "flax", "numpy", "grain", "av", "torch", "faiss-cpu")


def machine() -> dict[str, Any]:
    """Facts about the machine and what is installed, but its accelerator, which the workers tell."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        # What this process may use: a container is often given less than the machine has.
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }


def load() -> float:
    """Processes that ran or wanted to in the last minute, on average."""
    return os.getloadavg()[0]


def commit(root: Path = ROOT) -> str:
    """The commit of a checkout, with "+" behind it where files differ from it; "unknown" where there is no git."""
    try:
        changes = _git(root, "status", "--porcelain", "--untracked-files=no")
        return _git(root, "rev-parse", "HEAD") + ("+" if changes else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@contextlib.contextmanager
def worktree(revision: str, folder: Path) -> Iterator[str]:
    """Another commit of this repository, checked out for as long as the context lasts.

    Args:
        revision: commit, branch or tag.
        folder: new; it becomes the checkout.

    Yields:
        The short name of the commit.

    Raises:
        ConfigError: there is no such commit, or it has no program to measure it.
    """
    try:
        short = _git(ROOT, "rev-parse", "--short", "--verify", f"{revision}^{{commit}}")
        # Detached, so that a branch that is checked out elsewhere can be measured too.
        _git(ROOT, "worktree", "add", "--detach", str(folder), short)
    except (OSError, subprocess.CalledProcessError):
        raise ConfigError("--compare-with", f"must be a commit of this repository, got {revision!r}") from None
    try:
        if not (folder / "eval" / "speed").is_dir():
            raise ConfigError("--compare-with", f"{revision} is from before this program and cannot be measured by it")
        yield short
    finally:
        _git(ROOT, "worktree", "remove", "--force", str(folder))


def accelerator(environment: dict[str, str]) -> str:
    """What JAX runs on in a process with these variables: cpu, gpu, ...; asked in another, which lets go of it."""
    command = [sys.executable, "-c", "import jax; print(jax.default_backend())"]
    process = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    return process.stdout.strip() or "nothing"


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    with contextlib.suppress(OSError):
        for row in Path("/proc/cpuinfo").read_text().splitlines():
            if row.startswith("model name"):
                return row.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

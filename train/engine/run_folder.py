"""The folder of a run: locked while it runs, claimed with all that decides its result, refused to everything else."""

import fcntl
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avnet.errors import TrainingError
from avnet.files.json_file import read_json
from avnet.files.whole import write_text

RUN, LOCK, MODEL = "run.json", "run.lock", "model"


def refuse_foreign(out: Path, beside: Collection[str] = ()) -> None:
    """Makes sure that a folder is new, empty or the folder of a run.

    Args:
        out: the folder.
        beside: names of what may lie there before the run.

    Raises:
        TrainingError: it is something else.
    """
    own = {LOCK, *beside}
    try:
        foreign = out.exists() and not (out / RUN).exists() and any(path.name not in own for path in out.iterdir())
    except OSError as error:
        raise TrainingError(out, f"cannot be created as a folder ({error.strerror})") from None
    if foreign:
        raise TrainingError(out, "is not empty and not the folder of a run; choose another --out")


@contextmanager
def folder_lock(out: Path, *, active: bool = True) -> Iterator[None]:
    """Keeps other processes from training into a folder; the system ends the lock with the process, however it ends.

    Where nothing else came of it, neither the lock's file nor a new folder is left behind.

    Args:
        out: the folder; made if need be.
        active: whether this process is the one to lock; the others of the same run are not.

    Raises:
        TrainingError: another process trains into it, or it cannot be written.
    """
    if not active:
        yield
        return
    new, file = not out.exists(), out / LOCK
    try:
        out.mkdir(parents=True, exist_ok=True)
        # Not inherited: a process started from here would hold the lock after this one has ended.
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise TrainingError(out, f"cannot be created as a folder ({error.strerror})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainingError(out, "another process is training into this folder; wait for it to end") from None
        try:
            yield
        finally:
            # The run was refused before it wrote anything.
            if os.listdir(out) == [LOCK]:
                file.unlink()
                if new:
                    out.rmdir()
    finally:
        os.close(descriptor)


def claim(
    out: Path, plan: Mapping[str, Any], adjustable: Collection[str] = (), default: Callable[[str], Any] | None = None
) -> None:
    """Writes a run's plan into its folder, or refuses a folder that holds another run.

    Args:
        out: the folder; made if need be.
        plan: all that decides the result, as plain values.
        adjustable: entries that may differ when the run is resumed.
        default: of an entry that the plan of the earlier run lacks, since the option is newer than the run.

    Raises:
        TrainingError: it holds another run, or cannot be written.
    """
    file = out / RUN
    plan = _plain(plan)
    if file.exists():
        try:
            earlier = dict(read_json(file))
        except (OSError, ValueError, TypeError):
            raise TrainingError(file, "is damaged; delete the folder or choose another --out") from None
        newer = plan.keys() - earlier.keys()
        earlier |= _plain({name: default(name) if default else None for name in newer})
        names = (plan.keys() | earlier.keys()) - set(adjustable)
        if differing := sorted(name for name in names if plan.get(name) != earlier.get(name)):
            raise TrainingError(out, f"holds a run with another {', '.join(differing)}; choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(out, f"cannot be created as a folder ({error.strerror})") from None
    write_text(file, json.dumps(plan, indent=2) + "\n", own=True)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As they are read back from JSON."""
    return json.loads(json.dumps(values, default=str))

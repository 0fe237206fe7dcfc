"""One writer at a time in a folder."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from avnet.errors import AvnetError


@contextlib.contextmanager
def locked(folder: Path, refusal: type[AvnetError] = AvnetError) -> Iterator[None]:
    """Keeps other runs on this machine from writing into a folder; the system ends the lock with the process.

    The folder itself is locked, so that nothing is left in it; one that was made for it goes if nothing came of it.
    Some network disks know no locks; there the last word is that of the tables.

    Args:
        folder: made if it is not there.
        refusal: the class of what is raised.

    Raises:
        AvnetError: another run writes into it, or it cannot be made.
    """
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise refusal(folder, f"cannot be made ({error.strerror})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refusal(folder, "another run is writing into it; wait for that to end") from None
        except OSError:  # no locks here
            pass
        yield
    finally:
        if new:
            with contextlib.suppress(OSError):  # something lies in it
                os.rmdir(folder)
        os.close(descriptor)

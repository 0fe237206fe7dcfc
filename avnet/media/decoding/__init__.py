"""Where media are decoded: in this process, or, inside `sandboxed`, in one that can do nothing else.

What `avnet.media` reads of files goes through few functions (`probe`, `read_image`, `is_image`, `iterate_frames`,
`frames_on_screen`, `iterate_sound`); each asks `sandbox` whether another process is to do it. Results and refusals
are the same in both.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from avnet.media.sandbox.limits import Limits

if TYPE_CHECKING:
    from avnet.media.decoding.sandboxed_media import SandboxedMedia

# Of the whole process and not of a context of a thread: libraries hand work to threads of their own.
_entered: "list[SandboxedMedia]" = []
_lock = threading.Lock()


@contextmanager
def sandboxed(limits: Limits | None = None) -> Iterator[None]:
    """Inside the block, whatever this process reads of media is decoded by confined processes that may die of it.

    They are started when they are first needed and live as long as the block; every file has a worker of its own,
    forked in milliseconds. It holds for all threads. What is read lazily, such as the sound of a `Localization`, is
    decoded where it is asked for: ask inside the block.

    Args:
        limits: of what decoding a file may take.

    Example:
        >>> from avnet.media.decoding import sandboxed
        >>> with sandboxed():
        ...     avnet.read_image("dog.jpg").shape
        (48, 64, 3)
    """
    from avnet.media.decoding.sandboxed_media import SandboxedMedia  # which imports those who ask here

    with SandboxedMedia(limits or Limits()) as media:
        with _lock:
            _entered.append(media)
        try:
            yield
        finally:
            with _lock:
                _entered.remove(media)


def sandbox() -> "SandboxedMedia | None":
    """Who is to decode the files that are named to this process; None where it does so itself."""
    with _lock:
        return _entered[-1] if _entered else None

"""Ctrl-C while modules are imported: the process ends at once and in one line."""

import os
import signal
import threading
from types import FrameType


def end_imports_at_once() -> None:
    """Lets Ctrl-C end the process where an exception would leave a module half imported.

    Compiled modules do not expect one while they set themselves up: it ends in a traceback of theirs, or crashes as the
    process exits. Elsewhere Ctrl-C stays the exception `KeyboardInterrupt`.
    """
    in_main = threading.current_thread() is threading.main_thread()
    # A handler of somebody else, or that Ctrl-C is ignored, stays.
    if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            os.write(2, b"interrupted\n")
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt

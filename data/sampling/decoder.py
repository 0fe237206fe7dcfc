"""The process that reads videos for a `Sandbox`: python -m data.sampling.decoder FD MEMORY_MB."""

import os
import pickle
import resource
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path

from avnet.errors import Damaged, MediaError, TooLarge
from data.sampling.config import SamplingConfig
from data.sampling.sampling import VideoSampler


def main(descriptor: int, memory_mb: int) -> None:
    """Answers requests until the other side hangs up.

    Args:
        descriptor: of the connection.
        memory_mb: of address space.
    """
    # Ctrl-C is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=end_with_parent, daemon=True).start()
    connection = Connection(descriptor)
    connection.send_bytes(b"ready")
    try:
        while True:
            path, name, video, config, cpu_s = connection.recv()
            resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + cpu_s, resource.RLIM_INFINITY))
            connection.send_bytes(pickle.dumps(read(connection, Path(path), name, video, config)))
    except (EOFError, ConnectionError):
        return


def end_with_parent() -> None:
    """Waits for the parent to let go of standard input, which it does when it dies, whatever is being decoded."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def read(
    connection: Connection, path: Path, name: str, video: str, config: SamplingConfig
) -> tuple[float, str, list[int]] | MediaError:
    """Sends the segments of a video, each as a pickle after the byte `s`; returns what is sent last."""
    sampler = VideoSampler(path, name, video, config)
    try:
        for segment in sampler:
            connection.send_bytes(b"s" + pickle.dumps(segment))
    except MediaError as error:
        return error
    except (EOFError, ConnectionError):
        raise
    except MemoryError:
        return TooLarge(path, "takes more memory to decode than the limit")
    except Exception as error:  # a reader of hostile files may meet anything; the reason goes into the manifest
        return Damaged(path, f"cannot be decoded ({type(error).__name__}: {error})")
    return sampler.duration_s, sampler.note, sampler.hashes


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

"""Beam's runner for one machine, with workers that are quiet, whose death is noticed and that end at once.

Beam's own worker process logs to stderr, is waited for without end when it was killed, finishes its share of the work
before an error is seen, and does not start where the path of Python holds a space.
"""

import contextlib
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

# Beam logs while it is imported.
_level = logging.root.manager.disable
logging.disable(logging.CRITICAL)
try:
    from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions  # pyright: ignore[reportMissingImports]
    from apache_beam.portability import python_urns  # pyright: ignore[reportMissingImports]
    from apache_beam.portability.api import endpoints_pb2  # pyright: ignore[reportMissingImports]
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner  # pyright: ignore[reportMissingImports]
    from apache_beam.runners.portability.fn_api_runner.worker_handlers import GrpcWorkerHandler, WorkerHandler  # pyright: ignore[reportMissingImports]
    from apache_beam.transforms.environments import SubprocessSDKEnvironment  # pyright: ignore[reportMissingImports]
    from google.protobuf import text_format
finally:
    logging.disable(_level)

# Imports from where its parent does, and ends when its parent ends or closes the pipe.
WORKER = """
import logging, os, sys, threading

def follow():
    sys.stdin.buffer.read()
    os._exit(0)

sys.path[:] = sys.argv[1:]
threading.Thread(target=follow, daemon=True).start()
logging.disable(logging.CRITICAL)
from apache_beam.runners.worker.sdk_worker_main import main
main([])
"""


class WorkerDeath(Exception):
    """A worker process ended before its work."""


def local_runner(options: PipelineOptions) -> FnApiRunner:
    """The runner that the options describe: in this process, in threads of it or in other processes."""
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode != "multi_processing":
        return FnApiRunner()
    direct.direct_running_mode = "in_memory"  # or it would replace the environment
    WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)(_Worker)
    return FnApiRunner(default_environment=SubprocessSDKEnvironment.from_command_string(""))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds back what Beam logs, and what its threads say of a worker that has gone; what fails is raised."""
    level, hook = logging.root.manager.disable, threading.excepthook
    logging.disable(logging.CRITICAL)
    threading.excepthook = lambda _: None
    try:
        yield
    finally:
        logging.disable(level)
        threading.excepthook = hook


class _Worker(GrpcWorkerHandler):
    def __init__(self, _command, state, provision_info, grpc_server):
        super().__init__(state, provision_info, grpc_server)
        self._closing = threading.Event()

    def start_worker(self) -> None:
        descriptor = text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=self.control_address))
        # A group of its own: Ctrl-C is for the parent, which then closes the pipe.
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, *sys.path],
            env={**os.environ, "CONTROL_API_SERVICE_DESCRIPTOR": descriptor, "WORKER_ID": self.worker_id},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            process_group=0,
        )
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self._process.wait()
        while not self._closing.wait(0.2):
            with contextlib.suppress(RuntimeError):  # another request is being added
                self.control_conn.abort(WorkerDeath())

    def close(self) -> None:
        self._closing.set()
        self.stop_worker()
        super().close()

    def stop_worker(self) -> None:
        self._process.communicate()

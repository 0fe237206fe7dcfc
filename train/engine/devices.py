"""All devices of all processes as one: a batch is split over them, the state lies on each.

The mathematics are those of one device: the compiler makes the means of batch normalisation, of losses and of gradients
over the whole batch, wherever its parts lie.

Reference: Xu et al., "GSPMD: General and Scalable Parallelization for ML Computation Graphs", 2021, section 3.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from avnet.errors import ConfigError, TrainingError
from avnet.program.command import refusals

AXIS = "batch"
# Seconds of silence after which a process is taken for dead, and JAX ends the others.
SILENCE_S = 60

Tree = TypeVar("Tree")


def join(coordinator: str | None, processes: int | None, process: int | None) -> None:
    """Makes this process one of several that train together; must come before anything else of JAX.

    Args:
        coordinator: HOST:PORT of process 0; 'auto' where the cluster says it (TPU pods, Slurm, MPI); None if alone.
        processes: how many; the cluster says it with 'auto'.
        process: number of this one, from 0.

    Raises:
        ConfigError: the others were not met.
    """
    if coordinator is None:
        return
    address = None if coordinator == "auto" else coordinator
    try:
        jax.distributed.initialize(address, processes, process, heartbeat_timeout_seconds=SILENCE_S)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError("--coordinator", f"{coordinator} did not bring the processes together ({reason})") from None


@contextmanager
def together(coordinator: str | None, processes: int | None, process: int | None, out: Path) -> Iterator[None]:
    """What several processes do in step; where one fails, so do the others, each in one line and with exit code 2.

    Args:
        coordinator: as the two that follow, for `join`.
        processes: how many.
        process: number of this one.
        out: folder of the run, for the message.

    Raises:
        ConfigError: the others were not met.
    """
    join(coordinator, processes, process)
    if jax.process_count() == 1:
        yield
        return
    try:
        with refusals():
            try:
                # Gloo, between CPUs, gives the others 30 s to come to their first meeting; later they may lag behind.
                multihost_utils.sync_global_devices("joined")
                yield
            except jax.errors.JaxRuntimeError as error:
                reason = str(error).splitlines()[0][:200]
                text = f"another process was lost ({reason}); start all again, they go on from the last checkpoint"
                raise TrainingError(out, text) from None
    except SystemExit as exit_error:
        if not exit_error.code:
            raise
        # An orderly exit would wait for processes that wait for this one, and abort.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(2)


class Devices:
    """Where batches and states lie.

    Attributes:
        count: devices of all processes.
        whole: where the state lies, the same on each.
        divided: where the rows of a batch lie, some on each.
    """

    def __init__(self, count: int | None = None):
        """All devices there are, or the first few."""
        devices = jax.devices()[:count]
        # One axis: whole networks fit every device, so only batches are split.
        mesh = jax.make_mesh((len(devices),), (AXIS,), axis_types=(AxisType.Auto,), devices=devices)
        self.count = len(devices)
        self.divided, self.whole = NamedSharding(mesh, PartitionSpec(AXIS)), NamedSharding(mesh, PartitionSpec())

    @property
    def first(self) -> bool:
        """Whether this process writes what is written once."""
        return jax.process_index() == 0

    @property
    def shard(self) -> tuple[int, int]:
        """Number of this process, and how many there are."""
        return jax.process_index(), jax.process_count()

    def check(self, batch_size: int, parts: int = 1) -> None:
        """Refuses a batch whose parts the devices cannot share equally.

        Raises:
            ConfigError: names the number of devices.
        """
        if batch_size % (self.count * parts):
            times = f"{self.count} devices" + (f" times --accumulate {parts}" if parts > 1 else "")
            raise ConfigError("--batch-size", f"must be a multiple of the {times}, got {batch_size}")

    def meet(self) -> None:
        """Waits until all processes are here."""
        multihost_utils.sync_global_devices("meet")

    def agree(self, vote: bool) -> bool:
        """Whether any process says yes; all must ask at the same step, and wait for each other."""
        if jax.process_count() == 1:
            return vote
        return bool(multihost_utils.process_allgather(np.array([vote])).any())

    def everywhere(self, tree: Tree) -> Tree:
        """The same arrays on every device; all processes must have equal ones."""
        return jax.tree.map(lambda leaf: jax.make_array_from_process_local_data(self.whole, np.asarray(leaf)), tree)

    def local(self, tree: Tree) -> Tree:
        """The arrays of `everywhere` as they lie on the first device of this process."""
        return jax.tree.map(lambda leaf: leaf.addressable_data(0), tree)

    def split(self, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """A batch whose rows lie on all devices in turn, from the rows that each process read."""
        return {name: jax.make_array_from_process_local_data(self.divided, rows) for name, rows in batch.items()}

    def rows(self, batch: Mapping[str, jax.Array]) -> dict[str, np.ndarray]:
        """This process's rows of arrays that are divided as those of `split` are."""

        def local(array: jax.Array) -> np.ndarray:
            parts = sorted(array.addressable_shards, key=lambda part: part.index[0].start or 0)
            return np.concatenate([np.asarray(part.data) for part in parts])

        return {name: local(array) for name, array in batch.items()}

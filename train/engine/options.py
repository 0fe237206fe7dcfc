"""The options that every training program has, and which of them a run may change when it is resumed."""

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least

ComputeName = Literal["float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a run of any training program needs; programs add their own options and other defaults.

    Attributes:
        ADJUSTABLE: options that change neither the mathematics nor the data, so that they may differ when a run is
            resumed.
    """

    ADJUSTABLE: ClassVar[frozenset[str]] = frozenset(
        {"out", "checkpoint_every", "log_every", "threads", "remat", "tensorboard"}
        | {"coordinator", "processes", "process"}
    )

    steps: int = 3000
    """Number of training steps."""
    batch_size: int = 64
    """Number of examples in a batch."""
    learning_rate: float | None = None
    """Peak learning rate of Adam."""
    validate_every: int = 250
    """Number of steps between validations; the network that does best in one of them becomes the model."""
    checkpoint_every: int = 250
    """Number of steps between checkpoints."""
    log_every: int = 20
    """Number of steps between rows of metrics.jsonl."""
    seed: int = 0
    """Seed of the initial weights, the order of the data and augmentation."""
    compute: ComputeName = "float32"
    """Precision in which features are computed; GPUs and TPUs are faster in bfloat16. Weights and losses are float32
    either way."""
    accumulate: int = 1
    """Number of parts in which a batch is embedded, to use less memory. The loss is that of the whole batch; batch
    normalisation sees one part at a time."""
    remat: bool = False
    """Recompute features for the gradient instead of storing them: a third of the memory for a third more time."""
    coordinator: str | None = None
    """Address of process 0 as HOST:PORT, to train on several machines; auto on TPU pods, Slurm and MPI. See
    docs/devices.md."""
    processes: int | None = None
    """Number of processes that share each batch; not needed with --coordinator auto."""
    process: int | None = None
    """Number of this process, from 0; not needed with --coordinator auto."""
    tensorboard: bool = False
    """Also write TensorBoard events to OUT/tensorboard (needs the extra `tensorboard`)."""

    def __post_init__(self):
        check_at_least(self, 1, "steps", "batch_size", "accumulate", "validate_every", "checkpoint_every", "log_every")
        check_at_least(self, 0, "seed")
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise ConfigError("--learning-rate", f"must be more than 0, got {self.learning_rate}")
        if self.batch_size % self.accumulate:
            reason = f"must divide --batch-size {self.batch_size}, got {self.accumulate}"
            raise ConfigError("--accumulate", reason)
        if self.coordinator is None:
            if (self.processes, self.process) != (None, None):
                raise ConfigError("--processes, --process", "need --coordinator HOST:PORT")
            return
        if self.coordinator != "auto":
            if self.processes is None or self.process is None:
                raise ConfigError("--coordinator", "needs --processes and --process too, or must be auto")
            if not re.fullmatch(r".+:\d+", self.coordinator):
                raise ConfigError("--coordinator", f"must be HOST:PORT or auto, got {self.coordinator}")
        if self.processes is not None and self.processes < 1:
            raise ConfigError("--processes", f"must be at least 1, got {self.processes}")
        if self.process is not None and not 0 <= self.process < (self.processes or 1):
            raise ConfigError("--process", f"must be from 0 to {(self.processes or 1) - 1}, got {self.process}")

    @property
    def from_model(self) -> bool:
        """Whether the network is a trained one before the first step, which stays the best until one does better."""
        return False

    def with_defaults(self) -> Self:
        """The same run with those defaults written out that depend on other options."""
        return self

    def default(self, name: str) -> Any:
        """What an option is where it is not given; None if it is no option or must be given.

        A run that was begun before the option was there has been trained with this.
        """
        field = type(self).__dataclass_fields__.get(name)
        if field is None or field.default is dataclasses.MISSING:
            return None
        try:
            return getattr(dataclasses.replace(self, **{name: field.default}).with_defaults(), name)
        except ConfigError:  # it does not go with the other options of this run, so the earlier run had another value
            return None

"""The options that say who does work that is divided into jobs."""

from dataclasses import dataclass, field

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from avnet.workers.cores import available_cores


@dataclass(frozen=True, kw_only=True)
class RunnerOptions:
    """Who does the work."""

    workers: int = field(default_factory=available_cores)
    """Number of processes on this machine; unused with another --runner."""
    runner: str = "pool"
    """Who does the work: pool for processes on this machine, or a runner of Apache Beam (FnApiRunner, DataflowRunner,
    FlinkRunner and others), which needs the extra `beam`."""
    beam_options: tuple[str, ...] = ()
    """Pipeline options of Apache Beam, each as name=value."""

    def __post_init__(self):
        check_at_least(self, 1, "workers")
        if self.runner == "pool" and self.beam_options:
            raise ConfigError("--beam-options", "needs a --runner of Apache Beam")

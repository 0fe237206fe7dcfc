"""What decoding may take, as options: importing this costs nothing."""

from dataclasses import dataclass

from avnet.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """What decoding one file may take."""

    memory_mb: int = 1536
    """Greatest address space of a decoding process in MB."""
    seconds_per_file: float = 60.0
    """Greatest CPU time for a file in seconds, to which its size adds; by the clock it may take twice as long."""
    seconds_per_mb: float = 20.0
    """CPU time in seconds that each MB of a file adds."""

    def __post_init__(self):
        if not 384 <= self.memory_mb <= 1 << 20:
            raise ConfigError("--memory-mb", f"must be from 384 to {1 << 20}, got {self.memory_mb}")
        if not 1 <= self.seconds_per_file <= 1e6 or not 0 <= self.seconds_per_mb <= 1e4:
            raise ConfigError("--seconds-per-file, --seconds-per-mb", "must be from 1 to 1e6 and from 0 to 1e4 seconds")

    def cpu_s(self, size: int) -> int:
        """CPU seconds for a file of so many bytes."""
        return int(self.seconds_per_file + self.seconds_per_mb * size / 1e6)

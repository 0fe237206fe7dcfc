"""The parts of a demo, announced and timed."""

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Stages:
    """Seconds that each part took, by name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Announces a part on stderr and times it."""
        print(f"== {name}", file=sys.stderr, flush=True)
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began

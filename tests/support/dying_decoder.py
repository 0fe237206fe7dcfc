"""A decoding process that does what the name of the video says, after a first segment."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from data.records.segment import Segment
from data.sampling import decoder


class Sampler:
    """Stands in for `data.sampling.sampling.VideoSampler`."""

    duration_s, note, hashes = 1.0, "", (1, 2)

    def __init__(self, path: Path, name: str, video: str, config):
        self.path, self.name, self.video = path, name, video

    def __iter__(self):
        sound = np.zeros(1000, np.int16)
        yield Segment(self.name, self.video, 0.0, [b"jpeg"], np.array([500]), 40.0, sound, 1000)
        if self.name == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.name == "die once" and not self.path.exists():
            self.path.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.name == "sleep":
            time.sleep(60)
        while self.name == "spin":
            pass
        if self.name == "hoard":
            bytearray(4 << 30)
        if self.name == "stumble":
            raise ZeroDivisionError("by chance")
        for i in range(200 if self.name == "long" else 1):
            yield Segment(
                self.name, self.video, float(i + 1), [b"x"], np.array([500]), 40.0, np.zeros(1_000_000, np.int16), 1000
            )


decoder.VideoSampler = Sampler  # pyright: ignore[reportAttributeAccessIssue]
decoder.main(int(sys.argv[1]), int(sys.argv[2]))

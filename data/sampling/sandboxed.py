"""Videos that nobody has checked are sampled in a sandbox."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from avnet.media.sandbox.limits import Limits
from avnet.media.sandbox.sandbox import Sandbox
from data.records.segment import Segment
from data.sampling import messages
from data.sampling.config import SamplingConfig

PROGRAM = "data.sampling.decoder"


@dataclass(frozen=True)
class SampledParts:
    """What was sampled from a video, not all of it in memory.

    Attributes:
        segments: to be iterated over once, and before the next video is sampled.
        duration_s: seconds in which there are both frames and sound.
        note: what is missing, in words; empty when all of the video could be used.
        hashes: perceptual hashes of the kept frames.
        audio: which of several audio tracks was taken, in words; empty where there is one.
    """

    segments: Iterator[Segment]
    duration_s: float
    note: str
    hashes: list[int]
    audio: str


class SandboxedSampler:
    """Samples one video at a time; use as a context."""

    def __init__(self, limits: Limits | None = None):
        self._sandbox = Sandbox(PROGRAM, limits)

    def __enter__(self) -> "SandboxedSampler":
        return self

    def __exit__(self, *_) -> None:
        self._sandbox.__exit__()

    def sample(self, path: Path, name: str, video: str, config: SamplingConfig) -> SampledParts:
        """Reads a whole video, as `data.sampling.sampling.VideoSampler` does in this process.

        Args:
            path: the file.
            name: what the records call it.
            video: SHA-256 of its content.
            config: what is kept.

        Raises:
            Crashed: the process died, or ran past its limits, twice.
            MediaError: the file was refused.
            DataError: no process could be started.
        """
        parse = partial(messages.parse_segment, name=name, video=video, config=config)
        request, most = messages.request(video, config), messages.most_bytes(config)
        reply = self._sandbox.read(path, request, parse, messages.parse_summary, most)
        return SampledParts(reply.parts, *reply.result)

"""The program that samples videos for a `SandboxedSampler`: python -m data.sampling.decoder MEMORY_MB."""

import importlib
from collections.abc import Generator
from typing import Any

from avnet.media.container import OpenFile
from avnet.media.sandbox.decoder import serve
from avnet.media.sandbox.messages import Message
from data.sampling.config import SamplingConfig
from data.sampling.messages import segment_message, summary_message
from data.sampling.sampling import VideoSampler

# What is otherwise imported when it is first needed, where nothing can be imported any more.
LATER = ("imagehash", "scipy.fftpack", "numpy.random")


def main() -> None:
    """Answers requests until the other side hangs up."""
    for name in LATER:
        importlib.import_module(name)
    serve(sample)


def sample(file: OpenFile, values: dict[str, Any]) -> Generator[Message, None, Message]:
    """Yields the segments of a video; returns what is to be known of the whole."""
    sampler = VideoSampler(file, "", values["video"], SamplingConfig(**values["sampling"]))
    for segment in sampler:
        yield segment_message(segment)
    return summary_message(sampler)


if __name__ == "__main__":
    main()

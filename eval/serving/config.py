"""Options of `python -m eval serve`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.program.bounds import check_at_least


@dataclass(frozen=True)
class ServeConfig:
    """Measure how soon `avnet serve` answers, to one visitor and to many, and whether its memory stays as it is.

    Starts the server on a free port of this machine, as `avnet serve` does, and asks it as the page would. What needs
    an index or a describer is left out without one.

    Example: python -m eval serve clip.mp4 --image dog.jpg --index index
    """

    video: Annotated[Path, tyro.conf.Positional]
    """Video with sound, of which heatmaps are made; the targets are for one of 10 s and 256 pixels."""
    image: Path | None = None
    """Image to search by and to describe. Default: neither is measured."""
    model: str = "base"
    """Model that is served: a folder, a name, or hf://user/model."""
    index: Path | None = None
    """Index that is searched, by the image."""
    describer: str | None = None
    """Describer that speaks of the image."""
    rounds: int = 5
    """Number of times that each thing is asked for."""
    clients: int = 8
    """Number of visitors that search at the same time."""
    uploads: int = 50
    """Number of files that are sent at the same time."""
    jobs: int = 200
    """Number of localizations, of the image with the sound of the video, over which the memory is watched."""

    def __post_init__(self):
        check_at_least(self, 1, "rounds", "clients", "uploads")
        check_at_least(self, 0, "jobs")

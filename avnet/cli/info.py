"""`avnet info`: what a folder that avnet has written, or a media file, is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.apps.info import info


@dataclass(frozen=True)
class InfoConfig:
    """Show what a folder that avnet has written, or a media file, holds.

    Example: avnet info model
    """

    path: Annotated[Path, tyro.conf.Positional]
    """Folder (a model, an index, units, a describer and so on), or a media file."""


def run(config: InfoConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: it is none of these, or damaged.
    """
    information = info(config.path)
    width = max(map(len, information.facts))
    for name, value in information.facts.items():
        print(f"{name:<{width}}  {value}")
    if information.metrics:
        print(f"\n{information.metrics}")

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
    shown = info(config.path)
    width = max(map(len, shown.facts))
    for name, value in shown.facts.items():
        print(f"{name:<{width}}  {value}")
    if shown.metrics:
        print(f"\n{shown.metrics}")

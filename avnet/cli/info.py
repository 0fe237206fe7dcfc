"""`avnet info`: what a folder that avnet has written, or a media file, is."""

from dataclasses import dataclass
from typing import Annotated

import tyro

from avnet.apps.info import info


@dataclass(frozen=True)
class InfoConfig:
    """Show what is in a media file, or in a folder that avnet has written.

    Example: avnet info base
    """

    path: Annotated[str, tyro.conf.Positional]
    """Media file, a folder of a model, an index, units, a describer and so on, the name of a model, or hf://user/model."""


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

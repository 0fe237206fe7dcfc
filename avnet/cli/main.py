"""The command `avnet`: use a trained model on your own pictures, sounds and videos."""

from avnet.cli.accelerate import AccelerateConfig, make_side_indexes
from avnet.cli.describe import DescribeConfig, describe
from avnet.cli.embed import EmbedConfig, embed
from avnet.cli.export import ExportConfig, export
from avnet.cli.index import IndexConfig, index
from avnet.cli.info import InfoConfig, info
from avnet.cli.localize import LocalizeConfig, localize
from avnet.cli.search import SearchConfig, search
from avnet.program.command import run_subcommands


def main(args: list[str] | None = None) -> None:
    """Dispatches to the command.

    Args:
        args: instead of the process's own.
    """
    commands = {
        "localize": (LocalizeConfig, localize),
        "index": (IndexConfig, index),
        "search": (SearchConfig, search),
        "accelerate": (AccelerateConfig, make_side_indexes),
        "embed": (EmbedConfig, embed),
        "describe": (DescribeConfig, describe),
        "export": (ExportConfig, export),
        "info": (InfoConfig, info),
    }
    run_subcommands(
        "avnet",
        "Find what sounds in pictures and videos, search sights by sounds, and describe pictures in speech.",
        commands,
        args,
    )

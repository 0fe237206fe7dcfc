"""`python -m data compose|stamps|prepare|inspect|verify|repair|stats|spoken|speak`."""

from avnet.program.command import run_subcommands
from data.clips.compose import ComposeConfig, compose
from data.clips.stamps import StampsConfig, stamps
from data.corpus.inspect import InspectConfig, inspect
from data.corpus.prepare import PrepareConfig, prepare
from data.corpus.repair import RepairConfig, repair
from data.corpus.stats import StatsConfig, stats
from data.corpus.summary import print_summary
from data.corpus.verify import VerifyConfig, verify
from data.spoken.pack import SpokenConfig, spoken
from data.spoken.speak import SpeakConfig, speak


def _prepare(config: PrepareConfig) -> None:
    prepare(config)
    print_summary(config.out)


def main() -> None:
    """Dispatches to the command."""
    commands = {
        "compose": (ComposeConfig, compose),
        "stamps": (StampsConfig, stamps),
        "prepare": (PrepareConfig, _prepare),
        "inspect": (InspectConfig, inspect),
        "verify": (VerifyConfig, verify),
        "repair": (RepairConfig, repair),
        "stats": (StatsConfig, stats),
        "speak": (SpeakConfig, speak),
        "spoken": (SpokenConfig, spoken),
    }
    run_subcommands(
        "python -m data", "Compose videos, prepare records and spoken corpora, look at them and check them.", commands
    )


if __name__ == "__main__":
    main()

"""`python -m data compose|stamps|prepare|inspect|verify|repair|stats|spoken|speak`."""

from avnet.cli.program import run_subcommands
from data.compose import ComposeConfig, compose
from data.inspect import InspectConfig, inspect
from data.prepare import PrepareConfig, prepare
from data.repair import RepairConfig, repair
from data.speak import SpeakConfig, speak
from data.spoken.pack import SpokenConfig, spoken
from data.stamps import StampsConfig, stamps
from data.stats import StatsConfig, stats
from data.summary import print_summary
from data.verify import VerifyConfig, verify


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

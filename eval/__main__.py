"""The programs of `python -m eval`."""

import sys

import tyro

from avnet.errors import AvnetError
from eval.avc import avc
from eval.localization import localization
from eval.retrieval import retrieval
from eval.shortcut import shortcut

PROGRAMS = {"avc": avc, "retrieval": retrieval, "localization": localization, "shortcut": shortcut}


def main(arguments: list[str] | None = None) -> int:
    """Runs one program.

    Args:
        arguments: of the command line; None takes the process's own.

    Returns:
        The exit code: 0, or 2 for a refusal, which is one line on stderr.
    """
    try:
        tyro.extras.subcommand_cli_from_dict(
            PROGRAMS,
            prog="python -m eval",
            description="Metrics and benchmarks, with their baselines.",
            args=arguments,
        )
    except AvnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

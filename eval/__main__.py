"""`python -m eval avc|retrieval|localization|shortcut|decoding|speed|speech|units|words`."""

from avnet.program.command import run_functions
from eval.correspondence.avc import avc
from eval.correspondence.shortcut import shortcut
from eval.localization.localization import localization
from eval.retrieval.retrieval import retrieval
from eval.speed.decoding import decoding
from eval.speed.program import speed
from eval.spoken.speech import speech
from eval.spoken.units import units
from eval.spoken.words import words

PROGRAMS = {
    "avc": avc,
    "retrieval": retrieval,
    "localization": localization,
    "shortcut": shortcut,
    "decoding": decoding,
    "speed": speed,
    "speech": speech,
    "units": units,
    "words": words,
}


def main(arguments: list[str] | None = None) -> None:
    """Runs one program.

    Args:
        arguments: of the command line; None takes the process's own.

    Raises:
        SystemExit: with code 2 after a refusal, which is one line on stderr.
    """
    run_functions("python -m eval", "Metrics and benchmarks, with their baselines.", PROGRAMS, arguments)


if __name__ == "__main__":
    main()

"""The speech synthesiser flite, run as a program.

Reference: Black and Lenzo, "Flite: a small fast run-time synthesis engine", 2001.
"""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from avnet.errors import AvnetError, ConfigError, DataError

LIST = "Voices available:"


class FliteError(AvnetError):
    """It ended with an error, was killed, or wrote nothing."""


@dataclass(frozen=True)
class Flite:
    """The installed program.

    Attributes:
        program: its path.
        voices: that it has.
        timeout_s: for one text, seconds.
    """

    program: str
    voices: tuple[str, ...]
    timeout_s: float

    @classmethod
    def find(cls, timeout_s: float) -> "Flite":
        """Finds it on the PATH and asks for its voices.

        Raises:
            DataError: it is not installed or does not run.
        """
        program = shutil.which("flite")
        if program is None:
            raise DataError("flite", "is not installed (apt-get install flite)")
        try:
            result = subprocess.run(
                [program, "-lv"], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(program, f"does not run ({error})") from None
        names = result.stdout.decode("utf-8", "replace").partition(LIST)[2].split()
        return cls(program, tuple(dict.fromkeys(names)), timeout_s)

    def check_voices(self, names: Sequence[str]) -> None:
        """Refuses voices that it lacks: it would take another one, or a name for a file, without a word.

        Raises:
            ConfigError: names them.
        """
        if missing := [voice for voice in names if voice not in self.voices]:
            raise ConfigError("--voice", f"flite lacks {', '.join(missing)}; it has {', '.join(self.voices) or 'none'}")

    def say(self, text: str, voice: str, path: Path) -> None:
        """Speaks a text into a wav file.

        Args:
            text: any; it is one argument of its own, which flite takes for nothing else.
            voice: one of `voices`.
            path: of the file.

        Raises:
            FliteError: it died or took too long.
        """
        self._run("-voice", voice, "-t", text, "-o", str(path.absolute()))

    def say_phones(self, phones: Sequence[str], voice: str, path: Path) -> None:
        """Speaks phones into a wav file, with durations and a pitch of its own; unknown ones are left out.

        Args:
            phones: names as `phones` gives them.
            voice: one of `voices`.
            path: of the file.

        Raises:
            FliteError: it died or took too long.
        """
        self._run("-voice", voice, "-p", " ".join(phones), "-o", str(path.absolute()))

    def phones(self, text: str, voice: str) -> list[tuple[str, float]]:
        """The phones that a voice says a text in, each with where it ends, in seconds.

        Args:
            text: any.
            voice: one of `voices`.

        Raises:
            FliteError: it died or took too long, or printed no phones.
        """
        printed = self._run("-voice", voice, "-t", text, "-psdur", "-o", "none").decode("utf-8", "replace").split()
        pairs = [part.rpartition(":") for part in printed]
        try:
            phones = [(name, float(end)) for name, _, end in pairs]
        except ValueError:
            raise FliteError("flite", f"printed no phones for {text[:40]!r}") from None
        ends = [0.0, *(end for _, end in phones)]
        if not phones or not all(before <= after for before, after in pairwise(ends)):
            raise FliteError("flite", f"printed no phones for {text[:40]!r}")
        return phones

    def _run(self, *arguments: str) -> bytes:
        """What it prints."""
        nothing = subprocess.DEVNULL
        try:
            result = subprocess.run(
                [self.program, *arguments],
                stdin=nothing,
                stdout=subprocess.PIPE,
                stderr=nothing,
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FliteError("flite", f"took longer than {self.timeout_s:g} s") from None
        except OSError as error:
            raise FliteError("flite", f"does not run ({error.strerror})") from None
        if code := result.returncode:
            raise FliteError("flite", f"died of signal {-code}" if code < 0 else f"ended with code {code}")
        return result.stdout

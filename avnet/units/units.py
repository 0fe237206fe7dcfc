"""What all kinds of speech units have in common: they turn a recording into a string, without text."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from avnet.units.pieces import Pieces
from avnet.units.strings import UnitString


@runtime_checkable
class Lexicon(Protocol):
    """Pieces with what each costs."""

    @property
    def pieces(self) -> Pieces:
        """The pieces; every unit is one too."""
        ...

    @property
    def prices(self) -> np.ndarray:
        """float32 [pieces], what each costs, in squared distance; low where it is common."""
        ...


@runtime_checkable
class Units(Protocol):
    """How frames of speech become units.

    Kinds: `KMeansUnits` (centroids of cepstra), `LexicalUnits` (those, spelled with the pieces of a lexicon),
    `GroundedUnits` (the codes of a network that was trained with images) and `WaveNetVQUnits` (the codes of a network
    that says speech again). A new kind is a class with these members and a line in the registry of artifacts.

    Example:
        >>> units = avnet.load("units")
        >>> isinstance(units, avnet.Units)
        True
        >>> string = units.encode(avnet.read_waveform("recording.wav", 16_000).samples)
        >>> bool(string.units.max() < units.count)
        True
    """

    @property
    def count(self) -> int:
        """Number of units; they are 0 to `count - 1`."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256, hexadecimal, of all that decides the units of a recording."""
        ...

    @property
    def frames_per_step(self) -> int:
        """Frames of 10 ms for which one unit is chosen."""
        ...

    @property
    def lexicon(self) -> Lexicon | None:
        """The pieces that the strings of these units spell, or None where they spell none."""
        ...

    def encode(self, waveform: Float[np.ndarray, " samples"]) -> UnitString:
        """The units of a recording.

        Args:
            waveform: mono in [-1, 1] at 16 kHz; less than 25 ms gives none.
        """
        ...

    def encode_all(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> list[UnitString]:
        """The units of recordings, those of one batch at once; each as if it were alone."""
        ...

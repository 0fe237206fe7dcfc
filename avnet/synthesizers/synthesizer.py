"""What all synthesizers have in common: they say strings of units."""

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int


@runtime_checkable
class Synthesizer(Protocol):
    """Units to speech.

    Kinds: `Voice` (selection of recordings), `GriffinLim` (mean spectra), `Vocos` and `FrameVoice` (networks), and
    `ClusterVoice` (trees). A new kind is a class with these members and a line in the registry of artifacts.

    Example:
        >>> voice = avnet.load("runs/describer/model").voice
        >>> isinstance(voice, avnet.Synthesizer)
        True
        >>> waveform = voice.speak(np.array([2, 0, 1]))
        >>> waveform.dtype
        dtype('float32')
    """

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """The speech of a string of units.

        Args:
            units: those that the synthesizer does not know are passed over.

        Returns:
            Mono in [-1, 1] at 16 kHz; empty where it knows none.
        """
        ...

    def stream(self, units: Iterable[int]) -> Iterator[Float[np.ndarray, " samples"]]:
        """The speech of a string that is still being made, in consecutive parts.

        Args:
            units: one after the other.
        """
        ...


class WholeStrings:
    """Streams as a synthesizer does that cannot begin before it knows the whole string."""

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """See `Synthesizer.speak`."""
        raise NotImplementedError

    def stream(self, units: Iterable[int]) -> Iterator[Float[np.ndarray, " samples"]]:
        """The whole speech, as one part."""
        yield self.speak(np.fromiter(units, np.int64))

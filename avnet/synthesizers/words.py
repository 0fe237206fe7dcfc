"""Words to speech, by flite."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avnet.audio.pcm import SPEECH_RATE
from avnet.media import read_waveform
from avnet.synthesizers.flite import Flite
from avnet.synthesizers.synthesizer import WholeStrings
from avnet.units.words import sentence

# For a sentence, seconds.
TIMEOUT_S = 30.0


class WordSpeaker(WholeStrings):
    """Says sentences, and strings of words, with flite.

    Attributes:
        words: by number.
    """

    def __init__(self, words: Sequence[str], voice: str = "slt"):
        """Looks for flite.

        Raises:
            DataError: it is not installed.
            ConfigError: it lacks the voice.
        """
        self.words, self._voice = tuple(words), voice
        self._flite = Flite.find(TIMEOUT_S)
        self._flite.check_voices([voice])

    def say(self, text: str) -> Float[np.ndarray, " samples"]:
        """A sentence: mono in [-1, 1] at 16 kHz.

        Raises:
            FliteError: flite died, took too long or wrote nothing.
            MediaError: what it wrote cannot be read.
        """
        with tempfile.TemporaryDirectory() as folder:
            # flite writes files alone.
            file = Path(folder) / "speech.wav"
            self._flite.say(text, self._voice, file)
            return read_waveform(file, SPEECH_RATE).samples

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """Mono in [-1, 1] at 16 kHz; silence where no word is known."""
        text = sentence(self.words[unit] for unit in units)
        return self.say(text) if text else np.zeros(SPEECH_RATE // 10, np.float32)

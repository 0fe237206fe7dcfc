"""Words and phones to speech, by flite."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from avnet.audio.pcm import SPEECH_RATE
from avnet.media import read_waveform
from avnet.synthesizers.flite.program import Flite
from avnet.synthesizers.synthesizer import WholeStrings
from avnet.units.words import sentence

# For a sentence, seconds.
TIMEOUT_S = 30.0
# Samples where nothing is said.
SILENCE = SPEECH_RATE // 10


class _Speaker(WholeStrings):
    """What says strings of names, with flite.

    Attributes:
        names: by number.
    """

    def __init__(self, names: Sequence[str], voice: str = "slt"):
        """Looks for flite.

        Raises:
            DataError: it is not installed.
            ConfigError: it lacks the voice.
        """
        self.names, self._voice = tuple(names), voice
        self._flite = Flite.find(TIMEOUT_S)
        self._flite.check_voices([voice])

    def _read(self, write: Callable[[Path], None]) -> Float[np.ndarray, " samples"]:
        """What flite writes, which it does into files alone."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "speech.wav"
            write(file)
            return read_waveform(file, SPEECH_RATE).samples


class WordSpeaker(_Speaker):
    """Says sentences, and strings of words."""

    def say(self, text: str) -> Float[np.ndarray, " samples"]:
        """A sentence: mono in [-1, 1] at 16 kHz.

        Raises:
            FliteError: flite died, took too long or wrote nothing.
            MediaError: what it wrote cannot be read.
        """
        return self._read(lambda file: self._flite.say(text, self._voice, file))

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """Mono in [-1, 1] at 16 kHz; silence where no word is known."""
        text = sentence(self.names[unit] for unit in units)
        return self.say(text) if text else np.zeros(SILENCE, np.float32)


class PhoneSpeaker(_Speaker):
    """Says strings of phones, as ClusterGen did in Image2Speech; how long each lasts is flite's choice.

    Reference: Hasegawa-Johnson et al., "Image2speech: Automatically generating audio descriptions of images", 2017,
        section 2.3.
    """

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """Mono in [-1, 1] at 16 kHz; silence where there are no phones.

        Raises:
            FliteError: flite died, took too long or wrote nothing.
            MediaError: what it wrote cannot be read.
        """
        phones = [self.names[unit] for unit in units]
        if not phones:
            return np.zeros(SILENCE, np.float32)
        return self._read(lambda file: self._flite.say_phones(phones, self._voice, file))

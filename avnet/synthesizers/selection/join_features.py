"""What recordings sound like where they may be joined: spectrum and pitch of each frame."""

from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import DataError

# Cost of a jump of pitch by its spread, in mean squared differences of scaled cepstral coefficients; from a frame that
# has a pitch to one that has none it is that and more.
PITCH_JUMP = 1.0
# Frames from which spreads are told: the numbers may be mapped from a file of gigabytes.
SOME_CEPSTRA, SOME_PITCH = 5_000, 50_000


class JoinFeatures:
    """Numbers of frames whose squared distances tell how well two frames follow each other.

    Reference: Hunt and Black, "Unit Selection in a Concatenative Speech Synthesis System Using a Large Speech
    Database", 1996, section 2: joins are judged by cepstra, power and pitch. Power is the first coefficient.
    """

    def __init__(self, cepstra: Float[np.ndarray, "frames n"], hertz: Float[np.ndarray, " m"]):
        """Of all recordings of a voice, one after the other.

        Args:
            cepstra: as `static_cepstra` gives them.
            hertz: pitch, 0 where there is none.

        Raises:
            DataError: there are more of one than of the other.
        """
        if len(cepstra) != len(hertz):
            raise DataError("voice", f"has {len(cepstra)} frames of cepstra and {len(hertz)} of pitch")
        self._cepstra, self._hertz = cepstra, hertz

    def __len__(self) -> int:
        return len(self._cepstra)

    def of(self, frames: Int[np.ndarray, "*n"]) -> Float[np.ndarray, "*n features"]:
        """Cepstra and pitch of some frames; a squared distance is in mean squared differences of a coefficient."""
        cepstra = self.cepstra(frames)
        return np.concatenate([cepstra / np.sqrt(cepstra.shape[-1]), self._tones(frames)], axis=-1)

    def cepstra(self, frames: Int[np.ndarray, "*n"]) -> Float[np.ndarray, "*n coefficients"]:
        """Cepstra of some frames, each coefficient divided by its spread."""
        return np.asarray(self._cepstra[frames], np.float32) * self._scale

    def _tones(self, frames: np.ndarray) -> np.ndarray:
        """How far the pitch is from the mean in spreads, and whether there is one: [*n, 2]."""
        hertz = np.asarray(self._hertz[frames], np.float32)
        mean, spread = self._intonation
        from_mean = np.where(hertz > 0, (np.log(np.maximum(hertz, 1.0)) - mean) / spread, 0.0)
        return np.sqrt(PITCH_JUMP) * np.stack([from_mean, hertz > 0], axis=-1).astype(np.float32)

    @cached_property
    def _scale(self) -> np.ndarray:
        """One over the spread of each coefficient."""
        some = self._cepstra[_evenly(len(self), SOME_CEPSTRA)]
        return 1 / np.maximum(np.asarray(some, np.float32).std(axis=0), 1e-3)

    @cached_property
    def _intonation(self) -> tuple[float, float]:
        """Mean and spread of the logarithm of pitch."""
        some = np.asarray(self._hertz[_evenly(len(self), SOME_PITCH)], np.float32)
        logarithms = np.log(some[some > 0])
        return (float(logarithms.mean()), max(float(logarithms.std()), 1e-3)) if len(logarithms) else (0.0, 1.0)


def _evenly(count: int, most: int) -> np.ndarray:
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)

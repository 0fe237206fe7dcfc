"""How loud a sound is, and how much moves in a picture."""

import numpy as np
from PIL import Image

SILENCE_DBFS = -100.0
TINY = (32, 32)


def loudness_dbfs(samples: np.ndarray, clip_samples: int) -> float:
    """Level of the loudest clip of a sound.

    Args:
        samples: float [n] in [-1, 1].
        clip_samples: length of a clip.

    Returns:
        dB relative to full scale; -100 for digital silence and below.
    """
    parts = np.array_split(samples, max(1, len(samples) // max(1, clip_samples)))
    power = max(float(np.mean(np.square(part))) if len(part) else 0.0 for part in parts)
    return max(SILENCE_DBFS, 10 * float(np.log10(power))) if power > 0 else SILENCE_DBFS


class Motion:
    """The mean difference of grey levels between pictures that follow each other, made tiny first."""

    def __init__(self):
        self._before: np.ndarray | None = None
        self._differences: list[float] = []

    def add(self, picture: np.ndarray) -> None:
        """Takes the next picture, uint8 RGB [height, width, 3]."""
        small = Image.fromarray(picture).resize(TINY, Image.Resampling.BOX).convert("L")
        grey = np.asarray(small, np.float32)
        if self._before is not None:
            self._differences.append(float(np.abs(grey - self._before).mean()))
        self._before = grey

    @property
    def level(self) -> float:
        """In [0, 255]; 0 where nothing moves or there is one picture."""
        return float(np.mean(self._differences)) if self._differences else 0.0

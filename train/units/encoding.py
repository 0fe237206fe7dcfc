"""Recordings to strings of units, for what learns from both."""

from collections.abc import Sequence

import numpy as np

from avnet.program.progress import progress
from avnet.units.strings import UnitString
from avnet.units.units import Units

# Recordings that become unit strings at once.
BATCH = 16


def encode_recordings(units: Units, waveforms: Sequence[np.ndarray]) -> list[UnitString]:
    """The strings of recordings, in their order, with a progress bar on stderr.

    Args:
        units: of the strings.
        waveforms: mono in [-1, 1] at 16 kHz.
    """
    starts, strings = range(0, len(waveforms), BATCH), []
    for start in progress(starts, "encoding", len(starts), "batches"):
        strings += units.encode_all(waveforms[start : start + BATCH])
    return strings

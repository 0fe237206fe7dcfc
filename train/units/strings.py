"""Recordings as strings of units, and as what a run remembers of them."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from avnet.program.progress import progress
from avnet.units.strings import UnitString
from avnet.units.units import Units

# Recordings that become unit strings at once.
BATCH = 16


def strings_of(units: Units, waveforms: Sequence[np.ndarray]) -> list[UnitString]:
    """The string of each recording, with a bar of progress.

    Args:
        units: that recordings are encoded in.
        waveforms: mono in [-1, 1] at 16 kHz.
    """
    starts = range(0, len(waveforms), BATCH)
    strings = []
    for start in progress(starts, "encoding", len(starts), "batches"):
        strings += units.encode_all(waveforms[start : start + BATCH])
    return strings


def digest(arrays: Iterable[np.ndarray]) -> str:
    """The fingerprint of arrays, such as recordings and strings, hexadecimal."""
    content = hashlib.sha256()
    for array in arrays:
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()

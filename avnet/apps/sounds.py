"""The sounds below a folder."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from avnet.errors import DataError, MediaError
from avnet.media.audio import read_waveform
from avnet.program.progress import progress


def read_sounds(folder: Path, suffixes: Collection[str], sample_rate: int) -> list[np.ndarray]:
    """Reads all in order of their names, float32 mono in [-1, 1]; what cannot be read is named and left out.

    Args:
        folder: searched with all folders in it.
        suffixes: of the files, in lower case.
        sample_rate: Hz.

    Raises:
        DataError: there is no such folder.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not a folder" if folder.exists() else "does not exist")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    waveforms = []
    for file in progress(files, "reading", len(files), "recordings"):
        try:
            waveforms.append(read_waveform(file, sample_rate).samples)
        except MediaError as error:
            print(f"left out: {error}")
    return waveforms

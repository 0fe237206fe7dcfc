"""Writing a vocoder for those who train one."""

from pathlib import Path

from avnet.synthesizers.vocos import Vocos


def write_vocoder(path: str | Path, vocoder: Vocos, units: str = "") -> str:
    """Writes the folder of a vocoder: see `Vocos.save`."""
    return vocoder.save(path, units)

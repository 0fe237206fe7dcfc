"""Units of either kind from a folder."""

from pathlib import Path

from avnet.errors import ConfigError, ModelFolderError
from avnet.speech.grounded import GroundedUnits
from avnet.speech.space_folder import WEIGHTS, read_space
from avnet.speech.units import Units, read_units


def read_any_units(path: str | Path) -> Units | GroundedUnits:
    """Units by k-means, or those of a space whose tower has a quantised layer.

    Raises:
        ModelFolderError: the folder holds neither, or is damaged.
    """
    path = Path(path)
    if not (path / WEIGHTS).is_file():
        return read_units(path)
    space = read_space(path)
    try:
        return GroundedUnits(space.network, space.fingerprint)
    except ConfigError as error:
        raise ModelFolderError(path, error.reason) from None

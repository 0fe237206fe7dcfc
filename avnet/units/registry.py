"""Units of any kind from a folder."""

from pathlib import Path

from avnet.errors import ConfigError, ModelFolderError
from avnet.speech_space.space import WEIGHTS, read_space
from avnet.units.grounded import GroundedUnits
from avnet.units.kmeans import read_units
from avnet.units.lexicon import LEXICON, read_lexical_units
from avnet.units.units import Units


def read_any_units(path: str | Path) -> Units:
    """Units by k-means, with or without a lexicon, or those of a space whose tower has a quantised layer.

    Raises:
        ModelFolderError: the folder holds neither, or is damaged.
    """
    path = Path(path)
    if (path / LEXICON).is_file():
        return read_lexical_units(path)
    if not (path / WEIGHTS).is_file():
        return read_units(path)
    space = read_space(path)
    try:
        return GroundedUnits(space.network, space.fingerprint)
    except ConfigError as error:
        raise ModelFolderError(path, error.reason) from None

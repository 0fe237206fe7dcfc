"""Units of any kind from a folder."""

from collections.abc import Callable
from pathlib import Path

from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import read_header
from avnet.files.kinds import LEXICON, SPACE, UNITS, WAVENET_VQ, Kind
from avnet.speech_space.space import SpeechSpace
from avnet.units.grounded import GroundedUnits
from avnet.units.kmeans import KMeansUnits
from avnet.units.lexicon import LexicalUnits
from avnet.units.units import Units
from avnet.units.wavenet_vq.units import WaveNetVQUnits


def _load_space(path: Path) -> GroundedUnits:
    space = SpeechSpace.load(path)
    try:
        return GroundedUnits(space.network, space.fingerprint)
    except ConfigError as error:
        raise ModelFolderError(path, error.reason) from None


# What opens each kind of folder that has units.
_OPENERS: dict[Kind, Callable[[Path], Units]] = {
    UNITS: KMeansUnits.load,
    LEXICON: LexicalUnits.load,
    SPACE: _load_space,
    WAVENET_VQ: WaveNetVQUnits.load,
}


def read_any_units(path: str | Path) -> Units:
    """Units by k-means, with or without a lexicon, of a WaveNet-VQ, or of a space whose tower has a quantised layer.

    Raises:
        ModelFolderError: the folder has no units, is of an earlier or newer avnet, or damaged.
    """
    header = read_header(path, *_OPENERS)
    return _OPENERS[header.kind](header.folder)

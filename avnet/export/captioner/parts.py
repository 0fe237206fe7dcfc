"""What is exported of a describer, whether it speaks or writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.backbones.backbone import Backbone
from avnet.captioners.captioner import Captioner
from avnet.captioners.features import OF_GRIDS, Regions
from avnet.captioners.guards import Guards
from avnet.describer import folder as speaking
from avnet.describer import text_folder as writing
from avnet.describer.text_describer import RARE
from avnet.files.kinds import DESCRIBER, TEXT_DESCRIBER
from avnet.speech_space.space import IMAGE
from avnet.units.pieces import Pieces

# Of files of regions no header says how many an image has; detectors that give always as many give 36.
REGIONS_OF_FILES = 36


@dataclass(frozen=True)
class CaptionerParts:
    """The learned parts of a describer that an export keeps.

    Attributes:
        network: becomes one in evaluation mode.
        pieces: that it says; of words each is one.
        guards: of its search.
        fingerprint: of the describer.
        places: of an image, at most, where files are of a fixed number.
        never: pieces that no description has.
        words: by number, of a captioner that writes.
    """

    network: Captioner
    pieces: Pieces
    guards: Guards
    fingerprint: str
    places: int
    never: tuple[int, ...] = ()
    words: tuple[str, ...] = ()


def places_of(regions: Regions, backbone: Path) -> int:
    """How many places an image has, at most.

    Args:
        regions: of a captioner.
        backbone: folder of the one that makes its grids.

    Raises:
        ModelFolderError: it is not a backbone, or damaged.
    """
    if regions not in OF_GRIDS:
        return REGIONS_OF_FILES
    cells = Backbone.load(backbone).cells
    return OF_GRIDS[regions](np.zeros((1, cells, cells, 1), np.float32)).cells.shape[1]


def _speaking(folder: Path) -> CaptionerParts:
    parts = speaking.read_describer(folder)
    places = places_of(parts.network.config.regions, folder / speaking.SPACE / IMAGE)
    return CaptionerParts(parts.network, parts.pieces, parts.guards, parts.fingerprint, places)


def _writing(folder: Path) -> CaptionerParts:
    parts = writing.read_text_describer(folder)
    places = places_of(parts.network.config.regions, folder / writing.BACKBONE_FOLDER)
    pieces = Pieces(writing.as_pieces(len(parts.words)))
    return CaptionerParts(parts.network, pieces, parts.guards, parts.fingerprint, places, (RARE,), parts.words)


# By the kind of the folder that is read.
READERS: dict[str, Callable[[Path], CaptionerParts]] = {DESCRIBER.name: _speaking, TEXT_DESCRIBER.name: _writing}

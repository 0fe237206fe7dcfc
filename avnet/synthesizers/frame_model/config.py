"""Sizes of a frame model."""

from dataclasses import dataclass
from typing import ClassVar

from avnet.config import Plain, check_numbers
from avnet.errors import ConfigError
from avnet.synthesizers.frame_model.parameters import PARAMETERS, Parameters
from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.source_filter.columns import COLUMNS as SOURCE_FILTER
from avnet.units.kmeans import MAX_UNITS

# Numbers that a frame holds, and frames in 10 ms.
COLUMNS: dict[Parameters, int] = {"mel": BANDS, "source-filter": SOURCE_FILTER}
RATES: dict[Parameters, int] = {"mel": 1, "source-filter": 2}


@dataclass(frozen=True)
class FrameModelConfig(Plain):
    """Sizes of a frame model.

    Attributes:
        units: how many there are.
        parameters: what it predicts of each frame.
        width: features of a unit and of a frame.
        unit_blocks: ConvNeXt blocks at the rate of units; each sees three units to either side.
        frame_blocks: those at the rate of frames.
        expansion: width inside a block over `width`.
        duration_width: features of a unit in the predictor of durations.

    Example:
        >>> FrameModelConfig(500).columns
        32
    """

    DESCRIBES: ClassVar[str] = "a frame model"

    units: int
    parameters: Parameters = "source-filter"
    width: int = 256
    unit_blocks: int = 4
    frame_blocks: int = 4
    expansion: int = 3
    duration_width: int = 128

    def __post_init__(self):
        check_numbers(self)
        if not 1 <= self.units <= MAX_UNITS:
            raise ConfigError("units", f"must be from 1 to {MAX_UNITS}, got {self.units}")
        if self.parameters not in PARAMETERS:
            raise ConfigError("parameters", f"must be mel or source-filter, got {self.parameters!r}")
        for name, largest in (("width", 4096), ("duration_width", 4096), ("expansion", 16)):
            if not 1 <= (size := getattr(self, name)) <= largest:
                raise ConfigError(name, f"must be from 1 to {largest}, got {size}")
        for name in ("unit_blocks", "frame_blocks"):
            if not 0 <= (size := getattr(self, name)) <= 64:
                raise ConfigError(name, f"must be from 0 to 64, got {size}")

    @property
    def columns(self) -> int:
        """Numbers that a frame holds."""
        return COLUMNS[self.parameters]

    @property
    def rate(self) -> int:
        """Frames in 10 ms, in which units are counted."""
        return RATES[self.parameters]

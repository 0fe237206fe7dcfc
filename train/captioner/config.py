"""Every option of `python -m train describer`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.presets import OURS, Kind
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions


@dataclass(frozen=True)
class DescribeTrainConfig(RunOptions):
    """Train a describer, which describes images in speech units, without any text.

    OUT/model holds all that `avnet describe` needs: the captioner, the speech space, the units and the voice of the
    corpus.

    Example: python -m train describer corpus --space runs/speech/model --units units --out runs/describer
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    space: Path
    """Speech space of `python -m train speech`."""
    units: Path
    """Folder of `python -m train units`, a space with grounded units, or the strings of `python -m eval words`."""
    out: Path
    """Folder of the run; the same command again resumes it."""
    kind: Kind = "recurrent"
    """Network: recurrent with attention, which suits a CPU, transformer, which suits a GPU, or that of a paper, as
    published; for example --kind up-down."""
    small: bool = False
    """Sizes for two cores in place of those of --kind, which are those of the paper."""
    regions: str = "grid"
    """What the captioner sees of an image: the cells of the grid of the space's image tower; windows, means of them
    over squares that overlap; or a file of regions that a detector found (.tsv of bottom-up attention, .npz, .h5, or a
    folder with one .npz an image), which `avnet describe` then needs as well; for example --regions regions.tsv."""
    pieces: int | None = None
    """Number of pieces, strings of units that occur often, as tokens of the captioner; 0 takes single units. Default:
    the lexicon of the units, or 2,000 pieces where they have none."""
    retrieved: int | None = None
    """Number of retrieved descriptions of similar images that the captioner sees; 0 trains without retrieval. Default:
    4, but 0 for networks of papers, which with more copy pieces from them."""
    candidates: int = 8
    """Number of nearest descriptions from which --retrieved are drawn in training, so that the captioner comes to rely
    on none of them."""
    forget: float = 0.2
    """Fraction of training examples without retrieved descriptions."""
    copying: bool = True
    """Let the captioner copy pieces from the retrieved descriptions."""
    collapse: bool = True
    """Collapse repetitions of a unit into one; --no-collapse is for ablations."""
    steps: int = field(default=4000, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=400, kw_only=True)
    checkpoint_every: int = field(default=400, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "pieces")
        if not 0 <= self.candidates <= 64:
            raise ConfigError("--candidates", f"must be from 0 to 64, got {self.candidates}")
        if not 0 <= self.shown <= self.candidates:
            raise ConfigError("--retrieved", f"must be from 0 to --candidates {self.candidates}, got {self.shown}")
        if self.kind not in OURS and self.shown and not self.copying:
            raise ConfigError("--no-copying", f"--kind {self.kind} sees --retrieved {self.shown} by copying alone")
        if not 0 <= self.forget <= 1:
            raise ConfigError("--forget", f"must be from 0 to 1, got {self.forget}")

    @property
    def shown(self) -> int:
        """Number of retrieved descriptions that the captioner sees."""
        return CaptionerConfig.preset(self.kind).retrieved if self.retrieved is None else self.retrieved

"""Every option of `python -m train describer` and `python -m train captioner`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.presets import OURS
from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.captioner.options import CaptionerOptions


@dataclass(frozen=True)
class DescribeTrainConfig(CaptionerOptions):
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
    reward: Literal["cider", "cider-units", "similarity"] | None = None
    """Learn from the reward of the captioner's own descriptions (self-critical training, Rennie et al., 2017), with
    --init-from: cider is CIDEr-D of pieces, cider-units that of runs of 2 and 4 units, against the recordings of an
    image; similarity is that of the pieces and the image in the space. --batch-size then counts images, such as 16."""

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
    def rewarded(self) -> str | None:
        """Name of the reward."""
        return self.reward

    @property
    def shown(self) -> int:
        """Number of retrieved descriptions that the captioner sees."""
        return CaptionerConfig.preset(self.kind).retrieved if self.retrieved is None else self.retrieved


@dataclass(frozen=True)
class CaptionTrainConfig(CaptionerOptions):
    """Train a captioner that writes, from images with captions that people wrote.

    OUT/model holds all that `avnet describe` needs: the captioner, its words and the backbone.

    Example: python -m train captioner captions --backbone vision --out runs/up-down --kind up-down --small
    """

    captions: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data captions` wrote."""
    backbone: Path
    """Image backbone, such as of `python -m train imagenet`; it stays as it is."""
    out: Path
    """Folder of the run; the same command again resumes it."""
    least: int = 3
    """Least number of training captions that a word occurs in; rarer words are read and never written."""
    reward: Literal["cider"] | None = None
    """Learn from the reward of the captioner's own descriptions (self-critical training, Rennie et al., 2017), with
    --init-from: CIDEr-D against the captions of an image, where the end counts as a word. --batch-size then counts
    images, such as 16."""

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 1, "least")

    @property
    def rewarded(self) -> str | None:
        """Name of the reward."""
        return self.reward

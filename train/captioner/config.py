"""Every option of `python -m train describer`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions


@dataclass(frozen=True)
class DescribeTrainConfig(RunOptions):
    """Learn to describe pictures in speech units, from a spoken corpus and a shared space, without any text.

    OUT/model is all that `avnet describe` needs: the describer, the space, the units and the voice of the corpus.

    Example: python -m train describer corpus --space runs/speech/model --units units --out runs/describer
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    space: Path
    """Model of `python -m train speech`."""
    units: Path
    """Folder of `python -m train units`, a space with grounded units, or the strings of `python -m eval words`."""
    out: Path
    """Folder of the run; the same command again resumes it."""
    kind: Literal["recurrent", "transformer"] = "recurrent"
    """Network: recurrent with attention for a CPU, Transformer for a GPU."""
    pieces: int | None = None
    """Runs of units from which descriptions are put together: by default those of the units' lexicon, or 2,000 where
    they have none; 0 for single units."""
    retrieved: int = 4
    """Descriptions of similar pictures that are shown; 0 for none."""
    candidates: int = 8
    """Descriptions from which those are drawn in training, so that none is relied on."""
    forget: float = 0.2
    """Share of training examples for which nothing is retrieved."""
    copying: bool = True
    """Whether pieces may be copied from them."""
    collapse: bool = True
    """Whether runs of one unit are one; for the ablation."""
    steps: int = field(default=4000, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=400, kw_only=True)
    checkpoint_every: int = field(default=400, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 0, "pieces")
        if not 0 <= self.retrieved <= self.candidates <= 64 or not 0 <= self.forget <= 1:
            raise ConfigError("--retrieved, --candidates, --forget", "want 0 to --candidates, up to 64, and a share")

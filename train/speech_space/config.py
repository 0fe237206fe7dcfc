"""Every option of `python -m train speech`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least
from train.engine.options import RunOptions


@dataclass(frozen=True)
class SpeechConfig(RunOptions):
    """Learn a space in which a picture lies near what people say of it, from a spoken corpus.

    With --codes the tower's vectors after --stage are quantised: these are the grounded units. Begin with a run without
    them and pass its model as --init-from.

    Example: python -m train speech corpus --image backbone --out runs/speech
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    out: Path
    """Folder of the run; the same command again resumes it. The best model on validation is OUT/model."""
    image: Path | None = None
    """Image tower: a folder of `python -m train imagenet`, or a trained AVE-Net, AVOL-Net or L3-Net; without one that
    of --init-from, else a fresh one."""
    tune_image: bool = False
    """Train the image tower along; a fresh one always is."""
    preset: Literal["small", "paper"] = "small"
    """Sizes of the speech tower: for a CPU, or ResDAVEnet's."""
    init_from: Path | None = None
    """Model to start from."""
    codes: int = 0
    """Number of codes of the quantised layer; 0 for none."""
    stage: int = 2
    """Stage whose vectors are quantised, one every 2 ** stage frames of 10 ms."""
    steps: int = field(default=1200, kw_only=True)
    batch_size: int = field(default=128, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=150, kw_only=True)
    checkpoint_every: int = field(default=150, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 2, "batch_size")
        if self.codes and not (2 <= self.codes <= 65_536 and 1 <= self.stage <= 8):
            raise ConfigError("--codes, --stage", f"want 2 to 65536 and 1 to 8, got {self.codes} and {self.stage}")
        if self.codes and self.init_from is None:
            raise ConfigError("--codes", "wants --init-from: a quantiser learns little in a tower that knows nothing")

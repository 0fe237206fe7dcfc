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
    """Train a speech space, in which an image lies near its spoken descriptions.

    With --codes, vectors after the stages --stages of the speech tower are quantized; codes of the last are grounded
    units. Train without --codes first, then pass that model as --init-from. ResDAVEnet-VQ's "2 -> 2,3" is --stages 1,
    and then --stages 1 2 from that model: its numbers count the first convolution too.

    Example: python -m train speech corpus --image backbone --out runs/speech
    """

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data spoken` wrote."""
    out: Path
    """Folder of the run; the same command again resumes it. The model that is best on validation is written to
    OUT/model."""
    image: Path | None = None
    """Image tower: a folder of `python -m train imagenet`, or a trained AVE-Net, AVOL-Net or L3-Net. Default: the image
    tower of --init-from, else a new one."""
    tune_image: bool = False
    """Train the image tower too; a new one is always trained."""
    preset: Literal["small", "paper"] = "small"
    """Sizes of the speech tower: small for a CPU, or paper, which are those of ResDAVEnet."""
    init_from: Annotated[str | Path | None, tyro.conf.arg(metavar="SPACE")] = None
    """Speech space (a folder, or hf://user/model) from which training starts."""
    codes: int = 0
    """Number of codes of each quantizer; 0 trains without one, or keeps those of --init-from."""
    stages: tuple[int, ...] = (2,)
    """Stages whose vectors are quantized, rising; stage n has one vector every 2 ** n frames of 10 ms. Codes that
    --init-from has after one of them stay, others begin where k-means places them."""
    steps: int = field(default=1200, kw_only=True)
    batch_size: int = field(default=128, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    validate_every: int = field(default=150, kw_only=True)
    checkpoint_every: int = field(default=150, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        check_at_least(self, 2, "batch_size")
        if self.codes and not 2 <= self.codes <= 65_536:
            raise ConfigError("--codes", f"must be 0, or from 2 to 65536, got {self.codes}")
        if self.codes and not self.stages:
            raise ConfigError("--stages", "are missing: name at least one")
        if self.codes and self.init_from is None:
            raise ConfigError("--codes", "needs --init-from: a quantizer learns little in a tower that is not trained")

"""How a spoken description is chosen."""

from dataclasses import dataclass
from typing import Literal

from avnet.captioners.features import Box
from avnet.describer.guards import check_region
from avnet.errors import ConfigError


@dataclass(frozen=True)
class Settings:
    """How a description is chosen.

    Attributes:
        method: 'beam' for the likeliest, 'sample' for variety.
        candidates: descriptions of an image from which the best is taken.
        reward: for each unit, while the likeliest are searched for; more makes longer descriptions.
        temperature: of sampling; below 1 the likely becomes likelier.
        top_k: of sampling; only so many pieces can be drawn.
        likelihood: weight of the mean log-probability of a piece.
        consensus: weight of what a candidate has in common with descriptions of similar images.
        seed: of sampling.
        region: left, top, right and bottom of the part that is described, as shares of the image; None for the whole.
    """

    method: Literal["beam", "sample"] = "beam"
    candidates: int = 40
    reward: float = 0.1
    temperature: float = 0.4
    top_k: int = 3
    # Chosen on images of validation (BENCHMARKS.md).
    likelihood: float = 0.3
    consensus: float = 20.0
    seed: int = 0
    region: Box | None = None

    def __post_init__(self):
        if self.method not in ("beam", "sample"):
            raise ConfigError("method", f"must be beam or sample, got {self.method!r}")
        if not 1 <= self.candidates <= 64:
            raise ConfigError("candidates", f"must be from 1 to 64, got {self.candidates}")
        if self.top_k < 1:
            raise ConfigError("top_k", f"must be at least 1, got {self.top_k}")
        if not 0 <= self.reward <= 100:
            raise ConfigError("reward", f"must be from 0 to 100, got {self.reward}")
        if not 0 <= self.temperature <= 100 or min(self.likelihood, self.consensus) < 0:
            raise ConfigError("temperature and weights", "must be at least 0, the temperature at most 100")
        check_region(self.region)

"""Bounds of descriptions: what a folder may say of the search for them, and how long those of a region are."""

import numbers

from avnet.captioners.features import Box
from avnet.captioners.guards import Guards
from avnet.errors import ConfigError

# Pieces, or words, of the description of a region, at most: a part of an image takes few, and a captioner that learned
# from whole ones would go on.
REGION_PIECES = 12


def check_guards(guards: Guards) -> Guards:
    """Refuses guards without bound: whoever wrote the folder decides how long a search runs.

    Raises:
        ValueError: it says which.
    """
    counts = (guards.longest, guards.repeated)
    if not all(isinstance(number, numbers.Integral) and 1 <= number <= 1_000_000 for number in counts):
        raise ValueError(f"the guards are {guards}")
    return guards


def check_region(region: Box | None) -> None:
    """Refuses a part that does not lie in the image, or is empty.

    Raises:
        ConfigError: it says which.
    """
    if region is not None:
        left, top, right, bottom = region
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ConfigError("region", f"must lie in the image, from 0 to 1, got {region}")

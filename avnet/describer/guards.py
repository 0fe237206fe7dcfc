"""What the folder of a describer may say of its search."""

import numbers

from avnet.captioners.guards import Guards


def check_guards(guards: Guards) -> Guards:
    """Refuses guards without bound: whoever wrote the folder decides how long a search runs.

    Raises:
        ValueError: it says which.
    """
    counts = (guards.longest, guards.repeated)
    if not all(isinstance(number, numbers.Integral) and 1 <= number <= 1_000_000 for number in counts):
        raise ValueError(f"the guards are {guards}")
    return guards

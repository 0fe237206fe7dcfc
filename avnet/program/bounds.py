"""Refusals that many options share."""

from typing import Any

from avnet.errors import ConfigError


def flag(name: str) -> str:
    """An option as it is typed: `--batch-size` of `batch_size`."""
    return f"--{name.replace('_', '-')}"


def check_at_least(options: Any, least: float, *names: str) -> None:
    """Refuses options below a bound; those that are None are left to their defaults.

    Args:
        options: the dataclass that holds them.
        least: the bound, which is allowed.
        names: of the fields.

    Raises:
        ConfigError: names the first option below it.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(flag(name), f"must be at least {least:g}, got {value}")


def check_fractions(fractions: tuple[float, float, float]) -> None:
    """Refuses shares of train, validation and test that are not shares.

    Raises:
        ConfigError: one is negative, or they do not add up to 1.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError("--fractions", f"must be three shares that add up to 1, got {fractions}")

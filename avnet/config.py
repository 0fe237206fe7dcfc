"""What a configuration is: a frozen dataclass of plain values, checked and saved with what it configures."""

import dataclasses
from typing import Any, ClassVar, Self, cast

from avnet.errors import ConfigError

# No number of a configuration that names no bound of its own may be larger: a hostile one would ask for terabytes.
LARGEST = 1 << 16


def at_most(largest: float, default: Any) -> Any:
    """A field of a configuration with a bound of its own for `check_numbers`.

    Args:
        largest: no number may be farther from zero.
        default: of the field.
    """
    return dataclasses.field(default=default, metadata={"largest": largest})


def check_numbers(config: Any) -> None:
    """Refuses what a file may hold in place of a number.

    Raises:
        ConfigError: a field is of another type than declared, not finite, or beyond its bound.
    """
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        if item.type in ("bool", bool):
            if not isinstance(value, bool):
                raise ConfigError(item.name, f"must be true or false, got {value!r}")
            continue
        whole = item.type in ("int", int)
        # JSON's true would pass for 1.
        if isinstance(value, bool) or (whole and not isinstance(value, int)):
            raise ConfigError(item.name, f"must be a whole number, got {value!r}")
        if item.type in ("float", float) and not isinstance(value, int | float):
            raise ConfigError(item.name, f"must be a number, got {value!r}")
        numbers = value if isinstance(value, tuple) else (value,)
        if item.name == "widths" and not all(isinstance(number, int) for number in numbers):
            raise ConfigError(item.name, f"must be whole numbers, got {value!r}")
        largest = item.metadata.get("largest", LARGEST)
        if any(isinstance(number, int | float) and not abs(number) <= largest for number in numbers):
            raise ConfigError(item.name, f"must be a number up to {largest}, got {value!r}")
    # It is `int | None`, a type that the loop does not know.
    if isinstance(n_mels := getattr(config, "n_mels", None), float):
        raise ConfigError("n_mels", f"must be a whole number, got {n_mels!r}")


class Plain:
    """A dataclass of plain values, which is saved with a model.

    Attributes:
        DESCRIBES: what it is the configuration of, for refusals.
    """

    DESCRIBES: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(cast(Any, self))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The configuration that `to_dict` wrote.

        Raises:
            ConfigError: a field is unknown or has a value that cannot be.
        """
        try:
            return cls(**cls._of_json(dict(values)))
        except (TypeError, KeyError, ValueError) as error:
            raise ConfigError("configuration", f"does not describe {cls.DESCRIBES} ({error})") from None

    @classmethod
    def _of_json(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The fields, where JSON has other types for them."""
        return values

"""The classes of a public data set: names and identifiers in the order in which classifiers score them."""

import csv
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files


@dataclass(frozen=True)
class Vocabulary:
    """The classes that a classifier scores.

    Attributes:
        classes: names, in the order of the classifier's outputs.
        ids: of the same classes in the ontology that the data set is made from.
    """

    classes: tuple[str, ...]
    ids: tuple[str, ...]

    @classmethod
    def read(cls, file: str) -> "Vocabulary":
        """Reads a table that comes with the package: columns `index`, `id` and `name`."""
        text = files("avnet.names").joinpath(file).read_text(encoding="utf-8")
        rows = list(csv.DictReader(text.splitlines()))
        return cls(tuple(row["name"] for row in rows), tuple(row["id"] for row in rows))

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each name."""
        return {name: place for place, name in enumerate(self.classes)}

"""How far apart two classes of sound are in a tree of classes such as AudioSet's.

A class can have several parents, so the tree is a directed graph without cycles. The distance of two classes
is the smallest number of steps from one up to a common ancestor and down to the other; the top classes share
one root.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from avnet.errors import DataError
from avnet.files.json_file import read_json

ROOT = ""
# Of two items of one class, as in the paper; no two classes of AudioSet are further apart than 11, so it
# stays above 0.
MAX_RELEVANCE = 20


class Ontology:
    """Classes by id, with their names and their ancestors.

    Reference: Gemmeke et al., "Audio Set: an ontology and human-labeled dataset for audio events", 2017.
    """

    def __init__(self, names: Mapping[str, str], parents: Mapping[str, Sequence[str]]):
        """Builds from plain mappings.

        Args:
            names: id -> name.
            parents: id -> ids of its parents; one that is not here is a top class.

        Raises:
            DataError: a class is its own ancestor, or has a parent that is not a class.
        """
        self.names = dict(names)
        self._parents = {child: tuple(above) for child, above in parents.items()}
        self._ancestors = {identifier: self._steps_up(identifier) for identifier in self.names}
        # Lists of labels give ids or names, and names in more than one spelling.
        self._identifiers = {_plain(name): identifier for identifier, name in self.names.items()}

    def find(self, label: str) -> str | None:
        """The id of a class given by id or by name (in any case, blanks also as underscores), or None."""
        return label if label in self.names else self._identifiers.get(_plain(label))

    def distance(self, a: str, b: str) -> int:
        """Steps between two classes by id, through their nearest common ancestor."""
        above_a, above_b = self._ancestors[a], self._ancestors[b]
        return min(above_a[common] + above_b[common] for common in above_a.keys() & above_b.keys())

    def _steps_up(self, identifier: str) -> dict[str, int]:
        """Every ancestor of a class, itself and the root, with the smallest number of steps up to it."""
        steps, level, depth = {identifier: 0}, [identifier], 0
        while level:
            depth += 1
            above = {parent for child in level for parent in self._parents.get(child, (ROOT,)) if child != ROOT}
            if identifier in above or not above <= self.names.keys() | {ROOT}:
                raise DataError("ontology", f"is damaged: the parents of {identifier!r} make a ring or are missing")
            # Level by level, so that an ancestor is first met on a shortest way up.
            level = [parent for parent in above if parent not in steps]
            steps.update(dict.fromkeys(level, depth))
        return steps


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ")


def read_ontology(path: str | Path) -> Ontology:
    """Reads AudioSet's `ontology.json`: a list of classes with `id`, `name` and `child_ids`.

    Raises:
        DataError: the file is missing or has another form.
    """
    try:
        classes = read_json(path)
        if not isinstance(classes, list) or not classes:
            raise TypeError("not a list of classes")
        names = {str(entry["id"]): str(entry["name"]) for entry in classes}
        parents: dict[str, list[str]] = {}
        for entry in classes:
            for child in entry["child_ids"]:
                parents.setdefault(str(child), []).append(str(entry["id"]))
    except OSError as error:
        raise DataError(path, f"cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(path, f"is not AudioSet's ontology, a list of id, name and child_ids ({error})") from None
    return Ontology(names, parents)


def class_relevance(
    ontology: Ontology, classes: Sequence[str], maximum: int = MAX_RELEVANCE
) -> Float[np.ndarray, "classes classes"]:
    """Graded relevance of classes to each other: `maximum` minus their distance.

    Args:
        ontology: the classes.
        classes: ids.
        maximum: relevance of a class to itself.

    Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.
    """
    return np.array([[maximum - ontology.distance(a, b) for b in classes] for a in classes], float)


def item_relevance(
    of_classes: Float[np.ndarray, "classes classes"],
    queries: Sequence[list[int]],
    gallery: Sequence[list[int]],
) -> Float[np.ndarray, "queries gallery"]:
    """Relevance of items with several classes: the best over all pairs of their classes.

    Args:
        of_classes: relevance of classes to each other.
        queries: for each query the indices of its classes, at least one.
        gallery: the same for each item of the gallery.
    """
    # The best over pairs of classes is the best over one side's of the best over the other's.
    of_items = np.stack([of_classes[own].max(axis=0) for own in queries])
    return np.stack([of_items[:, own].max(axis=1) for own in gallery], axis=1)

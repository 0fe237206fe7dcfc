"""Groups that join ImageNet's classes with AudioSet's: what an image shows beside the sounds that it makes.

The table, `groups.json`, was made by hand from both lists and AudioSet's ontology. A group is as fine as both sides
can tell apart: violin and cello are two, all breeds of dog are one. Where AudioSet has a wider class ("Animal", "Bowed
string instrument"), a wider group includes the narrower ones: its images are theirs and its own, its sounds are its own
alone.

Two groups of which neither includes the other share no class, but for these:

* what the ontology places under several parents: "Howl" of dogs and wolves, "Growling" of dogs and big cats, "Hiss" of
  cats and snakes;
* "stage", where there is music or a crowd; "guinea pig" and "hamster", which are rodents and pets.

ImageNet has no class of persons: what people wear or hold stands for them, as a classifier answers with it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from jaxtyping import Bool, Float32

from avnet.names.audioset import AUDIOSET, LEFT_OUT, vocabulary
from avnet.names.imagenet import IMAGENET
from avnet.names.vocabulary import Vocabulary


@dataclass(frozen=True)
class Group:
    """What makes certain sounds.

    Attributes:
        name: for people.
        images: of ImageNet's classes, those that show it and that no narrower group has.
        sounds: of AudioSet's classes, those that it makes.
        includes: names of narrower groups, which stand before it in the table.
    """

    name: str
    images: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()


def read_groups() -> tuple[Group, ...]:
    """The table that comes with the package."""
    rows = json.loads(files("avnet.names").joinpath("groups.json").read_text(encoding="utf-8"))
    lists = ("images", "sounds", "includes")
    return tuple(Group(row["name"], *(tuple(row.get(key, ())) for key in lists)) for row in rows)


GROUPS = read_groups()


@cache
def narrower() -> Bool[np.ndarray, "groups groups"]:
    """Whether group i includes group j, at once or through others."""
    places = {group.name: place for place, group in enumerate(GROUPS)}
    table = np.zeros((len(GROUPS), len(GROUPS)), bool)
    for place, group in enumerate(GROUPS):
        for name in group.includes:
            table[place, places[name]] = True
            # Complete already: narrower groups stand before wider ones.
            table[place] |= table[places[name]]
    return table


@cache
def image_matrix() -> Float32[np.ndarray, "classes groups"]:
    """1 where an image of the class shows the group or a narrower one: probabilities times it are those of groups."""
    own = _matrix(IMAGENET, [group.images for group in GROUPS])
    # A class of two narrower groups counts once.
    return np.minimum(own + own @ narrower().T.astype(np.float32), 1.0)


@cache
def sound_matrix(count: int = len(AUDIOSET.classes)) -> Float32[np.ndarray, "classes groups"]:
    """1 where the class is a sound of the group itself, for a classifier of so many classes.

    What YAMNet leaves out belongs to the groups of the class that it is hard to tell from.
    """
    matrix = _matrix(AUDIOSET, [group.sounds for group in GROUPS])
    others = {name: other for _, name, _, other in LEFT_OUT}
    return matrix[[AUDIOSET.index[others.get(name, name)] for name in vocabulary(count).classes]]


def images_without_sound() -> tuple[str, ...]:
    """ImageNet's classes that are in no group, in order."""
    return _without(IMAGENET, [group.images for group in GROUPS])


def sounds_without_image() -> tuple[str, ...]:
    """AudioSet's classes that are in no group, in order."""
    return _without(AUDIOSET, [group.sounds for group in GROUPS])


def _matrix(vocabulary: Vocabulary, rows: Sequence[Sequence[str]]) -> Float32[np.ndarray, "classes groups"]:
    matrix = np.zeros((len(vocabulary.classes), len(rows)), np.float32)
    for column, names in enumerate(rows):
        matrix[[vocabulary.index[name] for name in names], column] = 1.0
    return matrix


def _without(vocabulary: Vocabulary, rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    members = {name for names in rows for name in names}
    return tuple(name for name in vocabulary.classes if name not in members)

"""The unit strings of a spoken corpus: made once for each kind of units, kept beside it."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avnet.errors import DataError, ModelFolderError
from avnet.files.facts import read_facts
from avnet.files.whole import write_bytes
from avnet.program.progress import progress
from avnet.units.registry import read_any_units
from avnet.units.strings import Strings, UnitString, read_strings
from avnet.units.units import Units
from data.spoken.corpus import SpokenCorpus

BATCH = 16
FORMAT = "avnet-given-1"
FACTS, STRINGS = "given.json", "strings.safetensors"


@dataclass(frozen=True)
class CorpusStrings:
    """The recordings of a corpus as strings.

    Attributes:
        strings: of all recordings.
        count: of different units.
        fingerprint: of what made them.
        units: that made them; None where something else did, and no voice can say them.
    """

    strings: Strings
    count: int
    fingerprint: str
    units: Units | None


def encode_corpus(corpus: SpokenCorpus, folder: Path) -> CorpusStrings:
    """The strings of a corpus in the units of a folder, or those that the folder gives for it.

    Raises:
        ModelFolderError: the folder holds neither, or is damaged.
        DataError: the strings that it gives do not fit the corpus.
    """
    if not (folder / FACTS).is_file():
        units = read_any_units(folder)
        return CorpusStrings(strings_of(corpus, units), units.count, units.fingerprint, units)
    count, files = read_facts(folder, FACTS, FORMAT, "a folder of strings", _parse_facts)
    if files != digest(corpus):
        raise DataError(folder, f"gives the strings of another corpus than {corpus.folder}")
    strings = read_strings(folder / STRINGS)
    if not _fitting(strings, corpus, count):
        raise DataError(folder, "gives strings that do not fit its own listing")
    return CorpusStrings(strings, count, hashlib.sha256(strings.to_bytes()).hexdigest(), None)


def write_strings(folder: Path, corpus: SpokenCorpus, strings: Strings, count: int) -> None:
    """Writes strings that were made otherwise than by units into a folder, for `encode_corpus`."""
    (folder / STRINGS).write_bytes(strings.to_bytes())
    (folder / FACTS).write_text(json.dumps({"format": FORMAT, "count": count, "files": digest(corpus)}) + "\n")


def digest(corpus: SpokenCorpus) -> str:
    """SHA-256 of which recordings a corpus has, how long they are, and what they describe."""
    identity = [corpus.files, corpus.image_of.tolist(), corpus.recordings.lengths.tolist(), corpus.names, corpus.splits]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


def strings_of(corpus: SpokenCorpus, units: Units) -> Strings:
    """The strings of all recordings.

    Args:
        corpus: whose folder keeps them.
        units: in which.
    """
    file = strings_file(corpus, units.fingerprint)
    with contextlib.suppress(ModelFolderError):  # missing or damaged: made anew
        strings = read_strings(file)
        if _fitting(strings, corpus, units.count):
            return strings
    parts = []
    starts = range(0, len(corpus.recordings), BATCH)
    for start in progress(starts, "encoding", len(starts), "batches"):
        numbers = range(start, min(start + BATCH, len(corpus.recordings)))
        parts += units.encode_all([corpus.recordings[number] for number in numbers])
    strings = Strings.of(parts)
    write_bytes(file, strings.to_bytes(), own=True)
    return strings


def _parse_facts(facts: dict[str, Any]) -> tuple[Any, Any]:
    return facts["count"], facts["files"]


def _fitting(strings: Strings, corpus: SpokenCorpus, count: Any) -> bool:
    """Whether there is one for each recording, of units below a count, which may be what a file says."""
    # JSON's true is an int to Python.
    whole = isinstance(count, int) and not isinstance(count, bool)
    return whole and len(strings) == len(corpus.files) and int(strings.units.max(initial=-1)) < count


def expand(strings: Strings, frames_per_step: int) -> Strings:
    """The strings with each unit as often as it lasts, for comparison: without collapsing, descriptions never end."""
    parts = []
    for string in strings:
        times = np.maximum(1, -(-string.durations // frames_per_step))
        starts = (
            string.starts.repeat(times) + np.concatenate([np.arange(n) for n in times] or [times]) * frames_per_step
        )
        parts.append(UnitString(string.units.repeat(times), starts, string.frames))
    return Strings.of(parts)


def strings_file(corpus: SpokenCorpus, fingerprint: str) -> Path:
    """Where the strings of some units lie."""
    return corpus.folder / f"strings-{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}.safetensors"

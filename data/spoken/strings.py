"""The unit strings of a spoken corpus: made once for each kind of units, kept beside it."""

import hashlib
from pathlib import Path

import numpy as np

from avnet.cli.progress import progress
from avnet.speech.grounded import GroundedUnits
from avnet.speech.strings import Strings, read_strings
from avnet.speech.units import Units, UnitString
from avnet.whole import write_bytes
from data.spoken.packed import SpokenCorpus

BATCH = 16


def strings_of(corpus: SpokenCorpus, units: Units | GroundedUnits) -> Strings:
    """The strings of all recordings.

    Args:
        corpus: whose folder keeps them.
        units: in which.
    """
    file = strings_file(corpus, units.fingerprint)
    if file.is_file():
        return read_strings(file)
    found = []
    starts = range(0, len(corpus.recordings), BATCH)
    for start in progress(starts, "encoding", len(starts), "batches"):
        numbers = range(start, min(start + BATCH, len(corpus.recordings)))
        found += units.encode_all([corpus.recordings[number] for number in numbers])
    strings = Strings.of(found)
    write_bytes(file, strings.to_bytes())
    return strings


def uncollapsed(strings: Strings, frames_per_step: int) -> Strings:
    """The strings with each unit as often as it lasts, for comparison: without collapsing, descriptions never end."""
    found = []
    for string in strings:
        times = np.maximum(1, -(-string.durations // frames_per_step))
        starts = (
            string.starts.repeat(times) + np.concatenate([np.arange(n) for n in times] or [times]) * frames_per_step
        )
        found.append(UnitString(string.units.repeat(times), starts, string.frames))
    return Strings.of(found)


def strings_file(corpus: SpokenCorpus, fingerprint: str) -> Path:
    """Where the strings of some units lie."""
    return corpus.folder / f"strings-{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}.safetensors"

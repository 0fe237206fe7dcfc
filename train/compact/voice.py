"""A voice in less space: fewer recordings in 8 bits, or the leaves of trees in 255 steps."""

from pathlib import Path

import numpy as np

from avnet.audio.mfcc import HOP_S
from avnet.events import Listener, nobody
from avnet.files.artifact import read_header
from avnet.files.kinds import CLUSTER_GEN
from avnet.synthesizers.cluster_gen.voice import ClusterVoice
from avnet.synthesizers.selection.folder import Language, write_voice
from avnet.synthesizers.selection.voice import Voice
from avnet.units.strings import Strings
from train.compact.memory import evenly


def spaced(strings: Strings, hours: float) -> np.ndarray:
    """Numbers of recordings, evenly spaced, that last about so many hours together; at least one.

    Coverage of frequent stretches of units was tried in place of even distances (greedily, as in François and Boëffard,
    2001): of 22 hours of captions, two that were chosen so needed 3 % fewer joins at best.

    Example:
        >>> from avnet.units.strings import UnitString
        >>> strings = Strings.of([UnitString(np.arange(2), np.arange(2), 360_000)] * 4)  # an hour each
        >>> spaced(strings, 2).tolist(), spaced(strings, 9).tolist()
        ([0, 2], [0, 1, 2, 3])
    """
    all_hours = float(strings.frames.sum()) * HOP_S / 3600
    return evenly(len(strings), max(1, round(len(strings) * min(1.0, hours / max(all_hours, 1e-9)))))


def write_recordings_of(path: Path, voice: Voice, hours: float, units: Language, on_event: Listener = nobody) -> None:
    """Writes a voice of some hours of another one's recordings, by the mu-law."""
    numbers = spaced(voice.strings, hours)
    write_voice(path, voice.waveforms, voice.strings, numbers, units, "mu-law", on_event)


def write_in_steps(path: Path, source: Path, voice: ClusterVoice, units: Language) -> None:
    """Writes a voice of trees whose leaves have 255 steps for each column."""
    card = read_header(source, CLUSTER_GEN).card()
    ClusterVoice(voice.clusters.in_steps()).save(path, units.fingerprint, card)

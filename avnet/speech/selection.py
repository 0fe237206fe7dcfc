"""Units to speech by selection: the longest runs of a wanted unit string that were ever said, joined smoothly.

Keeps the quality of the recordings and brings their durations and pitch along. A voice is nothing but recordings with
their units; another voice is another corpus.

Reference: Hunt and Black, "Unit Selection in a Concatenative Speech Synthesis System Using a Large Speech Database",
1996, section 2: the best path over target and join costs. The target cost is that of the pieces' number.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from avnet.errors import DataError
from avnet.speech.mfcc import COEFFICIENTS, FRONT, RATE, mfcc
from avnet.speech.units import Units, UnitString

HOP = FRONT.hop_length
# Occurrences of a run that are compared, at most.
CANDIDATES = 30
FADE = RATE // 100
SEARCH = RATE // 200


@dataclass(frozen=True)
class Piece:
    """A stretch of one recording.

    Attributes:
        recording: its number in the voice.
        first: frame at which it begins.
        last: frame after its end.
    """

    recording: int
    first: int
    last: int


class Voice:
    """Recordings from which anything can be said whose units occur in them."""

    def __init__(self, waveforms: Sequence[Float[np.ndarray, " samples"]], units: Units):
        """Finds the units of the recordings.

        Args:
            waveforms: mono in [-1, 1] at 16 kHz.
            units: those in which the voice will be addressed.

        Raises:
            DataError: no recording has a unit.
        """
        self.waveforms = [np.asarray(waveform, np.float32) for waveform in waveforms]
        self.strings: list[UnitString] = [units.encode(waveform) for waveform in self.waveforms]
        self._features = [mfcc(waveform)[:, :COEFFICIENTS] for waveform in self.waveforms]
        # All strings in one row, with -1 between; where each of its units comes from.
        self._row = np.concatenate([[-1], *(np.append(string.units, -1) for string in self.strings)]).astype(np.int64)
        sizes = [len(string.units) + 1 for string in self.strings]
        self._recording = np.repeat(np.arange(-1, len(sizes)), [1, *sizes])
        self._number = np.concatenate([[0], *(np.arange(size) for size in sizes)])
        if not (self._row >= 0).any():
            raise DataError("voice", "has no recording with speech of 25 ms or more")
        order = np.argsort(self._row, kind="stable")
        self._where = dict(zip(*_groups(self._row[order], order), strict=True))

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """Says a unit string.

        Args:
            units: no two neighbours equal; units that the voice never says are passed over.

        Returns:
            Mono in [-1, 1] at 16 kHz; empty where it can say none.
        """
        return self.join(self.select(units))

    def select(self, units: Int[np.ndarray, " n"]) -> list[Piece]:
        """The fewest pieces that say a unit string, and among them those that join best."""
        runs = self._runs(np.asarray(units, np.int64))
        if not runs:
            return []
        cost, back = np.zeros(len(runs[0])), []
        for before, after in itertools.pairwise(runs):
            total = cost[:, None] + np.array([[self._join_cost(a, b) for b in after] for a in before])
            back.append(total.argmin(axis=0))
            cost = total.min(axis=0)
        chosen = int(cost.argmin())
        path = [runs[-1][chosen]]
        for run, pointers in zip(reversed(runs[:-1]), reversed(back), strict=True):
            chosen = int(pointers[chosen])
            path.append(run[chosen])
        return path[::-1]

    def _runs(self, units: np.ndarray) -> list[list[Piece]]:
        """Cuts the string greedily into the longest runs, which gives the fewest; each with its occurrences."""
        runs, at = [], 0
        while at < len(units):
            places, length = self._where.get(int(units[at]), np.zeros(0, np.int64)), 1
            if not len(places):
                at += 1
                continue
            while at + length < len(units):
                longer = places[self._row[places + length] == units[at + length]]
                if not len(longer):
                    break
                places, length = longer, length + 1
            runs.append([self._piece(place, length) for place in places[:CANDIDATES].tolist()])
            at += length
        return runs

    def _piece(self, place: int, length: int) -> Piece:
        recording, number = int(self._recording[place]), int(self._number[place])
        string = self.strings[recording]
        ends = np.append(string.starts, string.frames)
        return Piece(recording, int(ends[number]), int(ends[number + length]))

    def _join_cost(self, before: Piece, after: Piece) -> float:
        """How much the sound jumps: what followed the one piece against the other, and what came before that."""
        if before.recording == after.recording and before.last == after.first:
            return 0.0
        ours, theirs = self._features[before.recording], self._features[after.recording]
        followed = ours[min(before.last, len(ours) - 1)] - theirs[after.first]
        preceded = ours[before.last - 1] - theirs[max(after.first - 1, 0)]
        return float(np.square(followed).sum() + np.square(preceded).sum())

    def join(self, pieces: Sequence[Piece]) -> Float[np.ndarray, " samples"]:
        """One piece after the other, each begun where it fits best within 5 ms, over a cross-fade of 10 ms."""
        said = np.zeros(0, np.float32)
        for piece in pieces:
            waveform = self.waveforms[piece.recording]
            first, last = piece.first * HOP, min(piece.last * HOP, len(waveform))
            if len(said) >= FADE and last - first > FADE:
                first = _best_start(said[-FADE:], waveform, first, last)
                up = np.linspace(0.0, 1.0, FADE, dtype=np.float32)
                faded = said[-FADE:] * (1 - up) + waveform[first : first + FADE] * up
                said = np.concatenate([said[:-FADE], faded, waveform[first + FADE : last]])
            else:
                said = np.concatenate([said, waveform[first:last]])
        return said


def _groups(values: np.ndarray, members: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
    """Sorted values with the members of each."""
    distinct, starts = np.unique(values, return_index=True)
    return distinct.tolist(), np.split(members, starts[1:])


def _best_start(tail: np.ndarray, waveform: np.ndarray, first: int, last: int) -> int:
    """The sample within 5 ms of `first` from which a waveform is most like what it follows (normalised correlation)."""
    starts = range(max(0, first - SEARCH), min(first + SEARCH, last - FADE, len(waveform) - FADE) + 1)
    windows = np.stack([waveform[start : start + FADE] for start in starts])
    likeness = windows @ tail / (np.linalg.norm(windows, axis=1) * np.linalg.norm(tail) + 1e-6)
    return starts[int(likeness.argmax())]

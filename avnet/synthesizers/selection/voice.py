"""Units to speech by selection: the wanted units as they were said in the recordings of a corpus, joined smoothly.

Keeps the quality of the recordings and brings their durations and pitch along. A voice is nothing but recordings with
their units; another voice is another corpus.

Reference: Hunt and Black, "Unit Selection in a Concatenative Speech Synthesis System Using a Large Speech Database",
1996, section 2: the best path over target costs (how a unit's neighbours differ from the wanted ones) and join costs.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from avnet.audio.mfcc import FRONT
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import DataError, ModelFolderError
from avnet.events import Listener, nobody
from avnet.synthesizers.mel.acoustics import lateness
from avnet.synthesizers.selection.folder import Language, parts_of, read_parts, summary
from avnet.synthesizers.selection.join_features import JoinFeatures
from avnet.units.strings import Strings

HOP = FRONT.hop_length
# Occurrences of a unit that are followed: those that lie within the longest stretches of what is wanted.
CANDIDATES = 40
# Costs in mean squared difference of a scaled cepstral coefficient: of any join, and of a wrong neighbour.
JOIN, NEIGHBOUR, NEXT_BUT_ONE = 8.0, 8.0, 2.0
FADE = SPEECH_RATE // 50
# Frames by which a join is moved at most.
SLIDE = 3
SEARCH = SPEECH_RATE // 200
# Units that are chosen together while more are coming, and those after them that are known by then.
CHUNK, AHEAD = 12, 6


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


class _Column(NamedTuple):
    """The occurrences of one wanted unit.

    Attributes:
        places: int64 [n], in the row of all strings.
        target: float [n], costs of their neighbours.
        begins: float [n, features], cepstra and pitch before and at the beginning.
        ends: float [n, features], those at and after the end, in the same order.
    """

    places: np.ndarray
    target: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


class Voice:
    """Recordings from which anything can be said whose units occur in them."""

    def __init__(
        self,
        waveforms: Sequence[Float[np.ndarray, "_"]],
        strings: Strings,
        cepstra: np.ndarray,
        hertz: np.ndarray,
        frames_per_step: int = 1,
    ):
        """Indexes the units of the recordings.

        Args:
            waveforms: mono in [-1, 1] at 16 kHz; only those are asked for that are spoken from.
            strings: of these recordings, in the units in which the voice will be addressed.
            cepstra: float [frames, 13], of all recordings one after the other, as `static_cepstra` gives them.
            hertz: float [frames], pitch of the same frames, 0 where there is none.
            frames_per_step: frames of 10 ms for which one unit was chosen.

        Raises:
            DataError: no recording has a unit.
        """
        self.waveforms, self.strings = waveforms, strings
        self._features = JoinFeatures(cepstra, hertz)
        self._late = lateness(frames_per_step)
        # The frames of cepstra on either side of that place.
        self._shift = round((self._late - lateness()) / HOP)
        if not len(strings.units):
            raise DataError("voice", "has no recording with speech of 25 ms or more")
        if len(self._features) != int(strings.frames.sum()):
            raise DataError("voice", f"has {len(cepstra)} frames of cepstra for {int(strings.frames.sum())} of units")
        sizes = strings.lengths
        # All strings in one row, with -1 around each, which agrees with nothing that is wanted.
        self._recording = np.repeat(np.arange(len(sizes)), sizes)
        self._place = np.arange(len(strings.units)) + self._recording + 1
        self._row = np.full(len(strings.units) + len(sizes) + 1, -1, np.int32)
        self._row[self._place] = strings.units
        self._order = np.argsort(strings.units, kind="stable")
        self._begin = np.searchsorted(strings.units[self._order], np.arange(strings.units.max() + 2))
        # The nearest neighbours of all occurrences in that order, so that they are compared without jumping about.
        self._near = {step: self._row[self._place[self._order] + step] for step in (-1, 1)}

    @classmethod
    def load(cls, path: str | Path, units: str | None = None) -> "Voice":
        """Opens a folder; the samples are read when they are spoken.

        Args:
            path: the folder.
            units: fingerprint of those in which it will be addressed; None takes any.

        Raises:
            ModelFolderError: as `read_parts`, or no recording has a unit.
        """
        parts = read_parts(path, units)
        try:
            return cls(*parts)
        except DataError as error:
            raise ModelFolderError(path, error.reason) from None

    @classmethod
    def of(
        cls, waveforms: Sequence[np.ndarray], strings: Strings, units: Language, on_event: Listener = nobody
    ) -> "Voice":
        """A voice in memory.

        Args:
            waveforms: mono in [-1, 1] at 16 kHz.
            strings: of all of them.
            units: of the strings.
            on_event: is told of progress.

        Raises:
            DataError: no recording has a unit.
        """
        return cls(*parts_of(waveforms, strings, units, on_event))

    summary = staticmethod(summary)

    def speak(self, units: Int[np.ndarray, " n"]) -> Float[np.ndarray, " samples"]:
        """Says a unit string.

        Args:
            units: units that the voice never says are passed over.

        Returns:
            Mono in [-1, 1] at 16 kHz; empty where it can say none.
        """
        return self.join(self.select(units))

    def select(self, units: Int[np.ndarray, " n"]) -> list[Piece]:
        """The pieces that say a unit string with the least cost."""
        target_units = np.asarray(units, np.int64)
        return self._pieces(self._best(target_units[np.isin(target_units, self._vocabulary)], 0, None))

    def stream(self, units: Iterable[int]) -> Iterator[Float[np.ndarray, " samples"]]:
        """Says a string while it is still being made, a dozen units at a time.

        Args:
            units: one after the other.
        """
        vocabulary = set(self._vocabulary.tolist())
        target_units: list[int] = []
        speech, count, last = np.zeros(0, np.float32), 0, None
        coming = (int(unit) for unit in units if int(unit) in vocabulary)
        for unit in itertools.chain(coming, [None]):
            if unit is not None:
                target_units.append(unit)
                if len(target_units) < count + CHUNK + AHEAD:
                    continue
            path = self._best(np.array(target_units, np.int64), count, last)
            path = path[: CHUNK if unit is not None else None]
            for piece in self._couple(self._pieces(path)):
                speech = self._append(speech, piece)
            if len(path):
                count, last = count + len(path), int(path[-1])
            # The end may still be faded into what follows.
            keep = max(0, len(speech) - FADE) if unit is not None else len(speech)
            yield speech[:keep]
            speech = speech[keep:]

    @cached_property
    def _vocabulary(self) -> np.ndarray:
        return np.unique(self.strings.units)

    @cached_property
    def _frame(self) -> np.ndarray:
        """Number of each recording's first frame among those of all."""
        return np.cumsum(self.strings.frames, dtype=np.int64) - self.strings.frames

    def _best(self, target_units: np.ndarray, first: int, before: int | None) -> np.ndarray:
        """Numbers of the occurrences that say `target_units[first:]` with the least cost (Viterbi).

        Args:
            target_units: all of them known.
            first: number of the first to be said.
            before: the occurrence that says the unit before it.
        """
        columns = [self._column(target_units, at) for at in range(first, len(target_units))]
        if not columns:
            return np.zeros(0, np.int64)
        cost, back = columns[0].target.copy(), []
        if before is not None:
            cost += self._joins(self._edges(np.array([before]), np.zeros(1)), columns[0])[0]
        for one, other in itertools.pairwise(columns):
            total = cost[:, None] + self._joins(one, other)
            back.append(total.argmin(axis=0))
            cost = total.min(axis=0) + other.target
        path = [int(cost.argmin())]
        for pointers in reversed(back):
            path.append(int(pointers[path[-1]]))
        return np.array([column.places[i] for column, i in zip(columns, reversed(path), strict=True)])

    def _column(self, target_units: np.ndarray, at: int) -> _Column:
        """The occurrences of a unit whose neighbours agree farthest with the wanted ones."""
        part = slice(self._begin[target_units[at]], self._begin[target_units[at] + 1])
        left, right = (self._agreeing(part, target_units, at, step) for step in (-1, 1))
        best = np.argsort(-(left + right), kind="stable")[:CANDIDATES]
        occurrences, left, right = self._order[part][best], left[best], right[best]
        has_left, has_right = min(at, 2), min(len(target_units) - 1 - at, 2)
        wrong = (left < min(1, has_left)) * NEIGHBOUR + (right < min(1, has_right)) * NEIGHBOUR
        wrong = wrong + (left < has_left) * NEXT_BUT_ONE + (right < has_right) * NEXT_BUT_ONE
        return self._edges(occurrences, wrong)

    def _agreeing(self, part: slice, target_units: np.ndarray, at: int, step: int) -> Int[np.ndarray, " n"]:
        """How many neighbours of each occurrence on one side (-1 or 1) are the wanted ones, until one is not.

        Args:
            part: of `_order`, the occurrences.
            target_units: those that are wanted.
            at: number of the unit that occurs.
            step: to the next neighbour.
        """
        places = self._place[self._order[part]]
        counts = np.zeros(len(places), np.int32)
        agreeing = np.arange(len(places))
        for distance in range(1, len(target_units)):
            neighbour = at + step * distance
            if not 0 <= neighbour < len(target_units) or not len(agreeing):
                break
            # Few agree with the next neighbour, and fewer with those after it: only these are looked up.
            row = self._near[step][part] if distance == 1 else self._row[places[agreeing] + step * distance]
            agreeing = agreeing[row == target_units[neighbour]]
            counts[agreeing] += 1
        return counts

    def _edges(self, occurrences: np.ndarray, target: np.ndarray) -> _Column:
        recording = self._recording[occurrences]
        begin, end = self.strings.starts[occurrences] + self._shift, self._ends(occurrences) + self._shift
        last = self.strings.frames[recording] - 1
        frames = np.clip(np.stack([begin - 1, begin, end - 1, end]), 0, last) + self._frame[recording]
        rows = self._features.of(frames)
        return _Column(
            occurrences,
            target,
            np.concatenate([rows[0], rows[1]], axis=1),
            np.concatenate([rows[2], rows[3]], axis=1),
        )

    def _ends(self, occurrences: np.ndarray) -> np.ndarray:
        """The frame after each occurrence."""
        last = occurrences + 1 == self.strings.ends[self._recording[occurrences]]
        following = self.strings.starts[np.minimum(occurrences + 1, len(self.strings.starts) - 1)]
        return np.where(last, self.strings.frames[self._recording[occurrences]], following)

    def _joins(self, one: _Column, other: _Column) -> Float[np.ndarray, "n m"]:
        """What it costs to say one occurrence after the other; nothing where it was said so."""
        jump = np.square(one.ends).sum(axis=1)[:, None] - 2 * one.ends @ other.begins.T
        costs = JOIN + jump + np.square(other.begins).sum(axis=1)
        follows = other.places[None] == one.places[:, None] + 1
        same = self._recording[other.places][None] == self._recording[one.places][:, None]
        return np.where(follows & same, 0.0, costs)

    def _pieces(self, occurrences: np.ndarray) -> list[Piece]:
        """Occurrences that follow each other in one recording, as one piece."""
        pieces: list[Piece] = []
        for recording, first, last in zip(
            self._recording[occurrences].tolist(),
            self.strings.starts[occurrences].tolist(),
            self._ends(occurrences).tolist(),
            strict=True,
        ):
            if pieces and pieces[-1].recording == recording and pieces[-1].last == first:
                pieces[-1] = Piece(recording, pieces[-1].first, last)
            else:
                pieces.append(Piece(recording, first, last))
        return pieces

    def join(self, pieces: Sequence[Piece]) -> Float[np.ndarray, " samples"]:
        """One piece after the other, each begun where it fits best within 5 ms, over a cross-fade of 20 ms.

        Where a piece ends and the next begins, both are moved by as many frames to where they are most alike.
        """
        speech = np.zeros(0, np.float32)
        for piece in self._couple(pieces):
            speech = self._append(speech, piece)
        return speech

    def _couple(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Pieces whose joins are moved to where both sides are most alike and change least.

        Units begin where the sound changes fastest, which is the worst place for a join; at most half of the unit on
        either side of it is given to the other recording. What is said takes as long as before.

        Reference: Conkie and Isard, "Optimal Coupling of Diphones", 1996.
        """
        moves = np.arange(-SLIDE, SLIDE + 1)
        result = list(pieces)
        for number, (one, other) in enumerate(itertools.pairwise(pieces)):
            before, after = self.strings[one.recording], self.strings[other.recording]
            last_unit = max(one.first, int(before.starts[before.starts < one.last][-1]))
            unit_end = min([other.last, *after.starts[after.starts > other.first][:1].tolist()])
            back = min((one.last - last_unit - 1) // 2, other.first)
            ahead = min((unit_end - other.first - 1) // 2, before.frames - one.last)
            costs = coupling(self._around(one.recording, one.last), self._around(other.recording, other.first))
            allowed = moves[(moves >= -back) & (moves <= ahead)]
            # Of equals the nearest to where it was.
            move = min(allowed.tolist(), key=lambda by: (costs[by + SLIDE], abs(by)))
            result[number] = Piece(one.recording, result[number].first, one.last + move)
            result[number + 1] = Piece(other.recording, other.first + move, other.last)
        return result

    def _around(self, recording: int, frame: int) -> Float[np.ndarray, "frames 13"]:
        """Scaled cepstra of the frames on either side of a join before `frame`, wherever it may be moved."""
        frames = np.arange(frame - SLIDE - 1, frame + SLIDE + 1) + self._shift
        return self._features.cepstra(np.clip(frames, 0, self.strings.frames[recording] - 1) + self._frame[recording])

    def _append(self, speech: np.ndarray, piece: Piece) -> np.ndarray:
        waveform = self.waveforms[piece.recording]
        frames = int(self.strings.frames[piece.recording])
        # Half of the fade lies on either side of a join, so that nothing grows shorter.
        first = max(0, piece.first * HOP + self._late - FADE // 2) if piece.first else 0
        last = piece.last * HOP + self._late + FADE // 2 if piece.last < frames else len(waveform)
        if len(speech) < FADE or last - first <= FADE:
            return np.concatenate([speech, waveform[first:last]])
        first = _best_start(speech[-FADE:], waveform, first, last)
        up = np.linspace(0.0, 1.0, FADE, dtype=np.float32)
        overlap = speech[-FADE:] * (1 - up) + waveform[first : first + FADE] * up
        return np.concatenate([speech[:-FADE], overlap, waveform[first + FADE : last]])


def coupling(
    one: Float[np.ndarray, "frames n"], other: Float[np.ndarray, "frames n"]
) -> Float[np.ndarray, " frames-1"]:
    """What it costs to go over from one recording to another between each two frames.

    Args:
        one: scaled cepstra.
        other: those of the frames that would follow instead.

    Returns:
        Mean squared difference of both recordings before and after the join, and what either changes there.
    """
    apart = np.square(one - other).mean(axis=1)
    changes = sum(np.square(np.diff(rows, axis=0)).mean(axis=1) for rows in (one, other))
    return apart[:-1] + apart[1:] + changes


def _best_start(tail: np.ndarray, waveform: np.ndarray, first: int, last: int) -> int:
    """The sample within 5 ms of `first` from which a waveform is most like what it follows (normalised correlation)."""
    starts = range(max(0, first - SEARCH), min(first + SEARCH, last - FADE, len(waveform) - FADE) + 1)
    windows = np.stack([waveform[start : start + FADE] for start in starts])
    likeness = windows @ tail / (np.linalg.norm(windows, axis=1) * np.linalg.norm(tail) + 1e-6)
    return starts[int(likeness.argmax())]

"""Speech as a string of known pieces: the likeliest way to hear a recording as what is often said.

Units alone vary with every repetition of a word; whoever learns to describe images would have to learn that chance
too. Here each recording is heard as the pieces of a lexicon, each with a price that is low where it is common: small
differences give way to the common form, large ones do not.

Reference: Lee, O'Donnell and Glass, "Unsupervised Lexicon Discovery from Acoustic Input", 2015, section 3, where a
    noisy channel varies what a lexicon holds; the search is that of connected words, Ney, "The Use of a One-Stage
    Dynamic Programming Algorithm for Connected Word Recognition", 1984.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from safetensors.numpy import save as save_safetensors

from avnet.audio.mfcc import mfcc
from avnet.errors import ConfigError
from avnet.files.artifact import WEIGHTS, Header, fingerprint_of, new_artifact, read_header
from avnet.files.kinds import LEXICON
from avnet.units.kmeans import KMeansUnits, squared_distances
from avnet.units.pieces import Pieces
from avnet.units.strings import UnitString


class Spelling(NamedTuple):
    """A recording as pieces.

    Attributes:
        pieces: int64 [m].
        string: their units, with where each begins.
    """

    pieces: np.ndarray
    string: UnitString


@dataclass(frozen=True)
class LexicalUnits:
    """How frames of speech become units that spell pieces of a lexicon.

    Attributes:
        acoustic: the units, and what a change of unit costs.
        pieces: that there are; every unit is one too.
        prices: float32 [pieces], what each costs, in squared distance.
    """

    acoustic: KMeansUnits
    pieces: Pieces
    prices: np.ndarray

    def __post_init__(self):
        single = self.pieces.first[self.pieces.lengths == 1]
        if len(set(single.tolist())) != self.count or int(max(run.max() for run in self.pieces.runs)) >= self.count:
            raise ConfigError("lexicon", f"must have each of the {self.count} units as a piece, and no other unit")
        if self.prices.shape != (len(self.pieces),) or not np.isfinite(self.prices).all() or (self.prices < 0).any():
            raise ConfigError("lexicon", f"must have {len(self.pieces)} prices of at least 0")
        if any((run[1:] == run[:-1]).any() for run in self.pieces.runs):
            raise ConfigError("lexicon", "must have no piece in which a unit follows itself")

    @property
    def frames_per_step(self) -> int:
        """Frames of 10 ms for which one unit is chosen."""
        return self.acoustic.frames_per_step

    @property
    def count(self) -> int:
        """Units that there are."""
        return self.acoustic.count

    @property
    def lexicon(self) -> "LexicalUnits":
        """Its pieces with their prices."""
        return self

    @property
    def fingerprint(self) -> str:
        """That of its folder: of all that decides the units of a recording."""
        sums = {WEIGHTS: hashlib.sha256(save_safetensors(self._arrays)).hexdigest()}
        return fingerprint_of(LEXICON, {"penalty": float(self.acoustic.penalty)}, {}, sums)

    @property
    def _arrays(self) -> dict[str, np.ndarray]:
        return {**self.acoustic.arrays, **self.pieces.arrays, "prices": self.prices.astype(np.float32)}

    def save(self, path: str | Path, card: str = "") -> str:
        """Writes a folder: as `KMeansUnits.save`."""
        with new_artifact(path, LEXICON, card) as draft:
            draft.config = {"penalty": float(self.acoustic.penalty)}
            (draft.folder / WEIGHTS).write_bytes(save_safetensors(self._arrays))
            draft.facts = {"units": self.count, "pieces": len(self.pieces)}
        return draft.fingerprint

    @classmethod
    def load(cls, path: str | Path) -> "LexicalUnits":
        """Opens a folder that `save` wrote.

        Raises:
            ModelFolderError: it is not a lexicon, of an earlier or newer avnet, or damaged.
        """
        header = read_header(path, LEXICON)
        arrays = header.arrays()
        with header.parsing():
            acoustic = KMeansUnits.of(arrays, header.config["penalty"])
            return cls(acoustic, Pieces.of(arrays), arrays["prices"].astype(np.float32))

    @staticmethod
    def summary(header: Header) -> dict[str, str]:
        """What a user would ask of a lexicon."""
        with header.parsing():
            facts = header.facts
            return {
                "units": f"{facts['units']:,}",
                "pieces": f"{facts['pieces']:,}",
                "penalty": f"{header.config['penalty']:g}",
            }

    def encode(self, waveform: Float[np.ndarray, " samples"]) -> UnitString:
        """The units of a recording: as `Units.encode`."""
        return self.spell(waveform).string

    def encode_all(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> list[UnitString]:
        """The units of recordings."""
        return [self.encode(waveform) for waveform in waveforms]

    def spell(self, waveform: Float[np.ndarray, " samples"]) -> Spelling:
        """A recording as the pieces of least cost: distances, changes of unit and prices together.

        Args:
            waveform: mono in [-1, 1] at 16 kHz; less than 25 ms gives none.
        """
        features = (mfcc(waveform) - self.acoustic.mean) / self.acoustic.spread
        return self.cheapest(squared_distances(features, self.acoustic.centroids).astype(np.float32))

    def cheapest(self, costs: Float[np.ndarray, "frames units"]) -> Spelling:
        """The pieces of least total cost; no unit follows itself where two meet.

        Args:
            costs: of each unit at each frame.
        """
        empty = np.zeros(0, np.int64)
        if not len(costs):
            return Spelling(empty, UnitString(empty, empty, 0))
        entries, end_costs = self._forward(costs)
        return self._backward(entries, end_costs)

    def _forward(self, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each place was entered, bool [frames, places]; what ending costs, [frames, pieces], by `order`."""
        places, penalty = self._places, np.float32(self.acoustic.penalty)
        total = np.full(len(places.units), np.inf, np.float32)
        arriving, place_costs = np.empty_like(total), np.empty_like(total)
        entries = np.zeros((len(costs), len(total)), bool)
        end_costs = np.empty((len(costs), len(places.ends)), np.float32)
        # To begin a piece is to change the unit, too.
        prices = self.prices + penalty
        # A piece may not begin with the unit in which the one before ends. So the cheapest end is kept, and the
        # cheapest in any other unit.
        best, last, other = np.float32(0), -1, np.float32(0)  # before the first piece
        for frame, cost in enumerate(costs):
            np.add(total[:-1], penalty, out=arriving[1:])
            arriving[places.starts] = np.where(self.pieces.first == last, other, best) + prices
            # Strictly less: at equal cost what is being said goes on.
            np.less(arriving, total, out=entries[frame])
            np.minimum(arriving, total, out=total)
            np.take(cost, places.units, out=place_costs)
            total += place_costs
            np.take(total, places.ends, out=end_costs[frame])
            # No group is empty, which `reduceat` could not express: every unit is a piece of its own.
            by_last = np.minimum.reduceat(end_costs[frame], places.groups)
            last = int(by_last.argmin())
            best, by_last[last] = by_last[last], np.inf
            other = by_last.min()
        return entries, end_costs

    def _backward(self, entries: np.ndarray, end_costs: np.ndarray) -> Spelling:
        places, first, last = self._places, self.pieces.first, self.pieces.last[self._places.order]
        starting = np.zeros(len(places.units), bool)
        starting[places.starts] = True
        pieces, units, starts = [], [], []
        piece = int(places.order[end_costs[-1].argmin()])
        place = int(places.starts[piece] + self.pieces.lengths[piece] - 1)
        for frame in reversed(range(len(entries))):
            if not entries[frame, place]:
                continue
            units.append(int(places.units[place]))
            starts.append(frame)
            if not starting[place]:
                place -= 1
                continue
            pieces.append(piece)
            if frame:
                candidates = np.where(last == first[piece], np.inf, end_costs[frame - 1])
                piece = int(places.order[candidates.argmin()])
                place = int(places.starts[piece] + self.pieces.lengths[piece] - 1)
        string = UnitString(np.array(units[::-1], np.int64), np.array(starts[::-1], np.int64), len(entries))
        return Spelling(np.array(pieces[::-1], np.int64), string)

    @cached_property
    def _places(self) -> "_Places":
        starts = np.cumsum(self.pieces.lengths) - self.pieces.lengths
        order = np.argsort(self.pieces.last, kind="stable")
        groups = np.searchsorted(self.pieces.last[order], np.arange(self.count))
        ends = (starts + self.pieces.lengths - 1)[order]
        return _Places(np.concatenate(self.pieces.runs), starts, order, ends, groups)


class _Places(NamedTuple):
    """All places of all pieces in one row.

    Attributes:
        units: int64 [places], the unit of each.
        starts: int64 [pieces], the first place of each piece.
        order: int64 [pieces], pieces by their last unit.
        ends: int64 [pieces], their last places, in that order.
        groups: int64 [units], where in that order the pieces begin that end in each unit.
    """

    units: np.ndarray
    starts: np.ndarray
    order: np.ndarray
    ends: np.ndarray
    groups: np.ndarray

"""Learning a lexicon: which pieces recordings are heard as, and what each costs."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from avnet.audio.mfcc import mfcc
from avnet.program.progress import progress
from avnet.units.kmeans import KMeansUnits, squared_distances
from avnet.units.lexicon import LexicalUnits
from avnet.units.pieces import Pieces
from avnet.units.strings import Strings
from train.units.pieces import encode_pieces, learn_pieces


def learn_lexicon(
    waveforms: Sequence[Float[np.ndarray, "_"]], units: KMeansUnits, pieces: int, weight: float
) -> LexicalUnits:
    """Pieces of the strings of recordings, priced by how often they are heard.

    They are learned twice, from the strings of the units and then from what was heard with the first ones: what is
    common has one form by then, and longer pieces of it are found.

    Args:
        waveforms: mono in [-1, 1] at 16 kHz.
        units: in which they are heard.
        pieces: in all, at most.
        weight: price of a nat of surprise, in squared distance: more hears rare forms as common ones.

    Raises:
        TrainingError: there are fewer pieces than units, or too little speech.
    """
    features = [(mfcc(waveform) - units.mean) / units.spread for waveform in waveforms]
    strings = Strings.of(units.encode(waveform) for waveform in waveforms)
    for last in (False, True):
        lexicon = price_pieces(units, *_merge_units(strings, units.count, pieces), weight)
        # New prices change what is heard; the last lexicon is priced by strings of its own.
        for _ in range(1 + last):
            paths = [
                lexicon.cheapest(squared_distances(part, units.centroids).astype(np.float32))
                for part in progress(features, "hearing pieces", len(features), "recordings")
            ]
            strings = Strings.of(one.string for one in paths)
            counts = count_pieces([one.pieces for one in paths], len(lexicon.pieces))
            lexicon = price_pieces(units, lexicon.pieces, counts, weight)
    return lexicon


def _merge_units(strings: Strings, units: int, pieces: int) -> tuple[Pieces, np.ndarray]:
    """The pieces of strings, and how often each occurs in them."""
    table = learn_pieces([string.units for string in strings], units, pieces)
    return table, count_pieces(encode_pieces(strings, table), len(table))


def count_pieces(rows: Sequence[Int[np.ndarray, "_"]], pieces: int) -> Int[np.ndarray, " pieces"]:
    """How often each piece occurs."""
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *rows]), minlength=pieces)


def price_pieces(units: KMeansUnits, pieces: Pieces, counts: Int[np.ndarray, " pieces"], weight: float) -> LexicalUnits:
    """The lexicon of the pieces that occur, and of all single units; each costs what its share surprises.

    Args:
        units: of which the pieces are.
        pieces: that there are.
        counts: how often each was heard.
        weight: price of a nat.
    """
    frequent = np.flatnonzero((counts > 0) | (pieces.lengths == 1))
    # Half a count more: a unit that was never heard alone has a price too.
    shares = (counts[frequent] + 0.5) / (counts[frequent] + 0.5).sum()
    return LexicalUnits(
        units, Pieces([pieces.runs[i] for i in frequent]), (-weight * np.log(shares)).astype(np.float32)
    )

"""Learning the pieces of unit strings: byte-pair encoding over units in place of letters."""

import io
from collections.abc import Sequence

import numpy as np
import sentencepiece
from jaxtyping import Float

from avnet.errors import TrainingError
from avnet.units.pieces import Pieces
from avnet.units.strings import Strings

# Units become characters of this plane: no white space, no control, no combining character among them.
FIRST = 0x20000


def learn_pieces(strings: Sequence[np.ndarray], units: int, pieces: int) -> Pieces:
    """The runs of units that make the strings shortest, merged pair by pair.

    Args:
        strings: units of recordings to learn from.
        units: that there are; each is a piece itself.
        pieces: in all, at most; 0 for the units alone.

    Raises:
        TrainingError: there are fewer pieces than units, or too little speech.
    """
    single = [[unit] for unit in range(units)]
    if pieces in (0, units):
        return Pieces(single)
    if pieces < units:
        raise TrainingError("--pieces", f"must be 0 or at least the number of units, {units}, got {pieces}")
    runs = _merge_pairs([string for string in strings if len(string)], pieces)
    return Pieces(single + [run for run in runs if len(run) > 1][: pieces - units])


def _merge_pairs(strings: Sequence[np.ndarray], pieces: int) -> list[list[int]]:
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(_letters(string) for string in strings),
            model_writer=model,
            model_type="bpe",
            vocab_size=pieces,
            hard_vocab_limit=False,
            character_coverage=1.0,
            # Characters stand for units: nothing that is meant for text may change or split them.
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            split_by_whitespace=False,
            split_by_unicode_script=False,
            max_sentence_length=1 << 20,
            max_sentencepiece_length=32,
            bos_id=-1,
            eos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise TrainingError("--pieces", f"cannot be learned from so little speech ({error})") from None
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    names = [processor.IdToPiece(i) for i in range(processor.GetPieceSize()) if not processor.IsUnknown(i)]
    return [[ord(letter) - FIRST for letter in name] for name in names]


def _letters(string: np.ndarray) -> str:
    return "".join(chr(FIRST + int(unit)) for unit in string)


def encode_pieces(
    strings: Strings, pieces: Pieces, prices: Float[np.ndarray, " pieces"] | None = None
) -> list[np.ndarray]:
    """Each string in the pieces of least total price, int32; of equal ones, the longest first.

    Args:
        strings: to be spelled.
        pieces: that there are.
        prices: of each; by default the fewest are taken.

    Raises:
        TrainingError: a unit is not among the pieces.
    """
    prices = np.ones(len(pieces)) if prices is None else prices
    table = {
        tuple(run.tolist()): (price, i) for i, (run, price) in enumerate(zip(pieces.runs, prices.tolist(), strict=True))
    }
    longest = int(pieces.lengths.max())
    return [_cheapest(string.units.tolist(), table, longest) for string in strings]


def _cheapest(units: list[int], table: dict[tuple[int, ...], tuple[float, int]], longest: int) -> np.ndarray:
    """Dynamic programming from the end: the least price from each place on."""
    total, choice = [0.0] * (len(units) + 1), [(0, 0)] * len(units)
    for at in reversed(range(len(units))):
        options = [
            (piece[0] + total[at + length], -length, piece[1])
            for length in range(1, min(longest, len(units) - at) + 1)
            if (piece := table.get(tuple(units[at : at + length])))
        ]
        if not options:
            raise TrainingError("units", f"unit {units[at]} is not among the pieces")
        total[at], length, piece = min(options)
        choice[at] = (-length, piece)
    path, at = [], 0
    while at < len(units):
        path.append(choice[at][1])
        at += choice[at][0]
    return np.array(path, np.int32)

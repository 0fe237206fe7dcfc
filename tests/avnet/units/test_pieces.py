from pathlib import Path

import numpy as np
import pytest

from avnet.audio.recordings import Recordings
from avnet.errors import TrainingError
from avnet.units.pieces import Pieces
from avnet.units.strings import Strings, UnitString
from data.spoken.corpus import SpokenCorpus
from data.spoken.strings import expand
from train.captioner.retrieval import confidence_of, retrieve
from train.units.pieces import encode_pieces, learn_pieces


def pack(*rows: list[int]) -> Strings:
    return Strings.of(UnitString(np.array(row, np.int64), np.arange(len(row)), len(row)) for row in rows)


def random_rows(seed: int, count: int = 30) -> list[list[int]]:
    """Strings of ten units in which the run 3 1 4 occurs again and again."""
    rng = np.random.default_rng(seed)
    return [np.concatenate([rng.integers(0, 10, 3), [3, 1, 4], rng.integers(0, 10, 2)]).tolist() for _ in range(count)]


def corpus_of(image_of: list[int], splits: list[str]) -> SpokenCorpus:
    numbers = np.array(image_of)
    names = tuple(f"{i}.jpg" for i in range(len(splits)))
    empty = ("",) * len(numbers)
    recordings = Recordings.of([np.zeros(1, np.float32)] * len(numbers))
    return SpokenCorpus(Path("corpus"), names, tuple(splits), numbers, empty, empty, recordings)


def test_a_run_that_is_always_repeated_becomes_a_piece():
    strings = [np.array(row) for row in random_rows(0)]
    pieces = learn_pieces(strings, 10, 14)
    runs = [run.tolist() for run in pieces.runs]
    assert runs[:10] == [[unit] for unit in range(10)] and [3, 1, 4] in runs and len(runs) <= 14
    assert [run.tolist() for run in learn_pieces(strings, 10, 14).runs] == runs


def test_without_pieces_there_are_the_units_alone():
    for count in (0, 10):
        assert [run.tolist() for run in learn_pieces([np.array([3, 1])], 10, count).runs] == [[u] for u in range(10)]


def test_what_cannot_be_learned_is_refused_in_one_line():
    with pytest.raises(TrainingError, match="must be 0 or at least the number of units, 10, got 9"):
        learn_pieces([np.array([3, 1])], 10, 9)
    with pytest.raises(TrainingError, match="so little speech") as refusal:
        learn_pieces([np.zeros(0, np.int64)], 10, 20)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("seed", range(4))
def test_pieces_expand_to_what_they_were_made_from(seed):
    rows = [*random_rows(seed), [], [3]]
    pieces = learn_pieces([np.array(row, np.int64) for row in random_rows(seed + 100)], 10, 40)
    encoded = encode_pieces(pack(*rows), pieces)
    for row, parts in zip(rows, encoded, strict=True):
        assert pieces.expand(parts).tolist() == row and parts.dtype == np.int32 and len(parts) <= len(row)


def test_fewest_pieces_are_worked_out_by_hand():
    pieces = Pieces([[0], [1], [2], [0, 1, 2], [2, 0, 1], [1, 2], [0, 1]])
    # The longest first would be 012 0 1 1; two pieces and one are fewer than what a greedy reader finds.
    assert [row.tolist() for row in encode_pieces(pack([0, 1, 2, 0, 1], [0, 1, 2], [1, 0, 1, 2, 0, 1]), pieces)] == [
        [3, 6],
        [3],
        [1, 3, 6],
    ]
    greedy_fails = Pieces([[0], [1], [0, 0], [0, 1, 1, 1]])
    assert encode_pieces(pack([0, 0, 1, 1, 1]), greedy_fails)[0].tolist() == [0, 3]


def test_a_unit_without_a_piece_is_refused():
    with pytest.raises(TrainingError, match="unit 7 is not among the pieces"):
        encode_pieces(pack([0, 7]), Pieces([[0]]))


def test_each_unit_as_often_as_it_lasts_by_hand():
    string = UnitString(np.array([4, 2]), np.array([0, 8]), 10)
    parts = expand(Strings.of([string, UnitString(np.zeros(0, int), np.zeros(0, int), 0)]), 4)
    assert parts[0].units.tolist() == [4, 4, 2] and parts[0].starts.tolist() == [0, 4, 8]
    assert parts[0].frames == 10 and len(parts[1].units) == 0
    assert expand(Strings.of([string]), 1)[0].units.tolist() == [4] * 8 + [2] * 2


def test_the_nearest_are_retrieved_in_order_and_never_a_image_s_own():
    corpus = corpus_of([0, 1, 2, 2, 3], ["train", "train", "train", "validation"])
    speech = np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]])
    images = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [1.0, 0.0]])
    parts = retrieve(corpus, images, speech, np.array([0, 1, 2, 3]), 2)
    # Image 0 without recording 0; 1 without 1; 2 without 2 and 3; 3 has none in the memory.
    assert parts.recordings.tolist() == [[1, 3], [2, 3], [1, 0], [0, 1]]
    assert parts.similarity == pytest.approx(np.array([[0.8, 0.6], [1.0, 0.8], [0.96, 0.6], [1.0, 0.8]]))


def test_equally_near_recordings_keep_their_order_and_too_few_are_refused():
    corpus = corpus_of([0, 1, 1, 2], ["train"] * 3)
    everything = np.tile([1.0, 0.0], (4, 1))
    parts = retrieve(corpus, everything[:3], everything, np.arange(4), 2)
    assert parts.recordings.tolist() == [[1, 2], [0, 3], [0, 1]]
    with pytest.raises(TrainingError, match="has 2 recordings to retrieve for an image; lower --candidates"):
        retrieve(corpus, everything[:3], everything, np.arange(4), 3)


def test_confidence_rises_with_the_cosine():
    rng = np.random.default_rng(0)
    corpus = corpus_of(list(range(12)), ["validation"] * 12)
    images = rng.normal(size=(12, 8))
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    speech = images + 0.2 * rng.normal(size=images.shape)
    speech /= np.linalg.norm(speech, axis=1, keepdims=True)
    slope, shift = confidence_of(corpus, images, speech)
    sure = 1 / (1 + np.exp(-(slope * np.array([-1.0, 0.0, 0.5, 1.0]) + shift)))
    assert (np.diff(sure) > 0).all() and sure[0] < 0.1 and sure[-1] > 0.9

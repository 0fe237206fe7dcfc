"""The lexicon of pieces: the cheapest hearing against all there are, laws, refusals, and what it is for."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from media.forged import forge_arrays

from avnet.errors import ConfigError, ModelFolderError, TrainingError
from avnet.units.kmeans import KMeansUnits
from avnet.units.lexicon import LexicalUnits
from avnet.units.pieces import Pieces
from avnet.units.registry import read_any_units
from avnet.units.strings import Strings, UnitString
from avnet.units.viterbi import best_paths
from train.units.lexicon import count_pieces, learn_lexicon, price_pieces
from train.units.pieces import encode_pieces

RUNS = [[0], [1], [2], [0, 1], [2, 0, 1], [1, 2]]


def units_of(count: int = 3, penalty: float = 1.0) -> KMeansUnits:
    rng = np.random.default_rng(0)
    return KMeansUnits(
        rng.normal(size=(count, 39)).astype(np.float32), np.zeros(39, np.float32), np.ones(39, np.float32), penalty
    )


def lexicon_of(prices: list[float], penalty: float = 1.0) -> LexicalUnits:
    return LexicalUnits(units_of(penalty=penalty), Pieces(RUNS), np.array(prices, np.float32))


def cheapest_of_all(lexicon: LexicalUnits, costs: np.ndarray) -> float:
    """By going through every row of pieces and every way to lay its units over the frames."""
    frames, best = len(costs), np.inf
    for many in range(1, frames + 1):
        for row in itertools.product(range(len(lexicon.pieces)), repeat=many):
            string = lexicon.pieces.expand(row)
            if len(string) > frames or (np.diff(string) == 0).any():
                continue
            price = lexicon.prices[list(row)].sum() + lexicon.acoustic.penalty * len(string)
            for begins in itertools.combinations(range(1, frames), len(string) - 1):
                durations = np.diff([0, *begins, frames])
                labels = string.repeat(durations)
                best = min(best, price + costs[np.arange(frames), labels].sum())
    return float(best)


def cost_of(lexicon: LexicalUnits, costs: np.ndarray) -> float:
    """What the found hearing costs, added up anew."""
    path = lexicon.cheapest(costs)
    string = path.string
    assert lexicon.pieces.expand(path.pieces).tolist() == string.units.tolist()
    labels = string.units.repeat(string.durations)
    assert len(labels) == len(costs) and (np.diff(string.units) != 0).all()
    total = lexicon.prices[path.pieces].sum() + lexicon.acoustic.penalty * len(string.units)
    return float(total + costs[np.arange(len(costs)), labels].sum())


@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_cheaper_than_what_is_found(seed):
    rng = np.random.default_rng(seed)
    lexicon = lexicon_of(rng.uniform(0, 3, len(RUNS)).tolist(), penalty=float(rng.uniform(0, 2)))
    costs = rng.uniform(0, 4, (int(rng.integers(1, 5)), 3)).astype(np.float32)
    assert cost_of(lexicon, costs) == pytest.approx(cheapest_of_all(lexicon, costs), abs=1e-4)


def test_a_slip_is_heard_as_what_is_common_and_a_real_change_is_not():
    # Said is 0 1; a blurred frame between is a little nearer to 2.
    common = lexicon_of([6.0, 6.0, 6.0, 1.0, 6.0, 6.0])
    soft = np.array([[0, 9, 9], [0, 9, 9], [1.5, 1.2, 1.0], [9, 0, 9], [9, 0, 9]], np.float32)
    assert common.cheapest(soft).string.units.tolist() == [0, 1]
    clear = np.array([[0, 9, 9], [0, 9, 9], [40, 40, 0], [9, 0, 9], [9, 0, 9]], np.float32)
    assert common.cheapest(clear).string.units.tolist() == [0, 2, 1]


@pytest.mark.parametrize("seed", range(4))
def test_without_prices_it_is_the_path_of_the_units_alone(seed):
    rng = np.random.default_rng(seed)
    lexicon = LexicalUnits(units_of(6), Pieces([[unit] for unit in range(6)]), np.zeros(6, np.float32))
    costs = rng.uniform(0, 6, (40, 6)).astype(np.float32)
    labels = best_paths(costs[None], 1.0)[0]
    alone = costs[np.arange(40), labels].sum() + np.count_nonzero(np.diff(labels)) + 1
    assert cost_of(lexicon, costs) == pytest.approx(alone, abs=1e-3)


def test_silence_of_no_frames_has_no_pieces():
    lexicon = lexicon_of([1.0] * 6)
    assert len(lexicon.spell(np.zeros(100, np.float32)).pieces) == 0
    assert lexicon.encode(np.zeros(100, np.float32)).frames == 0


def test_folder_gives_back_what_was_written_and_tells_its_kind(tmp_path):
    lexicon = lexicon_of([1.0, 2.0, 3.0, 0.5, 0.25, 4.0])
    lexicon.save(tmp_path / "units")
    copy = read_any_units(tmp_path / "units")
    assert isinstance(copy, LexicalUnits) and copy.fingerprint == lexicon.fingerprint
    assert copy.fingerprint not in (lexicon.acoustic.fingerprint, lexicon_of([1.0] * 6).fingerprint)
    waveform = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    assert copy.encode(waveform).units.tolist() == lexicon.encode(waveform).units.tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("prices"),
        lambda arrays: arrays.update(prices=-arrays["prices"]),
        lambda arrays: arrays.update(prices=arrays["prices"][1:]),
        lambda arrays: arrays.update(lengths=arrays["lengths"][1:]),
        lambda arrays: arrays.update(lengths=-arrays["lengths"]),
        lambda arrays: arrays.update(units=arrays["units"] + 9),
        lambda arrays: arrays.update(centroids=arrays["centroids"][1:]),
    ],
)
def test_a_lexicon_that_cannot_be_is_refused_in_one_line(tmp_path, change):
    lexicon_of([1.0] * 6).save(tmp_path / "units")
    forge_arrays(tmp_path / "units", change)
    with pytest.raises(ModelFolderError, match="is not a lexicon of units, or damaged") as refusal:
        read_any_units(tmp_path / "units")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("runs", "prices"),
    [
        (RUNS, [1.0] * 5),
        (RUNS, [1.0] * 5 + [-1.0]),
        (RUNS, [1.0] * 5 + [np.nan]),
        (RUNS[1:], [1.0] * 5),
        ([*RUNS, [3]], [1.0] * 7),
        ([*RUNS, [1, 1]], [1.0] * 7),
    ],
)
def test_what_is_no_lexicon_is_refused(runs, prices):
    with pytest.raises(ConfigError, match="lexicon"):
        LexicalUnits(units_of(), Pieces(runs), np.array(prices, np.float32))


def test_prices_are_worked_out_by_hand():
    lexicon = price_pieces(units_of(), Pieces(RUNS), np.array([1, 0, 0, 5, 0, 2]), weight=2.0)
    assert [run.tolist() for run in lexicon.pieces.runs] == [[0], [1], [2], [0, 1], [1, 2]]
    shares = np.array([1.5, 0.5, 0.5, 5.5, 2.5]) / 10.5
    np.testing.assert_allclose(lexicon.prices, -2.0 * np.log(shares), rtol=1e-6)


def test_strings_are_spelled_in_the_cheapest_pieces_not_the_fewest():
    strings = Strings.of([UnitString(np.array([2, 0, 1]), np.arange(3), 3)])
    pieces = Pieces(RUNS)
    assert encode_pieces(strings, pieces)[0].tolist() == [4]
    assert encode_pieces(strings, pieces, np.array([9.0, 9.0, 1.0, 1.0, 5.0, 9.0]))[0].tolist() == [2, 3]


def noisy(rng: np.random.Generator, centroids: np.ndarray) -> np.ndarray:
    """Frames of three words in any order, each frame blurred; in one row, as a waveform is."""
    words = [[0, 5, 2, 7], [3, 1, 6], [4, 2, 5]]
    frames_of_words = np.concatenate([words[i] for i in rng.integers(0, 3, 6)]).repeat(3)
    return (centroids[frames_of_words] + rng.normal(0, 1.0, (len(frames_of_words), 39)).astype(np.float32)).reshape(-1)


def test_a_lexicon_makes_strings_easier_to_foresee(monkeypatch):
    rng = np.random.default_rng(0)
    units = units_of(8, penalty=4.0)
    units = replace(units, centroids=0.5 * units.centroids)
    frames = [noisy(rng, units.centroids) for _ in range(120)]
    for module in ("train.units.lexicon", "avnet.units.kmeans", "avnet.units.lexicon"):
        monkeypatch.setattr(f"{module}.mfcc", lambda one: one.reshape(-1, 39))
    lexicon = learn_lexicon(frames[:80], units, pieces=40, weight=4.0)
    assert len(lexicon.pieces) <= 40

    def surprise(strings: list[UnitString]) -> float:
        """Nats of a recording not learned from, each piece by its share."""
        rows = encode_pieces(Strings.of(strings), lexicon.pieces, lexicon.prices)
        shares = count_pieces(rows, len(lexicon.pieces)) / sum(map(len, rows))
        return float(np.mean([-np.log(shares[row]).sum() for row in rows]))

    alone = surprise([units.encode(one) for one in frames[80:]])
    path = surprise([lexicon.encode(one) for one in frames[80:]])
    assert path < 0.7 * alone
    with pytest.raises(TrainingError, match="must be 0 or at least the number of units, 8"):
        learn_lexicon(frames[:80], units, pieces=7, weight=4.0)

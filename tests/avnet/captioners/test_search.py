import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import randomize

from avnet.captioners.captioner import Captioner, build_captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Output
from avnet.captioners.features import grid_features
from avnet.captioners.guards import Guards
from avnet.captioners.hypothesis import Candidate
from avnet.captioners.presets import KINDS, OURS, Kind
from avnet.captioners.search import FEWEST, Search
from avnet.consensus.runs import consensus
from avnet.errors import ConfigError
from avnet.nn.abstract import abstract_network
from avnet.units.pieces import Pieces

PIECES = Pieces([[0], [1], [2], [3], [0, 1], [2, 3, 0]])
SIZES: dict[str, Any] = {
    "pieces": 6,
    "image_features": 4,
    "width": 8,
    "hidden": 8,
    "heads": 2,
    "retrieved": 2,
    "retrieved_length": 4,
}


def search(kind: Kind = "recurrent", *, longest: int = 30, seed: int = 0, **guards) -> Search:
    config = CaptionerConfig(kind=kind, longest=longest, **SIZES)
    network = randomize(abstract_network(lambda rngs: build_captioner(config, rngs=rngs)), seed)
    return Search(network, PIECES, Guards(**{"longest": 20, "repeated": 4, **guards}))


def questions(count: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    return (
        grid_features(rng.normal(size=(count, 2, 2, 4)).astype(np.float32) * 3),
        rng.integers(0, 6, (count, 2, 4)),
        rng.uniform(size=(count, 2)).astype(np.float32),
    )


def check(candidate: Candidate, guards: Guards) -> None:
    units = candidate.units.tolist()
    assert PIECES.expand(candidate.pieces).tolist() == units and 0 < len(units) <= guards.longest
    assert all(a != b for a, b in itertools.pairwise(units))
    runs = [tuple(units[i : i + guards.repeated]) for i in range(len(units) - guards.repeated + 1)]
    assert len(set(runs)) == len(runs)
    assert (
        candidate.attention.shape[0] == len(candidate.pieces)
        and candidate.attention.shape[1] in (0, 4)
        and candidate.log_probability < 0
    )


# To compile a search takes seconds; one network of a paper attends, the other has no cells to attend to.
SEARCHED = (*OURS, "adaptive", "show-and-tell")
SLOWLY = [pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS if kind not in SEARCHED]


@pytest.mark.parametrize("kind", [*SEARCHED, *SLOWLY])
def test_every_description_keeps_the_guards_and_ends(kind):
    searching, result = search(kind), []
    for seed in range(3):
        result += searching.beam(*questions(3, seed), beams=3)
        result += searching.sample(*questions(3, seed), count=4, temperature=1.0, top_k=6)
    for candidates in result:
        assert 1 <= len(candidates) <= 4
        assert [c.score for c in candidates] == sorted((c.score for c in candidates), reverse=True)
        for candidate in candidates:
            check(candidate, searching.guards)


def test_one_image_is_described_as_among_others():
    searching = search()
    features, retrieved, similarity = questions(3)
    together = searching.beam(features, retrieved, similarity, beams=3)
    for i in range(3):
        alone = searching.beam(features.select(slice(i, i + 1)), retrieved[i : i + 1], similarity[i : i + 1], beams=3)[
            0
        ]
        assert [c.pieces for c in alone] == [c.pieces for c in together[i]]
        assert [c.log_probability for c in alone] == pytest.approx([c.log_probability for c in together[i]], abs=1e-4)


def test_a_beam_of_one_takes_the_likeliest_as_the_stream_does():
    searching = search()
    features, retrieved, similarity = questions(1)
    best = searching.beam(features, retrieved, similarity, beams=1)[0][0]
    *pieces, last = searching.stream(features, retrieved, similarity)
    assert isinstance(last, Candidate) and tuple(pieces) == last.pieces
    sample = searching.sample(features, retrieved, similarity, count=1, temperature=0.0)[0][0]
    assert sample.pieces == last.pieces == best.pieces and sample.reason == last.reason


def test_a_search_for_few_pieces_gives_no_more_and_leaves_the_other_as_it_was():
    searching = search()
    before = [c.pieces for c in searching.beam(*questions(1), beams=3)[0]]
    short = searching.at_most(2)
    candidates = [*short.beam(*questions(1), beams=3)[0], *short.sample(*questions(1), temperature=1.0)[0]]
    assert max(len(c.pieces) for c in candidates) <= 2 < max(map(len, before))
    assert [c.pieces for c in searching.beam(*questions(1), beams=3)[0]] == before


@nnx.jit
def whole(network, question, inputs, targets):
    """Log-probability of each of the targets."""
    encoding = network.encode(*question)
    output, _ = network(encoding, network.begin(encoding), inputs)
    return network.log_probability(encoding, output, targets)


def rescore(searching: Search, question: tuple[Any, ...], strings: list[tuple[int, ...]]) -> np.ndarray:
    """Log-probability of each string with the end, all of it said at once; what follows its end does not count."""
    network = nnx.merge(searching._graph, searching._weights)
    repeated = jax.tree.map(lambda part: jnp.asarray(np.repeat(part, len(strings), axis=0)), question)
    targets = np.full((len(strings), max(map(len, strings)) + 1), searching.config.end)
    for row, pieces in zip(targets, strings, strict=True):
        row[: len(pieces)] = pieces
    inputs = np.roll(targets, 1, axis=1)
    inputs[:, 0] = searching.config.end
    log_p = np.asarray(whole(network, repeated, jnp.asarray(inputs), jnp.asarray(targets)))
    return np.array([row[: len(pieces) + 1].sum() for row, pieces in zip(log_p, strings, strict=True)])


@pytest.mark.parametrize("kind", [*SEARCHED[:3], *SLOWLY])
def test_what_the_search_counts_is_what_the_network_says_of_the_whole(kind):
    searching, question = search(kind), questions(1)
    result = searching.beam(*question, beams=4)[0]
    result += searching.sample(*question, count=4, temperature=1.0, top_k=6)[0]
    ended = [candidate for candidate in result if candidate.reason == "end"]
    assert ended
    expected = rescore(searching, question, [candidate.pieces for candidate in ended])
    assert [candidate.log_probability for candidate in ended] == pytest.approx(expected, abs=1e-4)


class Chain(Captioner):
    """A Markov chain: what follows depends on the last symbol, and on the first feature of the image, alone.

    Its logits stand in a table, so that what a search should find is known.
    """

    def __init__(self, config: CaptionerConfig, table: np.ndarray):
        self.config = config
        self.table = nnx.Param(jnp.asarray(table, jnp.float32))
        self.reader = self.copy_gate = None

    def begin(self, encoding):
        return jnp.zeros((len(encoding.cells), 1))

    def step(self, encoding, state, token, rngs=None):
        logits = self.table[...][token]
        # The feature is added to the logit of the end.
        logits = logits.at[:, self.config.end].add(encoding.whole[:, 0])
        return Output(logits, jnp.zeros((len(token), 0)), logits, {}), state


def chain(table: dict[int, dict[int, float]], *, longest: int = 30, **guards) -> Search:
    """A search of a chain by the probabilities of what follows a symbol; 6 is the end, before the first too."""
    config = CaptionerConfig(longest=longest, **SIZES)
    log_p = np.full((config.symbols, config.symbols), -50.0)
    for symbol, row in table.items():
        for following, p in row.items():
            log_p[symbol, following] = np.log(p)
    return Search(Chain(config, log_p), PIECES, Guards(**{"longest": 20, "repeated": 4, **guards}))


def silence(ends: list[float]) -> tuple[Any, ...]:
    """Images of which nothing is seen but how likely it is that a description ends, and nothing is retrieved."""
    cells = np.repeat(np.reshape(ends, (-1, 1, 1, 1)).astype(np.float32), 4, axis=3)
    return grid_features(cells), np.zeros((len(ends), 0, 4), np.int32), np.zeros((len(ends), 0), np.float32)


def test_the_reward_of_going_on_is_worked_out_by_hand():
    """To end costs .5, to say a piece of two units 1.0: a reward of .2 a unit is too little, one of .3 enough."""
    piece, rest = np.exp(-1.0), 1 - np.exp(-0.5) - np.exp(-1.0)
    searching = chain({6: {2: 1.0}, 2: {6: np.exp(-0.5), 4: piece, 3: rest}, 4: {6: 1.0}})
    for reward, pieces, log_p in ((0.0, (2,), -0.5), (0.2, (2,), -0.5), (0.3, (2, 4), -1.0)):
        best = searching.beam(*silence([0.0]), beams=1, reward=reward)[0][0]
        # The reward is no part of what is reported.
        assert best.pieces == pieces and best.log_probability == pytest.approx(log_p, abs=1e-4)


def test_of_equals_the_first_piece_is_followed():
    """Four pieces are equally likely: a beam of two follows the first two, whatever else is in the batch."""
    searching = chain({6: dict.fromkeys((3, 1, 0, 2), 0.25), **{i: {6: 1.0} for i in range(4)}})
    for row in searching.beam(*silence([0.0] * 3), beams=2):
        assert [candidate.pieces for candidate in row] == [(0,), (1,)]


def test_images_that_are_done_leave_the_batch_and_change_nothing():
    """Half of the descriptions end at once, which makes the batch smaller; the others are as they are alone."""
    row = dict.fromkeys(range(4), 0.2) | {6: 0.2}
    searching = chain(dict.fromkeys(range(7), row), longest=12)
    ends = [9.0, -9.0] * FEWEST + [9.0] * 3
    together, sizes = searching.beam(*silence(ends), beams=2), set()
    step = searching._best_jit

    def count_images(*arguments):
        sizes.add(len(arguments[3]))
        return step(*arguments)

    searching.__dict__["_best_jit"] = count_images
    again = searching.beam(*silence(ends), beams=2)
    assert sizes == {len(ends), len(ends) // 2}
    for number, candidates in enumerate(together):
        alone = searching.beam(*silence([ends[number]]), beams=2)[0]
        for others in (again[number], alone):
            assert [(c.pieces, c.reason) for c in candidates] == [(c.pieces, c.reason) for c in others]
    assert {len(row[0].pieces) == 1 for row in together} == {True, False}


def test_a_beam_of_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"beams: must be at least 1, got 0"):
        search().beam(*questions(1), beams=0)


def test_a_stream_is_rewarded_too():
    *pieces, _ = search().stream(*questions(1), reward=100.0)
    assert pieces[0] == int(PIECES.lengths.argmax())


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_best_of_all_short_descriptions(seed):
    """Every string of up to three pieces that the guards allow is scored by hand."""
    searching, question = search(longest=4, seed=seed), questions(1, seed)
    strings = (itertools.product(range(len(PIECES)), repeat=length) for length in (1, 2, 3))
    valid = [pieces for pieces in itertools.chain.from_iterable(strings) if keeps_guards(pieces)]
    scores = rescore(searching, question, valid) / [len(pieces) + 1 for pieces in valid]
    result = searching.beam(*question, beams=250)[0]
    assert result[0].score == pytest.approx(scores.max(), abs=1e-4)


def keeps_guards(pieces: tuple[int, ...]) -> bool:
    units = PIECES.expand(pieces).tolist()
    runs = [tuple(units[i : i + 4]) for i in range(len(units) - 3)]
    return all(a != b for a, b in itertools.pairwise(units)) and len(set(runs)) == len(runs)


def test_where_no_piece_is_allowed_it_is_stuck():
    """After 0 comes 1 and after it nothing: each piece would repeat a unit, and the end is impossible."""
    searching = chain({6: {0: 1.0}, 0: {1: 1.0}, 1: {0: 1.0}}, repeated=1)
    never = silence([-np.inf])
    for candidate in (*searching.beam(*never, beams=2)[0], searching.sample(*never, count=1)[0][0]):
        assert candidate.reason == "stuck"
        assert len(set(candidate.units.tolist())) == len(candidate.units)


def test_a_unit_that_lasts_is_no_repetition_where_runs_are_not_collapsed():
    """Whatever is drawn, a second 0 1 is forbidden; 0 0 0 0 is a long 0."""
    searching = search(repeated=2, longest=30, collapsed=False)
    sample = searching.sample(*questions(8), count=4, temperature=5.0, top_k=8)
    lasting = 0
    for units in (candidate.units.tolist() for row in sample for candidate in row):
        once = [unit for unit, _ in itertools.groupby(units)]
        assert len(set(itertools.pairwise(once))) == len(once) - 1
        lasting += any(len(list(group)) > 2 for _, group in itertools.groupby(units))
    assert lasting


def test_the_same_seed_draws_the_same():
    searching = search()
    one, again, other = (
        [c.pieces for row in searching.sample(*questions(2), count=3, temperature=2.0, top_k=6, seed=s) for c in row]
        for s in (1, 1, 2)
    )
    assert one == again != other


def test_the_reason_says_why_it_stopped():
    short = search(longest=3)
    for row in short.sample(*questions(4), count=2, temperature=3.0, top_k=8):
        for candidate in row:
            assert candidate.reason == ("limit" if len(candidate.pieces) == 2 else "end")
    tight = search(repeated=1)
    rows = [c for row in tight.sample(*questions(6), count=4, temperature=5.0, top_k=8) for c in row]
    assert all(len(set(c.units.tolist())) == len(c.units) for c in rows)


def test_consensus_is_worked_out_by_hand():
    a, b = np.array([1, 2, 3]), np.array([1, 2, 4])
    # Of the runs of two, one of two is shared; there are no longer ones.
    assert consensus([a, b], []) == pytest.approx(np.full(2, 0.5 / 3))
    assert consensus([a], []) == pytest.approx(np.zeros(1))
    # Of two images one has a description that is one of the candidates; its other one has nothing in common with it.
    assert consensus([a, b], [[a], [b, np.array([7, 8])]]) == pytest.approx(
        np.array([(1 / 3 + 0.5 / 6) / 2, (0.5 / 3 + 1 / 6) / 2])
    )


def test_pieces_expand_and_refuse():
    assert PIECES.expand([4, 5, 1]).tolist() == [0, 1, 2, 3, 0, 1]
    assert PIECES.expand([]).tolist() == []
    for runs in ([], [[]], [[0], [-1]], [[1 << 20]]):
        with pytest.raises(ConfigError, match="pieces"):
            Pieces(runs)

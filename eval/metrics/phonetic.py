"""How far units agree with phones: purity, normalized mutual information, and ABX discrimination."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Real

# Tokens of a triphone, and comparisons of two phones in a context, at most.
TOKENS, TRIPLES = 10, 4
# Comparisons whose frames are aligned at once.
BATCH = 2048


@dataclass(frozen=True)
class Triphone:
    """A phone between two others, said once.

    Attributes:
        phone: in the middle.
        context: the phones before and after.
        recording: number of the recording.
        begin: first frame, of 10 ms.
        end: frame after the last.
    """

    phone: int
    context: tuple[int, int]
    recording: int
    begin: int
    end: int


def agreement(units: Int[np.ndarray, " frames"], phones: Int[np.ndarray, " frames"]) -> dict[str, float]:
    """How well the unit of a frame tells its phone.

    Args:
        units: of each frame.
        phones: of the same frames.

    Returns:
        purity, share of frames whose phone is the commonest of their unit; more units have more. nmi, mutual
        information of units and phones over the mean of their entropies.

    Example:
        >>> agreement(np.array([0, 0, 1, 1]), np.array([3, 3, 3, 5]))["purity"]
        0.75
    """
    table = np.zeros((int(units.max(initial=0)) + 1, int(phones.max(initial=0)) + 1))
    np.add.at(table, (units, phones), 1)
    total = table.sum()
    if not total:
        return {"purity": 0.0, "nmi": 0.0}
    shared = entropy(table.sum(axis=1)) + entropy(table.sum(axis=0)) - entropy(table.ravel())
    mean = (entropy(table.sum(axis=1)) + entropy(table.sum(axis=0))) / 2
    return {"purity": float(table.max(axis=1).sum() / total), "nmi": float(shared / mean) if mean else 0.0}


def entropy(counts: Real[np.ndarray, " n"]) -> float:
    """Bits of a draw from what occurs so often; 0 where nothing does."""
    share = counts[counts > 0] / max(1.0, counts.sum())
    return float(-(share * np.log2(share)).sum())


def abx(
    triphones: Sequence[Triphone],
    frames: Sequence[Real[np.ndarray, "_ features"]],
    distance: "Distance",
    seed: int,
) -> float:
    """Share of triples A, B, X in which X, a triphone like A, is nearer to B, with another phone in the middle.

    Distances are means over the frames that dynamic time warping puts together; equal ones count half. Errors are
    averaged over contexts and then over pairs of phones. With one speaker they are far below what is published across
    speakers. Chance is 0.5.

    Args:
        triphones: to compare.
        frames: of each recording, units as rows of one number or features.
        distance: of frames.
        seed: with which tokens and triples are drawn.

    Returns:
        The error, in [0, 1]; nan where there is nothing to compare.

    Reference: Schatz et al., "Evaluating Speech Features with the Minimal-Pair ABX Task", 2013, section 2.
    """
    triples, groups = _triples(triphones, np.random.default_rng(seed))
    if not triples:
        return float("nan")
    cut = [frames[one.recording][one.begin : one.end] for one in triphones]
    near = _aligned([(cut[a], cut[x]) for a, _, x in triples], distance)
    far = _aligned([(cut[b], cut[x]) for _, b, x in triples], distance)
    wrong = (near > far) + 0.5 * (near == far)
    of_pairs: dict[tuple[int, int], list[float]] = defaultdict(list)
    for pair, numbers in groups:
        of_pairs[pair].append(float(wrong[numbers].mean()))
    return float(np.mean([np.mean(errors) for errors in of_pairs.values()]))


def unequal(one: Real[np.ndarray, "*#n f"], other: Real[np.ndarray, "*#n f"]) -> Float[np.ndarray, "*#n"]:
    """1 where units differ, else 0."""
    return (one != other).any(axis=-1).astype(float)


def angle(one: Real[np.ndarray, "*#n f"], other: Real[np.ndarray, "*#n f"]) -> Float[np.ndarray, "*#n"]:
    """The angle between features, over pi: from 0 to 1."""
    norms = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosine = (one * other).sum(axis=-1) / np.maximum(norms, 1e-12)
    return np.arccos(np.clip(cosine, -1, 1)) / np.pi


Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _triples(
    triphones: Sequence[Triphone], rng: np.random.Generator
) -> tuple[list[tuple[int, int, int]], list[tuple[tuple[int, int], list[int]]]]:
    """Numbers of triphones A, B, X; and for each pair of phones in a context, numbers of its triples."""
    by_context: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, one in enumerate(triphones):
        by_context[one.context][one.phone].append(number)
    triples: list[tuple[int, int, int]] = []
    groups: list[tuple[tuple[int, int], list[int]]] = []
    for context in sorted(by_context):
        tokens = {
            phone: [numbers[place] for place in rng.permutation(len(numbers))[:TOKENS]]
            for phone, numbers in sorted(by_context[context].items())
        }
        for phone, same in tokens.items():
            for other, different in tokens.items():
                if phone == other or len(same) < 2:
                    continue
                first = len(triples)
                for _ in range(TRIPLES):
                    a, x = rng.choice(len(same), 2, replace=False)
                    triples.append((same[a], different[rng.integers(len(different))], same[x]))
                groups.append(((phone, other), list(range(first, len(triples)))))
    return triples, groups


def _aligned(pairs: Sequence[tuple[np.ndarray, np.ndarray]], distance: Distance) -> Float[np.ndarray, " n"]:
    """Of each pair the mean distance along the path of least total distance."""
    means = np.zeros(len(pairs))
    # Of like lengths together, so that little is padded.
    order = sorted(range(len(pairs)), key=lambda number: (len(pairs[number][0]), len(pairs[number][1])))
    for start in range(0, len(pairs), BATCH):
        numbers = order[start : start + BATCH]
        means[numbers] = warped([pairs[number] for number in numbers], distance)
    return means


def warped(pairs: Sequence[tuple[np.ndarray, np.ndarray]], distance: Distance) -> Float[np.ndarray, " n"]:
    """Dynamic time warping of some pairs at once."""
    lengths = np.array([(len(one), len(other)) for one, other in pairs])
    rows, columns = lengths.max(axis=0)
    one = np.stack([np.pad(a, ((0, rows - len(a)), (0, 0))) for a, _ in pairs])
    other = np.stack([np.pad(b, ((0, columns - len(b)), (0, 0))) for _, b in pairs])
    cost = distance(one[:, :, None], other[:, None])
    total, steps = np.full((len(pairs), rows + 1, columns + 1), np.inf), np.zeros((len(pairs), rows + 1, columns + 1))
    total[:, 0, 0] = 0
    each = np.arange(len(pairs))
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            # Of equal totals the diagonal, which is the shortest way.
            before = ((row - 1, column - 1), (row - 1, column), (row, column - 1))
            totals = np.stack([total[:, i, j] for i, j in before])
            best = totals.argmin(axis=0)
            total[:, row, column] = cost[:, row - 1, column - 1] + totals[best, each]
            steps[:, row, column] = 1 + np.stack([steps[:, i, j] for i, j in before])[best, each]
    ends = (each, lengths[:, 0], lengths[:, 1])
    return total[ends] / steps[ends]

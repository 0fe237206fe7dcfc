"""A linear classifier by folds: each is measured by what was learned and chosen on the others alone."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

# C of the support vector machine, from the strongest regularization on.
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@dataclass(frozen=True)
class Recordings:
    """Recordings with their truth.

    Attributes:
        vectors: of each recording its crops' vectors [crops, features]; one crop may stand for all of it.
        labels: its class.
        folds: the fold that it belongs to.
    """

    vectors: Sequence[Float[np.ndarray, "crops features"]]
    labels: np.ndarray
    folds: np.ndarray

    def where(self, chosen: np.ndarray) -> "Recordings":
        """Those of a mask."""
        vectors = [vector for vector, inside in zip(self.vectors, chosen, strict=True) if inside]
        return Recordings(vectors, self.labels[chosen], self.folds[chosen])


@dataclass(frozen=True)
class FoldResult:
    """What was measured on one fold.

    Attributes:
        fold: which.
        strength: C that was chosen on the other folds.
        labels: the truth of its recordings.
        answers: of the classifier.
        majority: the most frequent class of the other folds.
    """

    fold: str
    strength: float
    labels: np.ndarray
    answers: np.ndarray
    majority: str

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(np.mean(self.answers == self.labels))

    @property
    def majority_accuracy(self) -> float:
        """Share that the most frequent class of the other folds has here."""
        return float(np.mean(self.labels == self.majority))


def probe(recordings: Recordings, seed: int) -> list[FoldResult]:
    """Measures every fold, in order.

    Args:
        recordings: of three folds or more, and two classes or more in any two of them.
        seed: of the classifier.
    """
    return [_measure(recordings, fold, seed) for fold in np.unique(recordings.folds)]


def _measure(recordings: Recordings, fold: str, seed: int) -> FoldResult:
    inside = recordings.folds == fold
    train, test = recordings.where(~inside), recordings.where(inside)
    strength = choose_strength(train, seed)
    names, counts = np.unique(train.labels, return_counts=True)
    answers = answer(train, test, strength, seed)
    return FoldResult(str(fold), strength, test.labels, answers, str(names[np.argmax(counts)]))


def choose_strength(train: Recordings, seed: int) -> float:
    """The C with the best mean accuracy on training folds that are left out in turn; of equals the smallest."""
    means = []
    for strength in STRENGTHS:
        accuracies = []
        for fold in np.unique(train.folds):
            inside = train.folds == fold
            held_out = train.where(inside)
            accuracies.append(np.mean(answer(train.where(~inside), held_out, strength, seed) == held_out.labels))
        means.append(np.mean(accuracies))
    return STRENGTHS[int(np.argmax(means))]


def answer(train: Recordings, test: Recordings, strength: float, seed: int) -> np.ndarray:
    """The classes of recordings: of each the one with the best mean score over its crops."""
    counts = [len(vectors) for vectors in train.vectors]
    machine = make_pipeline(StandardScaler(), LinearSVC(C=strength, random_state=seed))
    with warnings.catch_warnings():
        # Where the machine is hardly regularized it may stop early, and then another C is chosen.
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine.fit(np.concatenate(train.vectors), np.repeat(train.labels, counts))
    scores = machine.decision_function(np.concatenate(test.vectors))
    # Of two classes there is one score, that of the second.
    scores = scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1)
    ends = np.cumsum([len(vectors) for vectors in test.vectors])
    means = np.stack([part.mean(axis=0) for part in np.split(scores, ends[:-1])])
    return machine.classes_[means.argmax(axis=1)]

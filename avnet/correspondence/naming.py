"""What classifiers call sounds and images: the few names that are probable."""

import numpy as np
from jaxtyping import Float

from avnet.correspondence.heatmaps.by_class import AUDIBLE
from avnet.names.audioset import vocabulary
from avnet.names.groups import GROUPS, narrower

# Of a sound or an image, at most.
MOST_SOUNDS, MOST_IMAGES = 3, 5
# Least probability of what an image shows.
VISIBLE = 0.05
# A wide group is not told where a narrower one has so much of its probability: "dog" says that it is an animal.
MOST_OF_IT = 0.5


def names_of_sounds(probabilities: Float[np.ndarray, "n classes"]) -> list[dict[str, float]]:
    """The most probable classes of AudioSet of each sound, the highest first, with probabilities of three digits."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :MOST_SOUNDS]
    classes = vocabulary(probabilities.shape[1]).classes
    return [
        {classes[i]: round(float(row[i]), 3) for i in best if row[i] >= AUDIBLE}
        for row, best in zip(probabilities, order, strict=True)
    ]


def names_of_images(probabilities: Float[np.ndarray, "n groups"]) -> list[dict[str, float]]:
    """The most probable groups of classes of each image, the highest first, with probabilities of three digits.

    Of a wide group and one that it includes and that has most of its probability, only the narrower one is told.
    """
    within = narrower()
    names = []
    for row in probabilities:
        told = [i for i in range(len(row)) if not (row[within[i]] >= MOST_OF_IT * row[i]).any()]
        best = sorted(told, key=lambda i: -row[i])[:MOST_IMAGES]
        names.append({GROUPS[i].name: round(float(row[i]), 3) for i in best if row[i] >= VISIBLE})
    return names

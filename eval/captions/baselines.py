"""Descriptions that need no captioner: of similar images, of all images alike, of tags.

A captioner that is not above these has learned nothing that they do not know.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from avnet.program.progress import progress
from eval.captions.task import Task
from eval.captions.tuples.word_classes import is_adjective, noun, verb

# Devlin et al. 2015: similar images, and the captions that each of theirs is compared with.
NEIGHBORS, COMPARED = 90, 125


def nearest_images(
    vectors: Float[np.ndarray, "images features"],
    queries: Int[np.ndarray, " queries"],
    gallery: Int[np.ndarray, " gallery"],
    count: int,
) -> Int[np.ndarray, "queries count"]:
    """Numbers of the most similar images of a gallery, most similar first; as many as there are, at most.

    Args:
        vectors: of all images, of length 1.
        queries: numbers of the images asked about.
        gallery: numbers of the images to find.
        count: how many.
    """
    similarity = vectors[queries] @ vectors[gallery].T
    return gallery[np.argsort(-similarity, axis=1, kind="stable")[:, :count]]


def nearest_caption(task: Task, vectors: Float[np.ndarray, "images features"]) -> list[str]:
    """The first caption of the most similar training image."""
    captions = _captions_of(task)
    nearest = nearest_images(vectors, task.images, np.array(sorted(captions)), 1)[:, 0]
    return [task.corpus.texts[task.memory[captions[image][0]]] for image in nearest.tolist()]


def consensus(task: Task, vectors: Float[np.ndarray, "images features"]) -> list[str]:
    """Of the captions of similar training images the one most like the others, by CIDEr.

    Each is compared with the 125 most like it, so that outliers among the neighbors do not count.

    Reference: Devlin et al., "Exploring nearest neighbor approaches for image captioning", 2015, section 3.2.
    """
    captions, rows = _captions_of(task), task.scorer.vectors(task.memory_tokens)
    nearest = nearest_images(vectors, task.images, np.array(sorted(captions)), NEIGHBORS)
    texts = []
    for images in progress(nearest.tolist(), "consensus", len(nearest), "images"):
        places = np.array([place for image in images for place in captions[image]])
        part = rows[places]
        similarity = np.asarray((part @ part.T).todense())
        texts.append(task.corpus.texts[task.memory[places[most_consensual(similarity)]]])
    return texts


def most_consensual(similarity: Float[np.ndarray, "n n"], compared: int = COMPARED) -> int:
    """Which has the highest mean similarity to those most like it, itself left out; the first where several have.

    Args:
        similarity: of each two, symmetric.
        compared: how many of the most similar count.
    """
    others = similarity.copy()
    np.fill_diagonal(others, -np.inf)
    count = min(compared, len(others) - 1)
    if not count:
        return 0
    return int(np.argmax(np.partition(others, -count, axis=1)[:, -count:].mean(axis=1)))


def majority(task: Task) -> str:
    """The training caption most like all training captions, which is said of every image."""
    rows = task.scorer.vectors(task.memory_tokens)
    mean = np.asarray(rows.mean(axis=0)).ravel()
    return task.corpus.texts[task.memory[int(np.argmax(rows @ mean))]]


def template(tags: Sequence[str]) -> str:
    """A sentence of a fixed frame from the tags of an image, most probable first: two things, and what the first does.

    `dog running grass brown` becomes `a brown dog running and a grass`. Without a noun among them it is empty.
    """
    doing = next((tag for tag in tags if tag.endswith("ing") and verb(tag)), "")
    kind = next((tag for tag in tags if is_adjective(tag)), "")
    things = [tag for tag in tags if not is_adjective(tag) and not verb(tag)][:2]
    phrases = [_phrase(f"{kind} {thing}".strip() if not place else thing) for place, thing in enumerate(things)]
    if phrases and doing:
        phrases[0] += f" {doing}"
    return " and ".join(phrases)


def elsewhere(count: int, seed: int) -> Int[np.ndarray, " images"]:
    """Another image for each, drawn: all numbers once, none in its own place where there are two or more."""
    order = np.random.default_rng(seed).permutation(count)
    others = np.zeros(count, np.int64)
    # One ring through all images: none leads back to itself before the end.
    others[order] = np.roll(order, 1)
    return others


def _captions_of(task: Task) -> dict[int, list[int]]:
    """Places in the memory of the captions of each training image."""
    places: dict[int, list[int]] = {}
    for place, number in enumerate(task.memory):
        places.setdefault(int(task.corpus.image_of[number]), []).append(place)
    return places


def _phrase(words: str) -> str:
    """With its article: none for several things."""
    if noun(words.split()[-1]) != words.split()[-1]:
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"

"""Text describers side by side: the same images, features once for a backbone, time of the search alone."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx

from avnet.captioners.features import OF_GRIDS
from avnet.describer.text_describer import BATCH, TextDescriber, TextSettings
from avnet.errors import ConfigError
from avnet.program.progress import progress
from eval.captions.boxes import Boxes, looks
from eval.captions.metrics.attention import AttentionCorrectness, evenness
from eval.captions.task import Task


@dataclass(frozen=True)
class Row:
    """One way to describe the images.

    Attributes:
        texts: one of each image.
        references: of each image; None takes those of the task.
        alternatives: several of each image, the text first, where there are.
        parameters: of the captioner; None without one.
        seconds: of search for an image; None without one.
        stopped: reason -> how many descriptions ended for it; empty without a captioner.
        evenness: of the attention of all words, as of `evenness`; None without attention.
        looks: attention to words with a box; None without boxes, or without attention.
    """

    texts: Sequence[str]
    references: Sequence[Sequence[str]] | None = None
    alternatives: Sequence[Sequence[str]] | None = None
    parameters: int | None = None
    seconds: float | None = None
    stopped: Any = None
    evenness: float | None = None
    looks: AttentionCorrectness | None = None


class Named(NamedTuple):
    """A model folder, and what it is called in tables."""

    name: str
    folder: str


def parse_models(models: Sequence[str]) -> list[Named]:
    """FOLDER or NAME=FOLDER, taken apart; without a name it is that of the folder, or of the one above `model`.

    Raises:
        ConfigError: there are none, a name is missing, or two have the same.
    """
    if not models:
        raise ConfigError("models", "must be one or more model folders")
    named = []
    for model in models:
        name, sign, folder = model.partition("=")
        if not sign:
            path = Path(model)
            name, folder = (path.parent.name or path.name) if path.name == "model" else path.name, model
        if not name or not folder:
            raise ConfigError(model, "must be FOLDER or NAME=FOLDER")
        named.append(Named(name, folder))
    if twice := [name for name, count in Counter(one.name for one in named).items() if count > 1]:
        raise ConfigError(twice[0], "is the name of two models; give them names, as NAME=FOLDER")
    return named


def describe(task: Task, describer: TextDescriber, settings: TextSettings, boxes: Boxes | None = None) -> Row:
    """What a describer writes of the images of a task.

    Args:
        task: the images.
        describer: of them.
        settings: of its search.
        boxes: of what words name in images; None where they are not known.

    Raises:
        ConfigError: it sees regions of a file, not what a backbone sees.
    """
    regions = describer.parts.network.config.regions
    if regions not in OF_GRIDS:
        raise ConfigError("models", f"must see what a backbone sees, got one that sees regions of a {regions}")
    grids, results, seconds = task.grids(describer.backbone), [], []
    starts = range(0, len(task.images), BATCH)
    for start in progress(starts, "describing", len(starts), "batches"):
        numbers = task.images[start : start + BATCH]
        features = OF_GRIDS[regions](np.asarray(grids[numbers], np.float32))
        if boxes is not None:
            shapes = [task.corpus.image(int(number)).shape for number in numbers]
            features = features.of_squares_in([(width, height) for height, width, _ in shapes])
        if not start:
            # Compiles, so that no time of it is counted below.
            describer.alternatives(features, settings)
        begin = time.perf_counter()
        results += describer.alternatives(features, settings)
        # A last batch of another size is compiled anew.
        if len(numbers) == BATCH or not start:
            seconds.append((time.perf_counter() - begin) / len(numbers))
    names = [task.corpus.names[int(number)] for number in task.images]
    maps = [several[0].attention for several in results if several[0].attention is not None]
    maps = [one for one in maps if len(one)]
    return Row(
        [several[0].text for several in results],
        alternatives=[[one.text for one in several] for several in results],
        parameters=sum(leaf.size for leaf in jax.tree.leaves(nnx.state(describer.parts.network, nnx.Param))),
        seconds=float(np.mean(seconds)),
        stopped=dict(Counter(several[0].reason for several in results)),
        evenness=evenness(np.concatenate(maps)) if maps else None,
        looks=None if boxes is None else looks([one[0] for one in results], [boxes.get(name, {}) for name in names]),
    )


def against_others(task: Task, row: Row) -> Row:
    """The same descriptions, against the references that people are measured against: all but the first."""
    return replace(row, references=[several[1:] for several in task.references])


def people(task: Task) -> Row:
    """The first caption of each image against the others."""
    fewest = min(len(several) for several in task.references)
    return against_others(
        task,
        Row(
            [several[0] for several in task.references], alternatives=[several[:fewest] for several in task.references]
        ),
    )

"""Descriptions that a Show and Speak makes of images without units in between."""

from pathlib import Path

import numpy as np

from avnet.describer.show_and_speak.describer import DirectDescriber
from avnet.errors import ConfigError
from avnet.events import Event, Notice
from avnet.program.progress import progress
from eval.spoken.descriptions import Row, Task

# Images whose features are held at once.
BATCH = 32


def open_direct(folder: Path, regions: Path | None) -> DirectDescriber:
    """Opens one, with the file of regions that it needs, if any.

    Args:
        folder: its model.
        regions: file of regions of the images.

    Raises:
        ConfigError: it needs such a file, and there is none.
        DataError: the file cannot be used, or has other features than those that it learned from.
        ModelFolderError: it is not a Show and Speak, or damaged.
    """
    describer = DirectDescriber.load(folder)
    if describer.network.config.regions == "file":
        if regions is None:
            raise ConfigError("--regions", f"is missing: {folder} learned from regions of the images")
        describer.use_regions(regions)
    return describer


def described_directly(task: Task, describer: DirectDescriber) -> tuple[Row, float]:
    """What it says of the images, and the share of these at which it stopped by itself.

    Args:
        task: the images.
        describer: that says it.

    Raises:
        DataError: the file of regions has none of an image.
    """
    waveforms: list[np.ndarray] = []
    notices: list[Event] = []
    starts = range(0, len(task.images), BATCH)
    for start in progress(starts, "showing and speaking", len(starts), "batches"):
        numbers = task.images[start : start + BATCH]
        images = [task.corpus.image(number) for number in numbers]
        features = describer.features(images, [task.corpus.names[number] for number in numbers])
        waveforms += describer.speak(features, notices.append)
    cut_off = sum(isinstance(event, Notice) for event in notices)
    return Row(waveforms), 1 - cut_off / len(waveforms)

"""The options of the program that measures retrieval."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from avnet.errors import ConfigError
from data.splits import SplitName
from eval.metrics.ranking import Gain


@dataclass(frozen=True)
class RetrievalConfig:
    """Measure retrieval between images and sounds, among one frame and its sound of every video.

    The four directions are im-im, im-aud, aud-im and aud-aud. Without labels, only the frame or sound of the same video
    is a right answer (R@1/5/10, mAP). With labels, every video that shares a class is a right answer too, and with an
    ontology nDCG@30 grades answers by how far apart their classes are. The exact chance level stands beside every
    figure. The image and sound features of L3-Net share no space, so they are also measured after alignment by CCA,
    fitted on the train split.

    Example: python -m eval retrieval runs/ave/model --data corpus --labels-from corpus/labels.json
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder. AVOL-Net has no embedding of images, so im-im is left out for it."""
    data: Path
    """Folder of records that `python -m data prepare` wrote."""
    split: SplitName = "test"
    """Split to measure on."""
    labels_from: Path | None = None
    """Labels of the videos: labels.json, a table with the columns file and label, or the list of a dataset that
    `python -m eval dataset` reads."""
    ontology: Path | None = None
    """File ontology.json of AudioSet, for nDCG; needs --labels-from."""
    gain: Gain = "exponential"
    """Gain in nDCG of an answer of relevance r: exponential (2^r - 1) or linear (r)."""
    out: Path | None = None
    """Folder for retrieval.json and retrieval.png; by default `eval` in the model folder."""

    def __post_init__(self):
        if self.ontology is not None and self.labels_from is None:
            raise ConfigError("--ontology", "needs --labels-from")

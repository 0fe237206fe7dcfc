"""The fixed pairs of a folder of records, as long and at the sample rate that a model needs."""

from pathlib import Path

from avnet.correspondence.model import Model
from avnet.errors import DataError
from data.records import listing
from data.records.listing import CorrespondencePairs, EvaluationPairs, View


def correspondence_pairs(model: Model, data: Path, split: str, snap: bool, seed: int) -> CorrespondencePairs:
    """Half matching, half mismatched pairs.

    Args:
        model: whose clip length counts.
        data: folder of records.
        split: train, validation or test.
        snap: whether the mid-points of the negatives' sound lie on the frame grid.
        seed: draws the negatives.

    Raises:
        DataError: the records cannot be read, are of one video or have another sample rate.
    """
    rate, view = model.config.spectrogram.sample_rate, View.of_network(model.config)
    return listing.correspondence_pairs(
        data, split, model.config.clip_samples, snap=snap, seed=seed, sample_rate=rate, view=view
    )


def evaluation_pairs(model: Model, data: Path, split: str) -> EvaluationPairs:
    """One frame and the sound around it of every video of a split.

    Raises:
        DataError: the records cannot be read, are of one video or have another sample rate.
    """
    rate, view = model.config.spectrogram.sample_rate, View.of_network(model.config)
    pairs = listing.evaluation_pairs(data, split, model.config.clip_samples, sample_rate=rate, view=view)
    # Among one video every answer is right.
    if len(pairs.names) < 2:
        raise DataError(data, f"has {len(pairs.names)} video in the split {split!r}; retrieval needs two")
    return pairs

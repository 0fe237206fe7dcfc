"""What a Show and Speak learns from: whole recordings of about one length, with the places of their images."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from avnet.synthesizers.mel.acoustics import BANDS
from train.captioner.places import Places
from train.show_and_speak.schedules import sampled_share

# Frames that recordings of a batch are padded to, beside the longest, so that few sizes are compiled.
LENGTHS = (240, 360, 480)


@dataclass(frozen=True)
class Recording:
    """What is said of an image.

    Attributes:
        image: its number.
        log_mel: float16 [frames, 80].
    """

    image: int
    log_mel: np.ndarray


class Bucket(NamedTuple):
    """Recordings of about one length.

    Attributes:
        frames: that they are padded to.
        recordings: of that bucket.
    """

    frames: int
    recordings: list[Recording]


def buckets_of(recordings: Sequence[Recording], longest: int) -> list[Bucket]:
    """Recordings by length; those without a frame and those that are too long are left out.

    Args:
        recordings: all of them.
        longest: frames, at most.
    """
    lengths = [*(frames for frames in LENGTHS if frames < longest), longest]
    buckets = [Bucket(frames, []) for frames in lengths]
    for one in recordings:
        if 0 < len(one.log_mel) <= longest:
            buckets[bisect_left(lengths, len(one.log_mel))].recordings.append(one)
    return [bucket for bucket in buckets if bucket.recordings]


class Sampling(NamedTuple):
    """How many steps are told the network's own frames.

    Attributes:
        largest: share of steps.
        epochs: of the sigmoid, its k.
        images: of an epoch.
    """

    largest: float
    epochs: float
    images: int


def described_images(
    buckets: Sequence[Bucket],
    places: Places,
    frames_per_step: int,
    sampling: Sampling,
    seed: int,
    step: int,
    batch_size: int,
) -> dict[str, Any]:
    """The batch of a step: a function of its arguments alone, so that a resumed run goes on with the same.

    Args:
        buckets: recordings by length; each recording is drawn as often as any other.
        places: of the images.
        frames_per_step: of the network.
        sampling: how many steps are told its own frames.
        seed: of the run.
        step: updates done.
        batch_size: recordings.

    Returns:
        As of `batch_of`; and own_share [batch], of the steps that are told the network's own frames.
    """
    rng = np.random.default_rng((seed, step))
    sizes = np.array([len(bucket.recordings) for bucket in buckets], float)
    frames, recordings = buckets[rng.choice(len(buckets), p=sizes / sizes.sum())]
    numbers = rng.choice(len(recordings), batch_size, replace=len(recordings) < batch_size)
    # An epoch shows each image once, with one of its recordings.
    share = sampled_share(step * batch_size / sampling.images, sampling.epochs, sampling.largest)
    batch = batch_of([recordings[number] for number in numbers], places, frames, frames_per_step)
    return {**batch, "own_share": np.full(batch_size, share, np.float32)}


def batch_of(recordings: Sequence[Recording], places: Places, frames: int, frames_per_step: int) -> dict[str, Any]:
    """Recordings and the places of their images as arrays.

    Args:
        recordings: none with more frames than `frames`.
        places: of the images.
        frames: of each row, rounded up to whole steps.
        frames_per_step: of the network.

    Returns:
        cells, mask and boxes [batch, places, ...], as of `ImageFeatures`; image [batch], its number; frames [batch,
        frames, 80], log-mel, zero where there is none; frame_mask [batch, frames].
    """
    images = np.array([one.image for one in recordings], np.int32)
    count = -(-frames // frames_per_step) * frames_per_step
    batch = {
        **{name: np.asarray(array) for name, array in places.of(images)._asdict().items()},
        "image": images,
        "frames": np.zeros((len(recordings), count, BANDS), np.float32),
        "frame_mask": np.zeros((len(recordings), count), bool),
    }
    for row, one in enumerate(recordings):
        frame = slice(len(one.log_mel))
        batch["frames"][row, frame], batch["frame_mask"][row, frame] = one.log_mel, True
    return batch

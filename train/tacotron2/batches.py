"""What a Tacotron 2 learns from: whole recordings of about one length, with the units of their frames."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2.alignment import tokens_of_steps
from train.frame_model.batches import Example

# Frames that examples of a batch are padded to, so that few sizes are compiled; longer recordings are left out.
LENGTHS = (240, 360, 480, 840)
# Frames a unit, at least, over a whole recording.
FRAMES_A_UNIT = 2


class Bucket(NamedTuple):
    """Recordings of about one length.

    Attributes:
        frames: that they are padded to.
        examples: the recordings.
    """

    frames: int
    examples: list[Example]


def buckets_of(examples: Sequence[Example]) -> list[Bucket]:
    """Recordings by length; what is too long, or has too many units for its length, is left out.

    Args:
        examples: strings with their log-mel frames.
    """
    buckets = [Bucket(frames, []) for frames in LENGTHS]
    for one in examples:
        place = bisect_left(LENGTHS, max(len(one.columns), FRAMES_A_UNIT * len(one.string.units)))
        if place < len(LENGTHS):
            buckets[place].examples.append(one)
    return [bucket for bucket in buckets if bucket.examples]


def whole_recordings(
    buckets: Sequence[Bucket], frames_per_step: int, seed: int, step: int, batch_size: int
) -> dict[str, Any]:
    """The batch of a step: a function of its arguments alone, so that a resumed run goes on with the same.

    Args:
        buckets: recordings by length; a bucket is drawn as often as it has frames.
        frames_per_step: of the network.
        seed: of the run.
        step: updates done.
        batch_size: examples.

    Returns:
        As of `batch_of`.
    """
    rng = np.random.default_rng((seed, step))
    sizes = np.array([sum(len(one.columns) for one in bucket.examples) for bucket in buckets], float)
    frames, examples = buckets[rng.choice(len(buckets), p=sizes / sizes.sum())]
    numbers = rng.choice(len(examples), batch_size, replace=len(examples) < batch_size)
    return batch_of([examples[number] for number in numbers], frames, frames_per_step)


def batch_of(examples: Sequence[Example], frames: int, frames_per_step: int) -> dict[str, Any]:
    """Recordings as arrays.

    Args:
        examples: none with more frames than `frames`.
        frames: of each row, rounded up to whole steps.
        frames_per_step: of the network.

    Returns:
        tokens, token_mask [batch, frames / 2]; frames [batch, frames, 80], log-mel, zero where there is none;
        frame_mask [batch, frames]; tokens_of_steps [batch, steps].
    """
    steps, units = -(-frames // frames_per_step), frames // FRAMES_A_UNIT
    batch = {
        "tokens": np.zeros((len(examples), units), np.int32),
        "token_mask": np.zeros((len(examples), units), bool),
        "frames": np.zeros((len(examples), steps * frames_per_step, BANDS), np.float32),
        "frame_mask": np.zeros((len(examples), steps * frames_per_step), bool),
        "tokens_of_steps": np.zeros((len(examples), steps), np.int32),
    }
    for row, one in enumerate(examples):
        token, frame = slice(len(one.string.units)), slice(len(one.columns))
        of_steps = tokens_of_steps(one.string.durations, frames_per_step)
        batch["tokens"][row, token], batch["token_mask"][row, token] = one.string.units, True
        batch["frames"][row, frame], batch["frame_mask"][row, frame] = one.columns, True
        batch["tokens_of_steps"][row, : len(of_steps)] = of_steps
    return batch

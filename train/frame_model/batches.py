"""What a frame model learns from: stretches of unit strings, with what the frames of their recordings hold."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from avnet.program.progress import progress
from avnet.synthesizers.frame_model.config import RATES
from avnet.synthesizers.frame_model.parameters import Parameters
from avnet.synthesizers.mel.acoustics import HOP, frames_of_mel
from avnet.synthesizers.source_filter.analysis import analyze
from avnet.synthesizers.source_filter.columns import columns_of
from avnet.units.strings import UnitString
from train.vocoder.batches import utterances_of

# Units of a stretch, and frames of 10 ms of it at most.
STRETCH, FRAMES = 64, 256


@dataclass(frozen=True)
class Example:
    """One recording as a frame model sees it.

    Attributes:
        string: its units.
        columns: float32 [frames * rate, columns], what its frames hold.
    """

    string: UnitString
    columns: np.ndarray


# What the frames of a waveform hold that begins with its first unit.
MEASURES: dict[Parameters, Callable[[np.ndarray], np.ndarray]] = {
    "mel": lambda waveform: frames_of_mel(waveform, len(waveform) // HOP, 0),
    "source-filter": lambda waveform: columns_of(analyze(waveform)),
}


def examples_of(
    waveforms: Sequence[np.ndarray], strings: Sequence[UnitString], frames_per_step: int, parameters: Parameters
) -> list[Example]:
    """Measures recordings; those without units are left out.

    Args:
        waveforms: mono at 16 kHz.
        strings: of the recordings, in the same order.
        frames_per_step: frames of 10 ms for which one unit was chosen.
        parameters: what their frames shall hold.
    """
    utterances = utterances_of(waveforms, strings, frames_per_step)
    measure = MEASURES[parameters]
    return [
        Example(one.string, measure(one.waveform).astype(np.float32))
        for one in progress(utterances, "measuring", len(utterances), "recordings")
    ]


def arrays_of(examples: Sequence[Example]) -> Iterator[np.ndarray]:
    """All that a run learns from, for its fingerprint."""
    for one in examples:
        yield from (one.columns, one.string.units, one.string.durations)


def stretches(
    corpus: Sequence[Example], parameters: Parameters, seed: int, step: int, batch_size: int
) -> dict[str, Any]:
    """The batch of a step: a function of its arguments alone, so that a resumed run goes on with the same.

    Args:
        corpus: recordings; a longer one is drawn more often.
        parameters: what their frames hold.
        seed: of the run.
        step: updates done.
        batch_size: examples.

    Returns:
        units, durations [batch, 64], zero after the end; columns [batch, 256 * rate, columns]; mask [batch,
        256 * rate], frames that exist.
    """
    rng = np.random.default_rng((seed, step))
    sizes = np.array([len(example.string.units) for example in corpus], float)
    examples = [corpus[number] for number in rng.choice(len(corpus), batch_size, p=sizes / sizes.sum())]
    rows = [_stretch(example, RATES[parameters], rng) for example in examples]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _stretch(example: Example, rate: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    string = example.string
    first = int(rng.integers(max(0, len(string.units) - STRETCH) + 1))
    part = slice(first, first + STRETCH)
    units, durations = string.units[part].astype(np.int32), string.durations[part].astype(np.int32)
    begin = int(string.starts[first]) * rate
    frames = min(int(durations.sum()), FRAMES) * rate
    columns = example.columns[begin : begin + frames]
    rest = ((0, STRETCH - len(units)),)
    return {
        "units": np.pad(units, rest),
        "durations": np.pad(durations, rest),
        "columns": np.pad(columns, ((0, FRAMES * rate - len(columns)), (0, 0))),
        "mask": np.arange(FRAMES * rate) < len(columns),
    }

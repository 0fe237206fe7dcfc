"""How speech units divide recordings: as numbers, and as a figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avnet.audio.mfcc import HOP_S
from avnet.audio.pcm import SPEECH_RATE
from avnet.pages.figure import figure, save
from avnet.units.strings import UnitString, seconds_of
from eval.metrics.phonetic import entropy

FIGURE = "units.png"


def print_statistics(figures: dict[str, float]) -> None:
    """One line for each number."""
    for name, value in figures.items():
        print(f"{name:<28}{value:>10.2f}")


def unit_statistics(strings: Sequence[UnitString], count: int) -> dict[str, float]:
    """How units divide recordings.

    Args:
        strings: of the recordings.
        count: of units there are.

    Returns:
        Units a second; their perplexity (the number of units that equal use of would be as hard to guess); the seconds
        that one lasts; bits a second, each unit at the entropy of their frequencies; and those with durations too.

    Reference: for the bit rate, Dunbar et al., "The Zero Resource Speech Challenge 2019: TTS without T", 2019, section
        3, there of units that are not collapsed.
    """
    seconds = sum(map(seconds_of, strings))
    occurrences = np.bincount(np.concatenate([string.units for string in strings]), minlength=count)
    lengths = np.bincount(np.concatenate([string.durations for string in strings]))
    total, bits = float(occurrences.sum()), entropy(occurrences)
    rate = total / seconds if seconds else 0.0
    return {
        "units a second": rate,
        "perplexity": 2.0**bits,
        "seconds a unit": 1 / rate if rate else 0.0,
        "bits a second": rate * bits,
        "bits with durations": rate * (bits + entropy(lengths)),
    }


def draw(waveform: np.ndarray, string: UnitString, path: Path) -> None:
    """The loudness of one recording over time, divided into its units."""
    fig, (panel,) = figure(1)
    fig.set_size_inches(14, 3.5)
    panel.plot(np.arange(len(waveform)) / SPEECH_RATE, waveform, linewidth=0.3)
    for start, unit in zip(string.starts * HOP_S, string.units, strict=True):
        panel.axvline(start, color="tab:red", linewidth=0.4)
        panel.text(start, 1.02, str(unit), fontsize=5, rotation=90, transform=panel.get_xaxis_transform())
    panel.set(xlabel="seconds", ylabel="a recording and its units", xlim=(0, len(waveform) / SPEECH_RATE))
    save(fig, path)

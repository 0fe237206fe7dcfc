"""How speech units divide recordings: as numbers and as a figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from avnet.audio.mfcc import HOP_S
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import DataError
from avnet.media.audio import read_sounds
from avnet.media.suffixes import SOUNDS, VIDEOS
from avnet.pages.figure import figure, save
from avnet.program.output import output_folder
from avnet.program.progress import progress, show_progress
from avnet.units.registry import read_any_units
from avnet.units.strings import UnitString, seconds_of
from data.images.corpus import LISTING
from data.spoken.corpus import open_corpus
from eval import report
from eval.spoken.config import UnitsConfig

FIGURE = "units.png"


def units(config: UnitsConfig) -> None:
    """Runs the whole command.

    Raises:
        DataError: there is no recording that can be read.
        ModelFolderError: the units cannot be read.
    """
    recordings, limit = config.recordings, config.limit
    encoder = read_any_units(config.units)
    if (recordings / LISTING).is_file():
        corpus = open_corpus(recordings)
        numbers = np.random.default_rng(config.seed).permutation(corpus.recordings_in("validation"))[:limit]
        waveforms = [corpus.recordings[number] for number in numbers]
    else:
        with show_progress() as on_event:
            waveforms = read_sounds(recordings, (*SOUNDS, *VIDEOS), SPEECH_RATE, on_event)
        waveforms = [waveforms[i] for i in np.random.default_rng(config.seed).permutation(len(waveforms))[:limit]]
    if not waveforms:
        raise DataError(recordings, "holds no recording that can be read")
    folder = output_folder(config.out)
    strings = [encoder.encode(waveform) for waveform in progress(waveforms, "encoding", len(waveforms), "recordings")]
    figures = {"recordings": float(len(strings)), **unit_statistics(strings, encoder.count)}
    draw(waveforms[0], strings[0], folder / FIGURE)
    print_statistics(figures)
    facts = {"folder": str(config.units), "fingerprint": encoder.fingerprint}
    settings = {"recordings": recordings, "limit": limit}
    report.write_report(folder / "units.json", config.seed, facts, settings, figures, {})


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
        Units a second, their perplexity (the number of units that equal use of would be as hard to guess), and the
        seconds that one lasts.
    """
    seconds = sum(map(seconds_of, strings))
    occurrences = np.bincount(np.concatenate([string.units for string in strings]), minlength=count)
    share = occurrences[occurrences > 0] / max(1, occurrences.sum())
    perplexity = float(np.exp(-(share * np.log(share)).sum()))
    total = float(occurrences.sum())
    return {
        "units a second": total / seconds if seconds else 0.0,
        "perplexity": perplexity,
        "seconds a unit": seconds / total if total else 0.0,
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

"""`python -m eval units`: how several speech units divide recordings, and how far they agree with phones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.mfcc import mfcc
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import ConfigError, DataError
from avnet.media.audio import read_sounds
from avnet.media.suffixes import SOUNDS, VIDEOS
from avnet.program.output import output_folder
from avnet.program.progress import progress, show_progress
from avnet.units.registry import read_any_units
from avnet.units.strings import UnitString
from avnet.units.units import Units
from data.images.corpus import LISTING
from data.spoken.corpus import open_corpus
from eval import report
from eval.metrics.phonetic import abx, agreement, angle, unequal
from eval.spoken.config import UnitsConfig
from eval.spoken.phones import PAUSE, open_phones, triphones_of
from eval.spoken.segmentation import FIGURE, draw, unit_statistics

# Rows beside those of units.
CEPSTRA, DRAWN, SPOKEN = "cepstra", "drawn at random", "phones"


@dataclass(frozen=True)
class Heard:
    """Recordings, and what is known of them.

    Attributes:
        waveforms: mono at 16 kHz.
        phones: of each recording, where they are known.
        names: of the phones, the first is the pause.
    """

    waveforms: list[np.ndarray]
    phones: list[UnitString] | None = None
    names: tuple[str, ...] = ()


def units(config: UnitsConfig) -> None:
    """Runs the whole command.

    Raises:
        DataError: there is no recording that can be read, or the phones are of another corpus.
        ModelFolderError: the units cannot be read.
    """
    encoders = dict(zip(names_of(config.units), map(read_any_units, config.units), strict=True))
    heard = hear(config)
    if not heard.waveforms:
        raise DataError(config.recordings, "holds no recording that can be read")
    folder = output_folder(config.out)
    rows = {}
    for name, encoder in encoders.items():
        strings = [
            encoder.encode(waveform)
            for waveform in progress(heard.waveforms, f"encoding {name}", len(heard.waveforms), "recordings")
        ]
        rows[name] = {**unit_statistics(strings, encoder.count), **compare(heard, strings, encoder, config.seed)}
        draw(heard.waveforms[0], strings[0], folder / (FIGURE if len(encoders) == 1 else f"{name}.png"))
    rows |= baselines(heard, max(encoder.count for encoder in encoders.values()), config.seed)
    print_rows(rows, len(heard.waveforms))
    facts = {name: encoder.fingerprint for name, encoder in encoders.items()}
    settings = {"recordings": config.recordings, "phones": config.phones, "limit": config.limit}
    report.write_report(folder / "units.json", config.seed, {"units": facts}, settings, rows, {})


def names_of(folders: Sequence[Path]) -> list[str]:
    """A name for each folder: as much of the end of its path as tells it from the others."""
    parts = 1
    while len({"-".join(folder.absolute().parts[-parts:]) for folder in folders}) < len(folders):
        if parts > max(len(folder.absolute().parts) for folder in folders):
            raise ConfigError("--units", "names a folder twice")
        parts += 1
    return ["-".join(folder.absolute().parts[-parts:]) for folder in folders]


def hear(config: UnitsConfig) -> Heard:
    """Reads some recordings, drawn at random, with their phones where these are known."""
    rng, limit = np.random.default_rng(config.seed), config.limit
    if not (config.recordings / LISTING).is_file():
        if config.phones is not None:
            raise ConfigError("--phones", "needs the spoken corpus that they were written for")
        with show_progress() as on_event:
            waveforms = read_sounds(config.recordings, (*SOUNDS, *VIDEOS), SPEECH_RATE, on_event)
        return Heard([waveforms[number] for number in rng.permutation(len(waveforms))[:limit]])
    corpus = open_corpus(config.recordings)
    numbers = corpus.recordings_in("validation")
    if config.phones is None:
        return Heard([corpus.recordings[number] for number in rng.permutation(numbers)[:limit]])
    names, strings = open_phones(config.phones, corpus)
    numbers = rng.permutation([number for number in numbers if len(strings[number].units)])[:limit]
    return Heard(
        [corpus.recordings[number] for number in numbers], [strings[number] for number in numbers], tuple(names)
    )


def compare(heard: Heard, strings: Sequence[UnitString], encoder: Units, seed: int) -> dict[str, float]:
    """How far units agree with phones; nothing where these are unknown."""
    if heard.phones is None:
        return {}
    # A step of several frames has its middle behind that of its first frame.
    shift = (encoder.frames_per_step - 1) // 2
    return _against(heard, [np.repeat(string.units, string.durations)[shift:] for string in strings], seed)


def baselines(heard: Heard, count: int, seed: int) -> dict[str, dict[str, float]]:
    """What the phones themselves, spectra without units, and units drawn at random come to.

    Args:
        heard: recordings.
        count: of units drawn at random.
        seed: with which they are drawn.
    """
    if heard.phones is None:
        return {}
    rng = np.random.default_rng(seed)
    drawn = [rng.integers(count, size=string.frames) for string in heard.phones]
    cepstra = [mfcc(waveform) for waveform in heard.waveforms]
    every = np.concatenate(cepstra)
    cepstra = [(rows - every.mean(axis=0)) / every.std(axis=0) for rows in cepstra]
    error = abx(triphones_of(heard.phones, heard.names.index(PAUSE)), cepstra, angle, seed)
    return {
        SPOKEN: unit_statistics(heard.phones, len(heard.names)),
        CEPSTRA: {"abx": error},
        DRAWN: _against(heard, drawn, seed),
    }


def _against(heard: Heard, labels: Sequence[np.ndarray], seed: int) -> dict[str, float]:
    """Purity, mutual information and ABX of a label for each frame."""
    assert heard.phones is not None
    pause = heard.names.index(PAUSE)
    true = [np.repeat(string.units, string.durations) for string in heard.phones]
    # The last window may miss, or a step reach behind the end.
    both = [(ours[: len(theirs)], theirs[: len(ours)]) for ours, theirs in zip(labels, true, strict=True)]
    ours, theirs = (np.concatenate(column) for column in zip(*both, strict=True))
    speech = theirs != pause
    frames = [
        np.pad(row, (0, max(0, len(other) - len(row))), mode="edge")[:, None]
        for row, other in zip(labels, true, strict=True)
    ]
    error = abx(triphones_of(heard.phones, pause), frames, unequal, seed)
    return {**agreement(ours[speech], theirs[speech]), "abx": error}


def print_rows(rows: Mapping[str, Mapping[str, float]], recordings: int) -> None:
    """A table: a row for each of the units."""
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    cells = [(name, [f"{row[c]:.3f}" if c in row else "-" for c in columns]) for name, row in rows.items()]
    report.print_cells(f"Units of {recordings} recordings", columns, cells)

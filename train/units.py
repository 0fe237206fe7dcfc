"""`python -m train units`: speech units learned from recordings alone, by k-means on MFCC."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import tyro
from sklearn.cluster import MiniBatchKMeans

from avnet.cli.progress import progress
from avnet.errors import ConfigError, DataError, MediaError, TrainingError
from avnet.media import read_waveform
from avnet.media.suffixes import SOUNDS, VIDEOS
from avnet.speech.mfcc import HOP_S, RATE, mfcc
from avnet.speech.units import Units, UnitString, seconds_of, write_units
from data.figure import figure, save
from data.spoken.packed import LISTING, open_corpus

# Enough for some hundred centroids; more frames only take time.
MAX_FRAMES = 400_000
MAX_RECORDINGS = 2_000

# Every so many recordings one is not learned from, and the table is of these.
HELD_OUT = 10


@dataclass(frozen=True)
class UnitsConfig:
    """Learn speech units from recordings: what is said becomes a string of numbers, without any text.

    Writes config.json, units.safetensors and units.png, and prints how the units divide recordings not learned from.

    Example: python -m train units recordings --out units
    """

    recordings: Annotated[Path, tyro.conf.Positional]
    """Spoken corpus, or any folder: it is searched for sound and video files."""
    out: Path
    """Folder of the units; earlier units there are replaced."""
    count: int = 200
    """Units."""
    penalty: float = 20.0
    """What a change of unit costs; more makes fewer, longer units."""
    seed: int = 0
    """Of k-means."""

    def __post_init__(self):
        if not 2 <= self.count <= 65_536 or not 0 <= self.penalty <= 1e6 or self.seed < 0:
            raise ConfigError("--count, --penalty, --seed", "want 2 to 65536, 0 to 1e6 and at least 0")


def units(config: UnitsConfig) -> dict[str, float]:
    """Runs the whole command.

    Returns:
        What it prints: recordings, units a second, perplexity, seconds a unit.

    Raises:
        DataError: there are fewer than two recordings that can be read.
        TrainingError: they are shorter than the units are many.
    """
    waveforms = recordings_of(config.recordings, config.seed)
    held_out = waveforms[::HELD_OUT]
    learned = [waveform for i, waveform in enumerate(waveforms) if i % HELD_OUT]
    fitted = fit_units(learned, config.count, config.penalty, config.seed)
    strings = [fitted.encode(waveform) for waveform in progress(held_out, "encoding", len(held_out), "recordings")]
    found = {"recordings": float(len(waveforms)), **describe(strings, config.count)}
    write_units(config.out, fitted)
    draw(held_out[0], strings[0], config.out / "units.png")
    for name, value in found.items():
        print(f"{name:<28}{value:>10.2f}")
    print(f"units: {config.out}")
    return found


def recordings_of(folder: Path, seed: int) -> list[np.ndarray]:
    """Of a spoken corpus some training recordings, enough for `MAX_FRAMES`; of any other folder all that it holds."""
    if not (folder / LISTING).is_file():
        return read_recordings(folder)
    corpus = open_corpus(folder)
    listed = np.random.default_rng(seed).permutation(corpus.recordings_in("train"))
    return [corpus.recordings[number] for number in listed[:MAX_RECORDINGS]]


def read_recordings(folder: Path) -> list[np.ndarray]:
    """The sounds below a folder in order of their names, at 16 kHz; what cannot be read is named and left out.

    Raises:
        DataError: fewer than two can be read.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not a folder" if folder.exists() else "does not exist")
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (*SOUNDS, *VIDEOS))
    waveforms = []
    for file in progress(files, "reading", len(files), "recordings"):
        try:
            waveforms.append(read_waveform(file, RATE).samples)
        except MediaError as error:
            print(f"left out: {error}")
    if len(waveforms) < 2:
        raise DataError(folder, f"holds {len(waveforms)} recordings that can be read; two are needed at least")
    return waveforms


def describe(strings: Sequence[UnitString], count: int) -> dict[str, float]:
    """How units divide recordings.

    Args:
        strings: of the recordings.
        count: of units there are.

    Returns:
        Units a second, their perplexity (the number of units that equal use of would be as hard to guess), and the
        seconds that one lasts.
    """
    seconds = sum(map(seconds_of, strings))
    used = np.bincount(np.concatenate([string.units for string in strings]), minlength=count)
    share = used[used > 0] / max(1, used.sum())
    perplexity = float(np.exp(-(share * np.log(share)).sum()))
    total = float(used.sum())
    return {
        "units a second": total / seconds if seconds else 0.0,
        "perplexity": perplexity,
        "seconds a unit": seconds / total if total else 0.0,
    }


def draw(waveform: np.ndarray, string: UnitString, path: Path) -> None:
    """The loudness of one recording over time, divided into its units."""
    fig, (panel,) = figure(1)
    fig.set_size_inches(14, 3.5)
    panel.plot(np.arange(len(waveform)) / RATE, waveform, linewidth=0.3)
    for start, unit in zip(string.starts * HOP_S, string.units, strict=True):
        panel.axvline(start, color="tab:red", linewidth=0.4)
        panel.text(start, 1.02, str(unit), fontsize=5, rotation=90, transform=panel.get_xaxis_transform())
    panel.set(xlabel="seconds", ylabel="a recording and its units", xlim=(0, len(waveform) / RATE))
    save(fig, path)


def fit_units(waveforms: Sequence[np.ndarray], count: int, penalty: float, seed: int = 0) -> Units:
    """Centroids of the frames of all recordings.

    Args:
        waveforms: mono in [-1, 1] at 16 kHz.
        count: of units.
        penalty: what a change of unit costs when speech is encoded, in squared distance of scaled MFCC.
        seed: fixes the frames that are drawn and the start of k-means.

    Raises:
        TrainingError: there are fewer frames than units.
    """
    features = np.concatenate([mfcc(waveform) for waveform in waveforms]) if waveforms else np.zeros((0, 39))
    if len(features) < count:
        raise TrainingError("recordings", f"have {len(features)} frames of 10 ms, fewer than {count} units")
    mean, spread = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-5)
    rng = np.random.default_rng(seed)
    if len(features) > MAX_FRAMES:
        features = features[rng.choice(len(features), MAX_FRAMES, replace=False)]
    means: Any = MiniBatchKMeans(count, random_state=seed, batch_size=4096, n_init=cast(Any, 3))
    means.fit((features - mean) / spread)
    return Units(means.cluster_centers_.astype(np.float32), mean, spread, penalty)

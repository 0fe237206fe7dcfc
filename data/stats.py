"""`python -m data stats`: how long and how loud the videos of a folder of records are, and why others were rejected."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from avnet.cli.progress import progress
from avnet.whole import write_text
from data import manifest
from data.figure import figure, save
from data.records import open_split, split_sizes
from data.sampling import SamplingConfig, loudness_dbfs

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SILENCE_DBFS = -100.0


@dataclass(frozen=True)
class StatsConfig:
    """Plot durations, loudness and rejects of prepared records.

    Writes stats.png and stats.json into the folder.

    Example: python -m data stats corpus
    """

    data: Annotated[Path, tyro.conf.Positional]
    """Folder that `python -m data prepare` wrote."""


def stats(config: StatsConfig) -> None:
    """Runs the whole command and prints a table of quantiles.

    Raises:
        DataError: the folder was not written by `prepare`, or is damaged.
    """
    rows = manifest.read(config.data)
    seconds = np.array([row.seconds for row in rows if row.records])
    loudness = segment_loudness(config.data)
    rejects = dict(manifest.reject_counts(rows).most_common())
    found = {"seconds": quantiles(seconds), "loudness_dbfs": quantiles(loudness), "rejects": rejects}
    write_text(config.data / "stats.json", json.dumps(found, indent=2) + "\n")
    _plot(config.data / "stats.png", seconds, loudness, rejects)
    print(f"{'share of videos or segments below':<36}" + "".join(f"{share:>9.0%}" for share in QUANTILES))
    for name in ("seconds", "loudness_dbfs"):
        print(f"{name:<36}" + "".join(f"{value:>9.1f}" for value in found[name].values()))
    print(f"rejected: {', '.join(f'{count} {kind}' for kind, count in rejects.items()) or 'none'}")
    print(f"figure: {config.data / 'stats.png'}")


def segment_loudness(folder: Path) -> np.ndarray:
    """Level of the loudest second of each segment: float64 [n] dB relative to full scale, -100 for silence."""
    levels = []
    sizes = split_sizes(folder)
    for split in (name for name, size in sizes.items() if size):
        segments = open_split(folder, split)
        for i in progress(range(len(segments)), f"listening to {split}", len(segments), "segments"):
            segment = segments[i]
            samples = segment.waveform.astype(np.float64) / 32767.0
            levels.append(loudness_dbfs(samples, SamplingConfig(sample_rate=segment.sample_rate)))
    return np.maximum(np.array(levels), SILENCE_DBFS)


def quantiles(values: np.ndarray) -> dict[str, float]:
    """The values below which 5, 25, 50, 75 and 95 % lie; empty where there are none."""
    return {f"{share:g}": round(float(np.quantile(values, share)), 3) for share in QUANTILES} if len(values) else {}


def _plot(path: Path, seconds: np.ndarray, loudness: np.ndarray, rejects: dict[str, int]) -> None:
    fig, (left, middle, right) = figure(3)
    left.hist(seconds, bins=30)
    left.set(xlabel="picture with sound, seconds", ylabel="videos")
    middle.hist(loudness, bins=30)
    middle.set(xlabel="loudest second, dB relative to full scale", ylabel="segments")
    right.barh(list(rejects)[::-1], list(rejects.values())[::-1])
    right.set(xlabel="rejected inputs")
    save(fig, path)

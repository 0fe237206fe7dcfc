"""`python -m data stats`: how long, loud and lively recorded videos are, and why others were rejected."""

import json
from pathlib import Path

import numpy as np

from avnet.files.whole import write_text
from avnet.pages.figure import figure, save
from avnet.program.progress import progress
from data.corpus import manifest
from data.corpus.config import StatsConfig
from data.corpus.corpus import read_manifest
from data.records.records import open_split, split_sizes

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def stats(config: StatsConfig) -> None:
    """Runs the whole command and prints a table of quantiles.

    Raises:
        DataError: the folder was not written by `prepare`, or is damaged.
    """
    rows = read_manifest(config.data)
    seconds = np.array([row.seconds for row in rows if row.records])
    loudness, motion = segment_levels(config.data)
    rejects = dict(manifest.reject_counts(rows).most_common())
    figures = {
        "seconds": quantiles(seconds),
        "loudness_dbfs": quantiles(loudness),
        "motion": quantiles(motion),
        "rejects": rejects,
    }
    write_text(config.data / "stats.json", json.dumps(figures, indent=2) + "\n")
    _plot(config.data / "stats.png", seconds, loudness, motion, rejects)
    print(f"{'share of videos or segments below':<36}" + "".join(f"{share:>9.0%}" for share in QUANTILES))
    for name in ("seconds", "loudness_dbfs", "motion"):
        print(f"{name:<36}" + "".join(f"{value:>9.1f}" for value in figures[name].values()))
    print(f"rejected: {', '.join(f'{count} {kind}' for kind, count in rejects.items()) or 'none'}")
    print(f"figure: {config.data / 'stats.png'}")


def segment_levels(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Of each segment the level of its loudest second, float64 [n] dB relative to full scale, and its motion [n]."""
    levels = []
    sizes = split_sizes(folder)
    for split in (name for name, size in sizes.items() if size):
        segments = open_split(folder, split)
        numbers = progress(range(len(segments)), f"reading {split}", len(segments), "segments")
        levels += [(segment.loudness_dbfs, segment.motion) for segment in map(segments.__getitem__, numbers)]
    loudness, motion = np.array(levels, np.float64).reshape(-1, 2).T
    return loudness, motion


def quantiles(values: np.ndarray) -> dict[str, float]:
    """The values below which 5, 25, 50, 75 and 95 % lie; empty where there are none."""
    return {f"{share:g}": round(float(np.quantile(values, share)), 3) for share in QUANTILES} if len(values) else {}


def _plot(path: Path, seconds: np.ndarray, loudness: np.ndarray, motion: np.ndarray, rejects: dict[str, int]) -> None:
    fig, (durations, levels, changes, reasons) = figure(4)
    durations.hist(seconds, bins=30)
    durations.set(xlabel="frames with sound, seconds", ylabel="videos")
    levels.hist(loudness, bins=30)
    levels.set(xlabel="loudest second, dB relative to full scale", ylabel="segments")
    changes.hist(motion, bins=30)
    changes.set(xlabel="mean difference between kept frames, grey levels of 255", ylabel="segments")
    reasons.barh(list(rejects)[::-1], list(rejects.values())[::-1])
    reasons.set(xlabel="rejected inputs")
    save(fig, path)

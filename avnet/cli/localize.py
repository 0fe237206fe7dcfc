"""`avnet localize`: where in a video or picture the sound comes from."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import tyro
from PIL import Image

from avnet.apps.inputs import is_picture
from avnet.apps.models import load_for
from avnet.apps.moments import BATCH, clip_about, is_silent, loudest_time, video_span
from avnet.correspondence.heatmap import overlay, upsample
from avnet.correspondence.verdict import Verdict, describe, judge, runs
from avnet.errors import ConfigError, NoVideoTrack
from avnet.files.whole import whole_file, write_text
from avnet.media.audio import Waveform, read_waveform
from avnet.media.container import probe
from avnet.media.image import read_image, resize_short_side
from avnet.media.video import HELD_S, frames_on_screen
from avnet.media.write import write_video
from avnet.program.output import output_folder
from avnet.program.progress import progress

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

MAX_FPS = 25.0


@dataclass(frozen=True)
class LocalizeConfig:
    """Show where in a video or image the sound comes from, or that nothing in it makes the sound.

    Writes into --out: overlay.mp4 (or overlay.png), heatmaps.npz (heatmaps [n, rows, columns] of absolute
    probabilities, time_s [n]) and scores.json (for each heatmap its peak, its place and the verdict).

    Example: avnet localize model video.mp4 --out result
    """

    model: Annotated[Path, tyro.conf.Positional]
    """Model folder, of an AVOL-Net."""
    media: Annotated[Path, tyro.conf.Positional]
    """Video, or jpg or png picture."""
    out: Path
    """Folder for the results."""
    sound: Path | None = None
    """Sound to look for; needed for a picture, and takes the place of a video's own."""
    at: float | None = None
    """For a picture: middle of the clip of the sound, seconds; otherwise its loudest clip."""
    fps: float = 5.0
    """For a video: heatmaps a second; between them they are interpolated."""
    threshold: float = 0.5
    """A peak of at least this probability means that something in the picture sounds."""
    short_side: int = 720
    """The overlay is scaled down to this short side, pixels."""

    def __post_init__(self):
        if not 0.01 <= self.fps <= 100:
            raise ConfigError("--fps", f"wants 0.01 to 100, got {self.fps:g}")
        if not 0 < self.threshold < 1:
            raise ConfigError("--threshold", f"wants a probability between 0 and 1, got {self.threshold:g}")
        if not 16 <= self.short_side <= 4320:
            raise ConfigError("--short-side", f"wants 16 to 4320 pixels, got {self.short_side}")


def localize(config: LocalizeConfig) -> None:
    """Runs the command.

    Raises:
        AvnetError: the model, an option or a file cannot be used.
    """
    still = is_picture(config.media)
    if not still and config.at is not None:
        raise ConfigError("--at", f"goes with a picture; {config.media} is a video and is searched throughout")
    if still and config.sound is None:
        raise ConfigError("--sound", f"is missing: {config.media} is a picture and makes no sound of its own")
    if config.sound is not None:
        is_picture(config.sound)  # refuses an address or a missing file before the model is loaded
    if config.out.exists() and not config.out.is_dir():
        raise ConfigError(config.out, "cannot be made a folder for the results (File exists)")
    wanted = "which has no heatmap; localize takes a model trained with 'avol'"
    model = load_for(config.model, {"ave": wanted, "l3": wanted})
    verdicts = _localize_picture(config, model) if still else _localize_video(config, model)
    scores = {
        "file": str(config.media),
        "sound": str(config.sound or config.media),
        "model": model.fingerprint,
        "threshold": config.threshold,
        "heatmaps": [asdict(verdict) for verdict in verdicts],
    }
    write_text(config.out / "scores.json", json.dumps(scores, indent=2) + "\n")
    for run in runs(verdicts):
        print(describe(run))
    print(f"results: {config.out}")


def _localize_picture(config: LocalizeConfig, model: "Model") -> list[Verdict]:
    image = read_image(config.media)
    assert config.sound is not None
    sound = read_waveform(config.sound, model.config.spectrogram.sample_rate)
    mid_s = loudest_time(sound, model.config.clip_s) if config.at is None else config.at
    if not sound.start_s <= mid_s <= sound.end_s:
        raise ConfigError("--at", f"wants {sound.start_s:.2f} to {sound.end_s:.2f} s, got {mid_s:g}")
    clip = clip_about(sound, mid_s, model.config.clip_s)
    grid = model.heatmaps([image], clip[None])[0]
    shown = resize_short_side(image, min(config.short_side, *image.shape[:2]))
    folder = output_folder(config.out)  # not before all could be read
    _write_heatmaps(folder, np.array([mid_s]), grid[None])
    with whole_file(folder / "overlay.png") as temporary:
        Image.fromarray(overlay(shown, upsample(grid, *shown.shape[:2]))).save(temporary, "PNG")
    return [judge(mid_s, grid, is_silent(clip), config.threshold)]


def _localize_video(config: LocalizeConfig, model: "Model") -> list[Verdict]:
    info = probe(config.media)
    if info.video is None:
        raise NoVideoTrack(config.media, "has no video track")
    sound = read_waveform(config.sound or config.media, model.config.spectrogram.sample_rate)
    if config.sound is not None:
        sound = replace(sound, start_s=info.video.start_s)
    start, end = video_span(info)
    wanted = start + np.arange(max(1, int(np.ceil((end - start) * config.fps - 1e-6)))) / config.fps
    times, grids, silent = _heatmaps(config, model, sound, wanted)
    end = min(end, times[-1] + 1 / config.fps)
    rate = min(info.video.fps, MAX_FPS)
    shown = start + np.arange(max(1, round((end - start) * rate))) / rate
    size = min(config.short_side, info.video.width, info.video.height)
    pictures = _overlaid(config.media, shown, size, times, grids)
    folder = output_folder(config.out)  # not before all could be read
    _write_heatmaps(folder, times, grids)
    write_video(
        folder / "overlay.mp4",
        progress(pictures, "drawing", len(shown), "frames"),
        rate,
        sound.cut((start + end) / 2, end - start),
        sound.sample_rate,
    )
    return [
        judge(float(time), grid, quiet, config.threshold)
        for time, grid, quiet in zip(times, grids, silent, strict=True)
    ]


def _heatmaps(
    config: LocalizeConfig, model: "Model", sound: Waveform, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    """Times [n], grids [n, rows, columns] and whether each clip is silent, up to where the file really ends."""
    times, grids, silent, waiting = [], [], [], []

    def run() -> None:
        parts = [clip_about(sound, time, model.config.clip_s) for time in times[len(silent) :]]
        grids.extend(model.heatmaps(waiting, np.stack(parts)))
        silent.extend(map(is_silent, parts))
        waiting.clear()

    frames = frames_on_screen(config.media, wanted, model.config.image_size, HELD_S)
    moments = ((float(wanted[i]), picture) for slots, _, picture in frames for i in range(slots.start, slots.stop))
    for at, picture in progress(moments, "localizing", len(wanted), "heatmaps"):
        times.append(at)
        waiting.append(picture)
        if len(waiting) == BATCH:
            run()
    if waiting:
        run()
    return np.array(times), np.stack(grids), silent


def _overlaid(
    path: Path, shown: np.ndarray, short_side: int, times: np.ndarray, grids: np.ndarray
) -> Iterator[np.ndarray]:
    """The picture at each time under the heatmap that lies there between its neighbours."""
    places = np.interp(shown, times, np.arange(len(times)))
    for slots, _, picture in frames_on_screen(path, shown, short_side):
        for i in range(slots.start, slots.stop):
            low = int(places[i])
            high, weight = min(low + 1, len(grids) - 1), float(places[i]) - low
            grid = (1 - weight) * grids[low] + weight * grids[high]
            yield overlay(picture, upsample(grid, *picture.shape[:2]))


def _write_heatmaps(folder: Path, times: np.ndarray, grids: np.ndarray) -> None:
    with whole_file(folder / "heatmaps.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, heatmaps=grids.astype(np.float32), time_s=times)

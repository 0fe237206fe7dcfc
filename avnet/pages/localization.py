"""A localization as files: an overlay to look at, the heatmaps as arrays, and the verdicts."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from avnet.apps.localize import Localization
from avnet.errors import AvnetError
from avnet.events import Listener, nobody, steps
from avnet.files.ownership import check_results, is_result, refuse_input
from avnet.files.whole import whole_file, write_text
from avnet.media.image import is_image, resize_short_side
from avnet.media.tracks import probe
from avnet.media.video import frames_on_screen
from avnet.media.write import write_video
from avnet.pages.caption import caption, caption_of
from avnet.pages.heatmap import overlay, upsample

HEATMAPS, SCORES = "heatmaps.npz", "scores.json"
IMAGE_OVERLAY, VIDEO_OVERLAY = "overlay.png", "overlay.mp4"
# Frames per second of an overlay, at most.
MAX_FPS = 25.0
# A longer overlay is written in fragments, in memory that does not grow with it.
LONG_S = 3600.0


def check_localization(folder: Path, media: Path, sound: Path | None = None) -> None:
    """Makes sure, before the work begins, that a localization may be written.

    Args:
        folder: for the results; it may be missing.
        media: the video or image.
        sound: the sound that takes the place of its own.

    Raises:
        AvnetError: a result would take the place of an input, or of a file that avnet did not write.
    """
    overlay_name = IMAGE_OVERLAY if is_image(media) else VIDEO_OVERLAY
    check_results(folder, (overlay_name, HEATMAPS, SCORES), (media, sound) if sound else (media,))


def class_folder(folder: Path, name: str) -> Path:
    """Where in the folder of a localization that of a thing of this name lies."""
    return folder / name.replace(" ", "-")


def old_class_folders(folder: Path) -> list[Path]:
    """Folders of things that were audible in an earlier localization, which holds nothing else.

    Args:
        folder: of the earlier localization, and of that to come; it may be missing.

    Raises:
        AvnetError: an input of the command lies in one of them.
    """
    folders = [path for path in sorted(folder.iterdir()) if _is_class_folder(path)] if folder.is_dir() else []
    for path in folders:
        for file in path.iterdir():
            refuse_input(file)
    return folders


def remove_class_folders(folders: Sequence[Path]) -> None:
    """Deletes what `old_class_folders` gave.

    Raises:
        AvnetError: one cannot be deleted.
    """
    for folder in folders:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise AvnetError(folder, f"cannot be deleted ({error.strerror or error})") from None


def _is_class_folder(path: Path) -> bool:
    """Whether `write_localization` wrote all of a folder, for the thing that it is named after."""
    if path.is_symlink() or not path.is_dir() or not is_result(path):
        return False
    try:
        name = json.loads((path / SCORES).read_text(encoding="utf-8"))["class"]
    except (OSError, ValueError, KeyError):  # a folder of other results, or of a version that named no class
        return False
    return name is not None and class_folder(path.parent, name) == path


def write_localization(
    localization: Localization, folder: Path, short_side: int = 720, on_event: Listener = nobody
) -> None:
    """Writes overlay.mp4 (of an image overlay.png), heatmaps.npz and scores.json.

    Args:
        localization: of a file.
        folder: for them; it must be there.
        short_side: to which the overlay is scaled down, pixels.
        on_event: is told of progress.

    Raises:
        AvnetError: a file cannot be written, or the video no longer be read.
    """
    with whole_file(folder / HEATMAPS) as temporary, temporary.open("wb") as file:
        np.savez(file, heatmaps=localization.heatmaps.astype(np.float32), time_s=localization.times)
    if localization.image is not None:
        _write_image(localization, folder / IMAGE_OVERLAY, short_side)
    else:
        _write_video(localization, folder / VIDEO_OVERLAY, short_side, on_event)
    scores = {
        "file": localization.file,
        "sound": localization.sound_file,
        "model": localization.fingerprint,
        "threshold": localization.threshold,
        "class": localization.of_class,
        "heatmaps": [asdict(verdict) for verdict in localization.verdicts],
    }
    write_text(folder / SCORES, json.dumps(scores, indent=2) + "\n")


def _write_image(localization: Localization, file: Path, short_side: int) -> None:
    image = localization.image
    assert image is not None
    small = resize_short_side(image, min(short_side, *image.shape[:2]))
    colored = overlay(small, upsample(localization.heatmaps[0], *small.shape[:2]))
    with whole_file(file) as temporary:
        Image.fromarray(caption(colored, caption_of(localization.verdicts[0]))).save(temporary, "PNG")


def _write_video(localization: Localization, file: Path, short_side: int, on_event: Listener) -> None:
    assert localization.file is not None  # what has no file is no video
    video = probe(localization.file, localization.audio_track).video
    assert video is not None
    start, end = localization.span_s
    rate = min(video.fps, MAX_FPS)
    times = start + np.arange(max(1, round((end - start) * rate))) / rate
    size = min(short_side, video.width, video.height)
    images = steps(_overlays(localization, times, size), "drawing", len(times), "frames", on_event)
    sound = localization.sound
    waveform = sound.stretch(start, end - start)
    write_video(file, images, rate, waveform, sound.sample_rate, fragments=end - start > LONG_S)


def _overlays(localization: Localization, times: np.ndarray, short_side: int) -> Iterator[np.ndarray]:
    """The frame at each time under the heatmap that lies there between its neighbors, over what the nearest says."""
    assert localization.file is not None
    grids = localization.heatmaps
    places = np.interp(times, localization.times, np.arange(len(grids)))
    for slots, _, image in frames_on_screen(localization.file, times, short_side, audio_track=localization.audio_track):
        for i in range(slots.start, slots.stop):
            low = int(places[i])
            high, weight = min(low + 1, len(grids) - 1), float(places[i]) - low
            grid = (1 - weight) * grids[low] + weight * grids[high]
            colored = overlay(image, upsample(grid, *image.shape[:2]))
            yield caption(colored, caption_of(localization.verdicts[round(float(places[i]))]))

"""`python -m data stamps`: videos with known truth from the stamps of Tux Paint, images with their sounds.

The stamps (GPL-2, by Bill Kendrick and many others) come with the Debian package `tuxpaint-stamps-default`;
where they cannot be had, drawn shapes with synthesised sounds stand in.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avnet.audio.spectrogram import log_spectrogram
from avnet.correspondence.config import ModelConfig
from avnet.errors import AvnetError, DataError
from avnet.media.audio import SAMPLE_RATE
from avnet.program.cache import cache_folder
from data.clips.compose import ComposeSummary, compose_classes
from data.clips.config import StampsConfig
from data.clips.shapes import MAX_CLASSES, ShapesConfig, shapes
from data.clips.soundtrack import read_sound
from data.clips.sources import ClassFiles, UnusedFile, read_cutout

PACKAGE = "tuxpaint-stamps-default"
SYSTEM_FOLDER = Path("/usr/share/tuxpaint/stamps")
# Without a network the shapes should not have to wait long.
APT_GET = ("apt-get", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=0")
APT_GET_TIMEOUT_S = 600
# Folders whose sounds are spoken names, signals or music that the thing in the image does not make (looked
# through one by one): letters, digits, flags, signs, dreidels, candy, a bugle call, a voice from the Moon.
NOT_THEIR_SOUND = ("symbols", "town", "seasonal", "military", "space")
MIN_SOUND_S = 0.25
# Quieter recordings are mostly the noise of the microphone, dBFS over what is left after trimming.
MIN_LEVEL_DBFS = -35.0
MIN_LONGER_SIDE = 90
MAX_ASPECT = 4.0
# Mean opacity of the smallest box around what can be seen; fainter, thinner images vanish in a background.
MIN_OPACITY = 0.25
# Root-mean-square difference of the mean and spread over time of log-mel bands; below it two sounds are one.
MIN_DISTANCE = 0.35


@dataclass(frozen=True)
class Stamp:
    """An image with the sound of what it shows.

    Attributes:
        name: of its class.
        image: png.
        sound: ogg or wav.
        duration_s: of what can be heard.
        timbre: float64 [2 * bands], mean and spread over time of its log-mel spectrogram.
    """

    name: str
    image: Path
    sound: Path
    duration_s: float
    timbre: np.ndarray


def stamps(config: StampsConfig) -> ComposeSummary:
    """Runs the whole command and prints its summary.

    Raises:
        DataError: `--stamps` holds no stamps with sounds, or `out` belongs to something else.
    """
    if config.out.exists() and not config.out.is_dir():
        raise DataError(config.out, "is a file, not a folder to compose into")
    folder = config.stamps if config.stamps is not None else find_stamps()
    if folder is None:
        print(f"{PACKAGE} cannot be had here: composing drawn shapes instead", file=sys.stderr)
        count = min(config.classes, MAX_CLASSES)
        classes = shapes(ShapesConfig(out=config.out / ".sources", classes=count, seed=config.seed))
        unused = []
    else:
        selection, unused = choose_stamps(folder, config.classes)
        classes = {stamp.name: ClassFiles((stamp.image,), (stamp.sound,)) for stamp in selection}
    summary = compose_classes(classes, config, unused)
    print(summary)
    return summary


def find_stamps(system_folder: Path = SYSTEM_FOLDER, cache: Path | None = None) -> Path | None:
    """The folder of the stamps: installed, fetched before, or fetched now with apt-get and unpacked by dpkg.

    Args:
        system_folder: where the package puts them.
        cache: folder to unpack in; that of the user by default.

    Returns:
        None where there is no such package, no network or no home to unpack it in.
    """
    if system_folder.is_dir():
        return system_folder
    if cache is None:
        cache = cache_folder()
        if cache is None:
            return None
    target = cache / PACKAGE
    folder = target / SYSTEM_FOLDER.relative_to("/")
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            package = _download(Path(temporary))
            if package is None:
                return None
            whole = Path(temporary) / "whole"
            subprocess.run(["dpkg", "-x", package, whole], check=True, capture_output=True)
            shutil.rmtree(target, ignore_errors=True)
            # Under its name only when all of it is unpacked: the next run takes what lies there.
            whole.rename(target)
    except (OSError, subprocess.SubprocessError):
        return None
    return folder if folder.is_dir() else None


def _download(folder: Path) -> Path | None:
    """Fetches the package as any user; only root can refresh lists that are missing."""
    print(f"fetching {PACKAGE} with apt-get", file=sys.stderr)
    for refresh in (False, True):
        if refresh:
            if os.geteuid() != 0:
                return None
            subprocess.run([*APT_GET, "update"], capture_output=True, timeout=APT_GET_TIMEOUT_S)
        command = [*APT_GET, "download", PACKAGE]
        subprocess.run(command, cwd=folder, capture_output=True, timeout=APT_GET_TIMEOUT_S)
        if packages := sorted(folder.glob("*.deb")):
            return packages[0]
    return None


def choose_stamps(folder: Path, count: int) -> tuple[list[Stamp], list[UnusedFile]]:
    """Chooses stamps whose sounds are long enough and differ from each other.

    Of several stamps of one kind (`cow`, `cow_white`) the one with the longest sound stands for the class; of
    the two most alike sounds the shorter one then goes, until `count` are left and none are alike.

    Args:
        folder: of the stamps.
        count: classes wanted; there may be fewer.

    Returns:
        The stamps in order of name, and those with a sound that are not used, with the reason.

    Raises:
        DataError: there are not two stamps to use.
    """
    kinds: dict[str, list[Stamp]] = defaultdict(list)
    unused = []
    for image, sound in _pairs(folder):
        try:
            stamp = read_stamp(image, sound)
        except AvnetError as error:
            unused.append(UnusedFile(Path(error.subject), error.reason))
        else:
            kinds[stamp.name].append(stamp)
    selection = []
    for kind in kinds.values():
        best = max(kind, key=lambda stamp: (stamp.duration_s, stamp.image.name))
        selection.append(best)
        reason = f"is of the same kind as {best.image.name}"
        unused += [UnusedFile(stamp.image, reason) for stamp in kind if stamp is not best]
    selection.sort(key=lambda stamp: stamp.name)
    unused += _thin_out(selection, count)
    if len(selection) < 2:
        raise DataError(folder, "has no stamps with sounds of their own (expected dog.png beside dog.ogg)")
    return selection, unused


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Images with a sound of the same name; `dog_fr.ogg` is spoken and has no image."""
    if not folder.is_dir():
        raise DataError(folder, "is not a folder of stamps")
    for image in sorted(folder.rglob("*.png")):
        if not set(image.relative_to(folder).parts) & set(NOT_THEIR_SOUND):
            sounds = [file for suffix in (".ogg", ".wav") if (file := image.with_suffix(suffix)).is_file()]
            yield from ((image, sound) for sound in sounds[:1])


def read_stamp(file: Path, sound: Path) -> Stamp:
    """Reads a stamp and measures its sound.

    Raises:
        AvnetError: a file cannot be read, or the image or sound is too poor to use.
    """
    image = read_cutout(file)
    longer, aspect = max(image.size), max(image.size) / min(image.size)
    if longer < MIN_LONGER_SIDE:
        raise DataError(file, f"is {image.width}x{image.height}; {MIN_LONGER_SIDE} pixels are needed")
    if aspect > MAX_ASPECT:
        raise DataError(file, f"is {aspect:.1f} times as long as wide")
    if image.mode == "RGBA" and (opacity := np.asarray(image.getchannel("A")).mean() / 255) < MIN_OPACITY:
        raise DataError(file, f"is too faint or thin (covers {opacity:.0%} of its box)")
    samples = read_sound(sound)
    seconds = len(samples) / SAMPLE_RATE
    if seconds < MIN_SOUND_S:
        raise DataError(sound, f"has {seconds:.2f} s of sound; {MIN_SOUND_S:g} s are needed")
    level = 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))
    if level < MIN_LEVEL_DBFS:
        raise DataError(sound, f"is too quiet ({level:.0f} dBFS)")
    return Stamp(file.stem.split("_")[0].lower(), file, sound, seconds, timbre(samples))


def timbre(samples: np.ndarray) -> np.ndarray:
    """Mean and spread over time of the log-mel bands of a sound at an even level: float64 [2 * bands]."""
    front = ModelConfig.small().spectrogram
    samples = np.pad(samples, (0, max(0, front.win_length - len(samples)))).astype(np.float64)
    # At one level: a louder recording is not another timbre.
    samples *= 0.1 / max(np.sqrt(np.mean(np.square(samples))), 1e-9)
    bands = np.asarray(log_spectrogram(samples[None].astype(np.float32), front), np.float64)[0, :, :, 0]
    return np.concatenate([bands.mean(axis=1), bands.std(axis=1)])


def distances(items: Iterable[Stamp]) -> np.ndarray:
    """How much the sounds of stamps differ: float64 [n, n], infinite on the diagonal."""
    timbres = np.stack([stamp.timbre for stamp in items])
    matrix = np.sqrt(np.mean(np.square(timbres[:, None] - timbres[None]), axis=-1))
    np.fill_diagonal(matrix, np.inf)
    return matrix


def _thin_out(selection: list[Stamp], count: int) -> list[UnusedFile]:
    """Takes stamps out of the list until at most `count` are left and no two sounds are alike."""
    unused = []
    while len(selection) > 1:
        matrix = distances(selection)
        i, j = divmod(int(np.argmin(matrix)), len(selection))
        if len(selection) <= count and matrix[i, j] >= MIN_DISTANCE:
            break
        out, other = sorted((selection[i], selection[j]), key=lambda stamp: (stamp.duration_s, stamp.name))
        selection.remove(out)
        unused.append(UnusedFile(out.sound, f"sounds like {other.name} (distance {matrix[i, j]:.2f})"))
    return unused

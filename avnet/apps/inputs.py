"""What apps are given: models, files or arrays, and folders that are searched for files."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

import avnet
from avnet.correspondence.kinds import NetworkKind, models_that
from avnet.errors import AvnetError, ConfigError, DataError, NotMedia, OptionError
from avnet.files.tree import list_tree, own_folders
from avnet.media.audio import Waveform
from avnet.media.clips import Sound
from avnet.media.image import read_image
from avnet.media.suffixes import IMAGES, SOUNDS, VIDEOS, goes_without_saying, is_data, why_left_out

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

MEDIA = IMAGES | SOUNDS | VIDEOS
ImageInput = str | Path | np.ndarray
SoundInput = str | Path | Waveform | np.ndarray
File = TypeVar("File", bound=PurePath)


class MediaFiles(NamedTuple):
    """The inputs that paths name.

    Attributes:
        files: without repetition, those of a folder in order of name.
        left_out: what lies in folders among media and is not read, each with the reason.
    """

    files: list[Path]
    left_out: list[NotMedia]


def find_media(paths: Iterable[str | Path]) -> MediaFiles:
    """Lists media files; nothing is opened.

    Args:
        paths: files, taken as they are, and folders, searched by the usual suffixes, through links too.

    Raises:
        DataError: a folder holds no media file.
    """
    # A dict, since a set would forget the order.
    files: dict[Path, None] = {}
    left_out: dict[Path, str] = {}
    for path in map(Path, paths):
        if path.is_dir():
            tree = list_tree(path)
            media, reasons = media_among(tree.files)
            reasons += tree.left_out
            if not media:
                raise no_media_in(path, reasons)
            files.update(media)
            left_out.update(reasons)
        else:
            files[path] = None
    # What is named itself is read, whatever is said of it as one of a folder.
    refusals = [NotMedia(file, reason) for file, reason in left_out.items() if file not in files]
    return MediaFiles(list(files), refusals)


def media_among(files: Sequence[File]) -> tuple[dict[File, None], list[tuple[File, str]]]:
    """Those of files that are media by their names, in order, and the others but for what goes without saying.

    Returns:
        The media, and the others each with the reason why it is left out.
    """
    media = {file: None for file in files if not is_data(file) and file.suffix.lower() in MEDIA}
    stems, own = {file.with_suffix("") for file in media}, own_folders(files)
    rest = [file for file in files if file not in media and not goes_without_saying(file, stems, own)]
    return media, [(file, why_left_out(file)) for file in rest]


def no_media_in(place: str | Path, reasons: Sequence[tuple[PurePath, str]]) -> DataError:
    """The refusal of a folder without media, with the reason for the first of what lies there."""
    example = f" ({reasons[0][0]} {reasons[0][1]})" if reasons else ""
    return DataError(place, f"holds no image, sound or video file{example}")


def refuse_all(refusals: Sequence[AvnetError], total: int) -> None:
    """Refuses with the first reason when none of the inputs could be used.

    Raises:
        DataError: as many were refused as there are.
    """
    if refusals and len(refusals) == total:
        first = refusals[0]
        more = f" (none of {total} inputs could be used)" if total > 1 else ""
        raise DataError(first.subject, f"{first.reason}{more}")


def image_of(image: ImageInput) -> np.ndarray:
    """An image as it is, or read from a file: uint8 RGB [height, width, 3].

    Raises:
        MediaError: the file cannot be read.
        ConfigError: the array is no image.
    """
    if not isinstance(image, np.ndarray):
        return read_image(image)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ConfigError("image", f"must be uint8 [height, width, 3], got {image.dtype} {list(image.shape)}")
    return image


def sound_of(sound: SoundInput, sample_rate: int, audio_track: int | None = None) -> Sound:
    """A sound that is held, or that of a file, which is read when something of it is asked for.

    Args:
        sound: a file, a waveform, or samples [n] at `sample_rate`.
        sample_rate: Hz.
        audio_track: of a file, the number of the audio track to take, from 1 on; None chooses.

    Raises:
        ConfigError: the array holds no mono sound, or the waveform has another sample rate.
    """
    if isinstance(sound, str | Path):
        return Sound.of_file(sound, sample_rate, audio_track)
    waveform = sound if isinstance(sound, Waveform) else Waveform(np.asarray(sound, np.float32), 0.0, sample_rate)
    if waveform.sample_rate != sample_rate:
        raise ConfigError("sound", f"must have {sample_rate} Hz, as the model does, got {waveform.sample_rate}")
    if waveform.samples.ndim != 1 or not len(waveform.samples):
        raise ConfigError("sound", f"must be mono samples [n], got {list(waveform.samples.shape)}")
    return Sound.of_waveform(waveform)


def name_of(media: ImageInput | SoundInput) -> str | None:
    """The path of a file; an array has none."""
    return str(media) if isinstance(media, str | Path) else None


def clip_at(sound: Sound, at: float, clip_s: float) -> np.ndarray:
    """The clip of a sound about a time, float32 [clip_s * sample_rate].

    Raises:
        OptionError: the sound has no such time.
    """
    clip = sound.clip_at(at, clip_s)
    if clip is None:
        start_s, end_s = sound.span_s()
        raise OptionError("at", f"must be from {start_s:.2f} to {end_s:.2f} s, got {at:g}")
    return clip


def check_time(at: float, start_s: float, end_s: float) -> None:
    """Refuses a time before or after what there is.

    Raises:
        OptionError: it is.
    """
    if not start_s <= at <= end_s:
        raise OptionError("at", f"must be from {start_s:.2f} to {end_s:.2f} s, got {at:g}")


def check_track(number: int | None) -> None:
    """Refuses a number that no audio track has.

    Raises:
        OptionError: it is less than 1.
    """
    if number is not None and number < 1:
        raise OptionError("audio_track", f"must be at least 1, got {number}")


def open_model_for(model: "str | Path | Model", lack: Callable[[NetworkKind], str | None]) -> "Model":
    """A model as it is, or opened, if it can do what is asked.

    Args:
        model: or its folder.
        lack: why a kind of network cannot, after 'its network, AVE-Net, '; None where it can.

    Raises:
        ModelFolderError: it cannot be opened.
        ConfigError: its network cannot do it.
    """
    folder = model if isinstance(model, str | Path) else "model"
    if isinstance(model, str | Path):
        model = avnet.Model.load(model)
    if (reason := lack(model.config.kind)) is not None:
        raise ConfigError(folder, f"its network, {model.config.title}, {reason}")
    return model


def open_aligned_model(model: "str | Path | Model") -> "Model":
    """A model whose embeddings of images and of sounds can be compared.

    Raises:
        ModelFolderError, ConfigError: as in `open_model_for`.
    """

    def lack(kind: NetworkKind) -> str | None:
        if kind.aligned:
            return None
        reason = f"search takes {models_that(lambda other: other.aligned)}"
        if not kind.one_vector:
            return f"has no single embedding for an image; {reason}"
        return f"has features of images and of sounds that are not aligned; {reason}"

    return open_model_for(model, lack)

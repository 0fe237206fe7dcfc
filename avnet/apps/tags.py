"""What an image shows or a sound is called, by the classifiers inside a model, or by the words of a tagger."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import avnet
from avnet.apps.inputs import (
    ImageInput,
    SoundInput,
    clip_at,
    find_media,
    image_of,
    name_of,
    open_model_for,
    refuse_all,
    sound_of,
)
from avnet.correspondence.kinds import models_that
from avnet.errors import AvnetError, ConfigError, MediaError, NotMedia, OptionError, Silent
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.files.artifact import read_header
from avnet.files.kinds import MODEL, TAGGER
from avnet.media.clips import is_silent
from avnet.media.image import is_image
from avnet.zoo.reference import locate

if TYPE_CHECKING:
    from avnet.correspondence.model import Model
    from avnet.tagger.tagger import Tagger


@dataclass(frozen=True)
class Tag:
    """A name and how probable it is.

    Attributes:
        name: of an image, a group of ImageNet's classes, or a word of a tagger; of a sound, a class of AudioSet.
        probability: in [0, 1], to three digits.
    """

    name: str
    probability: float


@dataclass(frozen=True)
class TagOptions:
    """Which words of a tagger become tags.

    Example:
        >>> avnet.TagOptions(top=5).threshold is None
        True
    """

    threshold: float | None = None
    """Probability above which a word is a tag. Default: that of each word at which tags were as often right on
    validation as was asked for in training."""
    top: int | None = None
    """Greatest number of tags of an image; without --threshold, always so many."""

    def __post_init__(self):
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise OptionError("threshold", f"must be a probability from 0 to 1, got {self.threshold:g}")
        if self.top is not None and self.top < 1:
            raise OptionError("top", f"must be at least 1, got {self.top}")


@dataclass(frozen=True)
class TaggedImage:
    """An image with its tags.

    Attributes:
        file: it came from; None for an array.
        image: uint8 RGB [height, width, 3].
        tags: the most probable first.
        heatmaps: of each tag, float32 [rows, columns] over the square in the middle of the image; none where none were
            asked for.
    """

    file: str | None
    image: np.ndarray
    tags: tuple[Tag, ...]
    heatmaps: tuple[np.ndarray, ...] = ()


def tags(
    model: "str | Path | Model | Tagger",
    *,
    image: ImageInput | None = None,
    sound: SoundInput | None = None,
    at: float | None = None,
    audio_track: int | None = None,
) -> tuple[Tag, ...]:
    """Names for what an image shows or a sound is, the most probable first; none where nothing is probable.

    Args:
        model: one that is made of two classifiers (joint or zero-shot), or a tagger, which takes images only; or its
            folder.
        image: jpg or png file, or uint8 RGB [height, width, 3].
        sound: file, waveform, or samples [n] at the model's sample rate.
        at: middle of the clip of the sound in seconds; None for the loudest.
        audio_track: number of the audio track of the sound's file, from 1 on; None for the film's own.

    Raises:
        AvnetError: the model has no names, or there is not exactly one image or sound that can be used.

    Example:
        >>> import pytest
        >>> with pytest.raises(avnet.AvnetError, match="has no names"):
        ...     avnet.tags("runs/ave/model", image="dog.jpg")
    """
    if (image is None) == (sound is None):
        raise ConfigError("tags", f"are of one image or one sound, got {'none' if image is None else 'both'}")
    if image is not None and at is not None:
        raise OptionError("at", "goes with a sound; an image has no time")
    if (tagger := _tagger_of(model)) is not None:
        if image is None:
            raise ConfigError("sound", "cannot be tagged by a tagger, which knows images alone")
        (words,) = tagger.tags([image_of(image)])
        return _tags_of(words)
    assert not isinstance(model, avnet.Tagger)
    reason = f"has no names for what it sees and hears; tags take {models_that(lambda kind: kind.named)}"
    model = open_model_for(model, lambda kind: None if kind.named else reason)
    if image is not None:
        (names,) = model.visible_classes([image_of(image)])
    else:
        assert sound is not None
        source, clip_s = sound_of(sound, model.config.spectrogram.sample_rate, audio_track), model.config.clip_s
        mid_s, clip = source.loudest(clip_s) if at is None else (at, clip_at(source, at, clip_s))
        if is_silent(clip):
            raise Silent(name_of(sound) or "sound", f"is silent at {mid_s:.2f} s; there is nothing to name")
        (names,) = model.audible_classes(clip[None])
    return _tags_of(names)


def tag_images(
    tagger: "str | Path | Tagger",
    images: Iterable[ImageInput],
    options: TagOptions | None = None,
    on_event: Listener = nobody,
    *,
    heatmaps: bool = False,
) -> Iterator[TaggedImage]:
    """Words for images, one image after the other.

    Args:
        tagger: or its folder.
        images: files, folders that are searched for them, and arrays, uint8 RGB [height, width, 3].
        options: by default each word has its own threshold.
        on_event: is told of progress, and of files that cannot be used.
        heatmaps: whether the heatmap of each tag is made.

    Raises:
        AvnetError: the tagger, a folder or all of the images cannot be used.

    Example:
        >>> [one] = avnet.tag_images("runs/tagger/model", ["garden.jpg"], avnet.TagOptions(top=2))
        >>> one.file, len(one.tags)
        ('garden.jpg', 2)
    """
    options = options or TagOptions()
    opened = avnet.Tagger.load(tagger) if isinstance(tagger, str | Path) else tagger
    sources: Sequence[ImageInput] = _sources(images, on_event)
    refusals: list[AvnetError] = []
    for source in steps(sources, "tagging", len(sources), "images", on_event):
        try:
            # A folder may hold sounds and videos too, which are named rather than passed over.
            if not isinstance(source, np.ndarray) and not is_image(source):
                raise NotMedia(source, "is not an image that can be read")
            image = image_of(source)
        except MediaError as error:
            refusals.append(error)
            on_event(LeftOut(error))
            continue
        (words,) = opened.tags([image], options.threshold, options.top)
        maps = opened.heatmaps(image, list(words)) if heatmaps else ()
        yield TaggedImage(name_of(source), image, _tags_of(words), tuple(maps))
    refuse_all(refusals, len(sources))


def _sources(images: Iterable[ImageInput], on_event: Listener) -> list[ImageInput]:
    sources: list[ImageInput] = []
    for image in images:
        if isinstance(image, np.ndarray):
            sources.append(image)
            continue
        files, others = find_media([image])
        for error in others:
            on_event(LeftOut(error))
        sources += files
    return sources


def _tagger_of(model: "str | Path | Model | Tagger") -> "Tagger | None":
    """A tagger, opened if need be; None for a model of another kind."""
    if isinstance(model, str | Path):
        folder = locate(model).folder
        return avnet.Tagger.load(folder) if read_header(folder, MODEL, TAGGER).kind is TAGGER else None
    return model if isinstance(model, avnet.Tagger) else None


def _tags_of(names: dict[str, float]) -> tuple[Tag, ...]:
    return tuple(Tag(name, round(probability, 3)) for name, probability in names.items())

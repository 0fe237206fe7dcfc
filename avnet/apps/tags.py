"""What an image shows or a sound is called, by the classifiers inside a model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from avnet.apps.inputs import ImageInput, SoundInput, clip_at, image_of, name_of, open_model_for, sound_of
from avnet.correspondence.kinds import models_that
from avnet.errors import ConfigError, OptionError, Silent
from avnet.media.clips import is_silent

if TYPE_CHECKING:
    from avnet.correspondence.model import Model


@dataclass(frozen=True)
class Tag:
    """A name and how probable it is.

    Attributes:
        name: of an image, a group of ImageNet's classes; of a sound, a class of AudioSet.
        probability: in [0, 1], to three digits.
    """

    name: str
    probability: float


def tags(
    model: "str | Path | Model",
    *,
    image: ImageInput | None = None,
    sound: SoundInput | None = None,
    at: float | None = None,
    audio_track: int | None = None,
) -> tuple[Tag, ...]:
    """Names for what an image shows or a sound is, the most probable first; none where nothing is probable.

    Args:
        model: one that is made of two classifiers (joint or zero-shot), or its folder.
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
    return tuple(Tag(name, probability) for name, probability in names.items())

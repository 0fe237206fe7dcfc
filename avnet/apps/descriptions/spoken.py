"""Descriptions of images in speech, by a describer of units."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avnet.apps.descriptions.options import DescribeOptions
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import OptionError
from avnet.events import Listener, nobody

if TYPE_CHECKING:
    from avnet.describer.describer import Describer, Description

# Two low tones before a description that is not sure: a sign that needs no language.
SIGN_HZ, SIGN_S = (330.0, 262.0), 0.15
Player = Callable[[Iterator[np.ndarray]], None]


@dataclass(frozen=True)
class SpokenImage:
    """An image and its description in speech.

    Attributes:
        file: of the image; None for an array.
        image: uint8 RGB [height, width, 3].
        description: of it.
        sure: whether its confidence reaches the threshold.
        sound: what is to be heard, float32 at `SPEECH_RATE`, after the sign where it is not sure; None where it is
            kept silent or says nothing.
    """

    file: str | None
    image: np.ndarray
    description: "Description"
    sure: bool
    sound: np.ndarray | None

    @property
    def duration_s(self) -> float:
        """Of the description, without the sign before it; seconds."""
        return len(self.description.waveform) / SPEECH_RATE

    @property
    def line(self) -> str:
        """What it is, for a person: one line without the name of the image."""
        length = "kept silent" if self.sound is None else f"{self.duration_s:.1f} s"
        return f"{length}, confidence {self.description.confidence:.2f}{'' if self.sure else ', unsure'}"

    def _repr_html_(self) -> str:
        # By name: pages know the results that they show, and results no pages.
        return import_module("avnet.pages.notebook").spoken_image_html(self)


class Speaking:
    """Describes images by a describer that speaks.

    Args:
        model: the describer, or its folder.
        options: how.
        play: is given the likeliest description of each image in parts, while it is being made.
        on_event: is told while a voice is opened, and of what it fails at.

    Raises:
        AvnetError: the folder or an option cannot be used.
    """

    def __init__(
        self,
        model: "Path | Describer",
        options: DescribeOptions,
        play: Player | None = None,
        on_event: Listener = nobody,
    ):
        from avnet.describer.describer import Describer  # here, since it takes a second: help answers at once
        from avnet.describer.settings import Settings

        if options.as_ in ("text", "both"):
            reason = (
                "goes with a describer that writes (`python -m train captioner`); this one speaks, and has no words"
            )
            raise OptionError("as", reason)
        self.options, self.settings, self.play = options, Settings(**options.search_settings()), play
        if isinstance(model, Path):
            self.describer = Describer.load(model, options.voice, on_event)
            self.describer.use_regions(options.regions)
        else:
            self.describer = model
            if options.voice is not None:
                raise OptionError("voice", "goes with the folder of a describer; one that is open has a voice")
            if options.regions is not None:
                model.use_regions(options.regions)

    def describe(self, image: np.ndarray, name: str | None) -> SpokenImage:
        """Describes one image.

        Args:
            image: uint8 RGB [height, width, 3].
            name: the path of its file; None for an array.

        Raises:
            DataError: the file of regions lacks it.
        """
        if self.play is not None:
            # What is played is chosen unit by unit; which of several candidates is best is known only when all are
            # complete.
            self.play(self.describer.stream(image, self.settings, name))
        (description,) = self.describer.describe([image], self.settings, [name])
        sure = description.confidence >= self.options.threshold
        sound = heard(description.waveform, sure, self.options.unsure)
        return SpokenImage(name, image, description, sure, sound)


def heard(waveform: np.ndarray, sure: bool, unsure: str) -> np.ndarray | None:
    """What is to be heard of a description, float32 at `SPEECH_RATE`; None where there is nothing.

    Args:
        waveform: of the description, at `SPEECH_RATE`.
        sure: whether it is; otherwise the sign comes first, or nothing at all.
        unsure: as of `DescribeOptions`.
    """
    if not len(waveform) or not (sure or unsure == "spoken"):
        return None
    return waveform if sure else np.concatenate([sign(), waveform])


def sign() -> np.ndarray:
    """Two low tones and a pause, float32 at `SPEECH_RATE`."""
    time_s = np.arange(round(SIGN_S * SPEECH_RATE)) / SPEECH_RATE
    # Ramps of 20 ms, or the tones would begin and end with a click.
    fade = np.minimum(1.0, np.minimum(time_s, time_s[::-1]) / 0.02)
    tones = [0.2 * fade * np.sin(2 * np.pi * hz * time_s) for hz in SIGN_HZ]
    return np.concatenate([*tones, np.zeros(SPEECH_RATE // 5)]).astype(np.float32)

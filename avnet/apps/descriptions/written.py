"""Descriptions of images in words, by a text describer; they can be spoken too."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avnet.apps.descriptions.options import DescribeOptions, Form
from avnet.apps.descriptions.spoken import heard
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import OptionError

if TYPE_CHECKING:
    from avnet.describer.text_describer import TextDescriber, TextDescription


@dataclass(frozen=True)
class WrittenImage:
    """An image and its description in words.

    Attributes:
        file: of the image; None for an array.
        image: uint8 RGB [height, width, 3].
        description: of it, with its alternatives.
        sure: whether its confidence reaches the threshold.
        silent: whether nothing is told of it, since it is not sure.
        form: 'text', 'speech' or 'both': what is to be shown.
        speech: of the text, float32 at `SPEECH_RATE`; None where it is not spoken.
        sound: what is to be heard: the speech, after the sign where it is not sure; None where there is none.
    """

    file: str | None
    image: np.ndarray
    description: "TextDescription"
    sure: bool
    silent: bool
    form: Form
    speech: np.ndarray | None
    sound: np.ndarray | None

    @property
    def text(self) -> str | None:
        """The description as a sentence; None where nothing is told."""
        return None if self.silent else self.description.text

    @property
    def duration_s(self) -> float | None:
        """Of the speech, without the sign before it; seconds."""
        return None if self.speech is None else len(self.speech) / SPEECH_RATE

    @property
    def line(self) -> str:
        """What it is, for a person: one line without the name of the image."""
        length = "" if self.sound is None else f"{self.duration_s:.1f} s, "
        facts = f"{length}confidence {self.description.confidence:.2f}{'' if self.sure else ', unsure'}"
        if self.silent:
            return f"kept silent, {facts}"
        return facts if self.form == "speech" else f"{self.text} ({facts})"

    def _repr_html_(self) -> str:
        # By name: pages know the results that they show, and results no pages.
        return import_module("avnet.pages.notebook").written_image_html(self)


class Writing:
    """Describes images by a describer that writes.

    Args:
        model: the describer, or its folder.
        options: how.

    Raises:
        AvnetError: the folder or an option cannot be used, or flite is not there that shall speak.
    """

    def __init__(self, model: "Path | TextDescriber", options: DescribeOptions):
        # Here, since it takes a second: help answers at once.
        from avnet.describer.text_describer import TextDescriber, TextSettings
        from avnet.synthesizers.flite.speakers import WordSpeaker

        if options.voice is not None:
            raise OptionError(
                "voice", "goes with a describer that speaks; this one writes, and flite speaks what it does"
            )
        self.options, self.settings = options, TextSettings(**options.search_settings())
        self.form: Form = options.as_ or "text"
        self.describer = TextDescriber.load(model) if isinstance(model, Path) else model
        if isinstance(model, Path) or options.regions is not None:
            self.describer.use_regions(options.regions)
        self.speaker = None if self.form == "text" else WordSpeaker(self.describer.vocabulary)

    def describe(self, image: np.ndarray, name: str | None) -> WrittenImage:
        """Describes one image.

        Args:
            image: uint8 RGB [height, width, 3].
            name: the path of its file; None for an array.

        Raises:
            DataError: the file of regions lacks it.
            FliteError, MediaError: flite cannot say it.
        """
        (description,) = self.describer.describe([image], self.settings, [name])
        sure = description.confidence >= self.options.threshold
        silent = not sure and self.options.unsure != "spoken"
        speech = sound = None
        if self.speaker is not None and description.text and not silent:
            speech = self.speaker.say(description.text)
            sound = heard(speech, sure, self.options.unsure)
        return WrittenImage(name, image, description, sure, silent, self.form, speech, sound)

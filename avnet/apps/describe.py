"""Descriptions of images in speech."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from avnet.apps.inputs import ImageInput, find_media, image_of, name_of, refuse_all
from avnet.audio.pcm import SPEECH_RATE
from avnet.errors import AvnetError, DataError, MediaError, NotMedia, OptionError
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.media.image import is_image

if TYPE_CHECKING:
    from avnet.captioners.features import Box
    from avnet.describer.describer import Describer, Description, Settings

# Two low tones before a description that is not sure: a sign that needs no language.
SIGN_HZ, SIGN_S = (330.0, 262.0), 0.15
Player = Callable[[Iterator[np.ndarray]], None]


@dataclass(frozen=True)
class DescribeOptions:
    """How descriptions are chosen, and what becomes of those that are not sure.

    Example:
        >>> avnet.DescribeOptions(method="sample", seed=1).candidates
        5
    """

    unsure: Literal["spoken", "silent", "error"] = "spoken"
    """What becomes of a description whose confidence is below --threshold: it is spoken after two low tones, kept
    silent, or an error."""
    threshold: float = 0.5
    """Least confidence of a description that counts as sure; it is the probability that image and description belong
    together."""
    method: Literal["beam", "sample"] = "beam"
    """How candidates are made: beam searches for the likeliest ones, sample draws varied ones."""
    candidates: int = 5
    """Number of candidates for an image, of which the best is taken."""
    reward: float = 0.1
    """Log-probability that beam search adds for each unit; more makes longer descriptions."""
    temperature: float = 0.4
    """Temperature of sampling; lower makes likely units likelier, 0 takes the likeliest."""
    seed: int = 0
    """Seed of the random draws of sampling."""
    voice: Path | None = None
    """Folder of recordings by another speaker, of a vocoder, or of acoustics. Default: the voice that the describer was
    trained with."""
    regions: Path | None = None
    """File of regions of the images, for a describer that was trained with one (`python -m train describer --regions`):
    .tsv, .npz or .h5, or a folder with one .npz an image; images are looked up by name."""
    describe_region: tuple[float, float, float, float] | None = None
    """Describe a part of each image alone, in at most 12 pieces: its left edge, upper edge, width and height, as
    fractions of the image's width and height; for example --describe-region 0.5 0 0.5 1 for the right half."""

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise OptionError("threshold", f"must be a probability from 0 to 1, got {self.threshold:g}")
        if not 1 <= self.candidates <= 64:
            raise OptionError("candidates", f"must be from 1 to 64, got {self.candidates}")
        for name in ("reward", "temperature"):
            if not 0 <= (value := getattr(self, name)) <= 100:
                raise OptionError(name, f"must be from 0 to 100, got {value:g}")
        if self.seed < 0:
            raise OptionError("seed", f"must be at least 0, got {self.seed}")
        if self.describe_region is not None:
            x, y, width, height = self.describe_region
            inside = x >= 0 and y >= 0 and width > 0 and height > 0 and max(x + width, y + height) <= 1 + 1e-6
            if not inside:
                given = " ".join(f"{number:g}" for number in self.describe_region)
                raise OptionError(
                    "describe-region", f"must be X Y WIDTH HEIGHT inside of the image, in fractions of it, got {given}"
                )

    def settings(self) -> "Settings":
        """Those of the describer."""
        from avnet.describer.describer import Settings

        names = ("method", "candidates", "reward", "temperature", "seed")
        return Settings(**{name: getattr(self, name) for name in names}, region=self.region)

    @property
    def region(self) -> "Box | None":
        """The part that is described: left, top, right and bottom, as shares of the image."""
        if self.describe_region is None:
            return None
        x, y, width, height = self.describe_region
        return x, y, min(x + width, 1.0), min(y + height, 1.0)


@dataclass(frozen=True)
class SpokenImage:
    """An image and its description.

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

    def _repr_html_(self) -> str:
        # By name: pages know the results that they show, and results no pages.
        return import_module("avnet.pages.notebook").spoken_image_html(self)


def describe(
    model: "str | Path | Describer",
    images: Iterable[ImageInput],
    options: DescribeOptions | None = None,
    on_event: Listener = nobody,
    play: Player | None = None,
) -> Iterator[SpokenImage]:
    """Describes images one after the other, each when it is asked for.

    Args:
        model: a describer, or its folder.
        images: jpg and png files, folders that are searched for them, or arrays of uint8 RGB [height, width, 3].
        options: how.
        on_event: is told of progress and of what is left out.
        play: is given the likeliest description of each image in parts, float32 at `SPEECH_RATE`, while it is being
            made; the one that comes back is the best of several.

    Raises:
        AvnetError: the model or an option cannot be used; at the end, if none of the images can.

    Example:
        >>> for spoken in avnet.describe("runs/describer/model", ["garden.jpg"]):
        ...     print(spoken.file, spoken.image.shape)
        garden.jpg (48, 64, 3)
    """
    options = options or DescribeOptions()
    sources = [source for image in images for source in _sources(image, on_event)]
    if isinstance(model, str | Path):
        from avnet.describer.describer import Describer  # here, since it takes a second: help answers at once

        model = Describer.load(model, options.voice)
        model.use_regions(options.regions)
    elif options.voice is not None:
        raise OptionError("voice", "goes with the folder of a describer; one that is open has a voice")
    elif options.regions is not None:
        model.use_regions(options.regions)
    return _spoken_images(model, sources, options, on_event, play)


def _sources(image: ImageInput, on_event: Listener) -> Iterable[ImageInput]:
    if isinstance(image, np.ndarray):
        return [image]
    files, others = find_media([image])
    for error in others:
        on_event(LeftOut(error))
    return files


def _spoken_images(
    describer: "Describer", sources: list[ImageInput], options: DescribeOptions, on_event: Listener, play: Player | None
) -> Iterator[SpokenImage]:
    settings = options.settings()
    refusals: list[AvnetError] = []
    for source in steps(sources, "describing", len(sources), "images", on_event):
        try:
            image, name = _image(source), name_of(source)
            if play is not None:
                # What is played is chosen unit by unit; which of several candidates is best is known only when all are
                # complete.
                play(describer.stream(image, settings, name))
            (description,) = describer.describe([image], settings, [name])
        except (MediaError, DataError) as error:  # a file of regions lacks the image
            refusals.append(error)
            on_event(LeftOut(error))
            continue
        sure = description.confidence >= options.threshold
        sound = _sound(description.waveform, sure, options.unsure)
        yield SpokenImage(name, image, description, sure, sound)
    refuse_all(refusals, len(sources))


def _image(source: ImageInput) -> np.ndarray:
    # A folder may hold sounds and videos too, which are named rather than passed over.
    if not isinstance(source, np.ndarray) and not is_image(source):
        raise NotMedia(source, "is not an image that can be read")
    return image_of(source)


def _sound(waveform: np.ndarray, sure: bool, unsure: str) -> np.ndarray | None:
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

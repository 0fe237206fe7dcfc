"""Images in, their descriptions out, in speech or in words as the describer has it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from avnet.apps.descriptions.options import DescribeOptions
from avnet.apps.descriptions.spoken import Player, Speaking, SpokenImage
from avnet.apps.descriptions.written import Writing, WrittenImage
from avnet.apps.inputs import ImageInput, find_media, image_of, name_of, refuse_all
from avnet.errors import AvnetError, DataError, MediaError, NotMedia, OptionError
from avnet.events import LeftOut, Listener, nobody, steps
from avnet.files.artifact import read_header
from avnet.files.kinds import DESCRIBER, TEXT_DESCRIBER
from avnet.media.image import is_image
from avnet.synthesizers.flite.program import FliteError
from avnet.zoo.reference import locate

if TYPE_CHECKING:
    from avnet.describer.describer import Describer
    from avnet.describer.text_describer import TextDescriber

DescribedImage = SpokenImage | WrittenImage


@overload
def describe(
    model: "Describer",
    images: Iterable[ImageInput],
    options: DescribeOptions | None = None,
    on_event: Listener = nobody,
    play: Player | None = None,
) -> Iterator[SpokenImage]: ...


@overload
def describe(
    model: "TextDescriber",
    images: Iterable[ImageInput],
    options: DescribeOptions | None = None,
    on_event: Listener = nobody,
) -> Iterator[WrittenImage]: ...


@overload
def describe(
    model: str | Path,
    images: Iterable[ImageInput],
    options: DescribeOptions | None = None,
    on_event: Listener = nobody,
    play: Player | None = None,
) -> Iterator[DescribedImage]: ...


def describe(
    model: "str | Path | Describer | TextDescriber",
    images: Iterable[ImageInput],
    options: DescribeOptions | None = None,
    on_event: Listener = nobody,
    play: Player | None = None,
) -> Iterator[DescribedImage]:
    """Describes images one after the other, each when it is asked for.

    Args:
        model: a describer, which speaks, or a text describer, which writes; or the folder of one.
        images: jpg and png files, folders that are searched for them, or arrays of uint8 RGB [height, width, 3].
        options: how.
        on_event: is told of progress and of what is left out.
        play: is given the likeliest description of each image in parts, float32 at `SPEECH_RATE`, while it is being
            made; the one that comes back is the best of several. For describers that speak.

    Returns:
        A `SpokenImage` or a `WrittenImage` for each image.

    Raises:
        AvnetError: the model or an option cannot be used; at the end, if none of the images can.

    Example:
        >>> for spoken in avnet.describe("runs/describer/model", ["garden.jpg"]):
        ...     print(spoken.file, spoken.image.shape)
        garden.jpg (48, 64, 3)
        >>> (written,) = avnet.describe("runs/words/model", ["garden.jpg"])
        >>> written.text == written.description.alternatives[0].text
        True
    """
    options = options or DescribeOptions()
    sources = [source for image in images for source in _sources(image, on_event)]
    return _described(_open(model, options, play, on_event), sources, on_event)


def _open(
    model: "str | Path | Describer | TextDescriber", options: DescribeOptions, play: Player | None, on_event: Listener
) -> Speaking | Writing:
    """What describes, by the kind of the model."""
    if isinstance(model, str | Path):
        model = locate(model).folder
        if read_header(model, DESCRIBER, TEXT_DESCRIBER).kind is DESCRIBER:
            return Speaking(model, options, play, on_event)
    else:
        from avnet.describer.describer import Describer  # here, since it takes a second: help answers at once

        if isinstance(model, Describer):
            return Speaking(model, options, play, on_event)
    if play is not None:
        raise OptionError("play", "goes with a describer that speaks; this one writes")
    return Writing(model, options)


def _sources(image: ImageInput, on_event: Listener) -> Iterable[ImageInput]:
    if isinstance(image, np.ndarray):
        return [image]
    files, others = find_media([image])
    for error in others:
        on_event(LeftOut(error))
    return files


def _described(
    describer: Speaking | Writing, sources: list[ImageInput], on_event: Listener
) -> Iterator[DescribedImage]:
    refusals: list[AvnetError] = []
    for source in steps(sources, "describing", len(sources), "images", on_event):
        try:
            described = describer.describe(_image(source), name_of(source))
        except (MediaError, DataError, FliteError) as error:  # a file of regions lacks the image
            refusals.append(error)
            on_event(LeftOut(error))
            continue
        yield described
    refuse_all(refusals, len(sources))


def _image(source: ImageInput) -> np.ndarray:
    # A folder may hold sounds and videos too, which are named rather than passed over.
    if not isinstance(source, np.ndarray) and not is_image(source):
        raise NotMedia(source, "is not an image that can be read")
    return image_of(source)

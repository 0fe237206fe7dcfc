"""Media as plain data: what the decoding process sends, and what of it the other side believes.

The path of a file is not sent: it is the parent's, whatever a file makes of its decoder.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avnet.media.audio import Waveform
from avnet.media.container import MAX_PIXELS
from avnet.media.sandbox.messages import Message, MessageError
from avnet.media.tracks import AudioInfo, MediaInfo, VideoInfo

# Seconds in which the clock of a container may stand, about the epoch of Unix.
LATEST_S = 1e12
MAX_TEXT = 1000
LONGEST_SIDE = 1 << 24
MAX_RATE, MAX_FPS, MAX_TRACKS = 1 << 24, 1000.0, 1 << 16
# An image may be wider than it is coded, and a strip be scaled up.
MAX_IMAGE_BYTES = 3 * 16 * MAX_PIXELS


def info_message(info: MediaInfo) -> Message:
    """What a media file holds, without its path."""
    values = asdict(info)
    del values["path"]
    return Message(values)


def parse_info(message: Message, path: Path) -> MediaInfo:
    """What a message of `info_message` says of a file.

    Raises:
        MessageError, KeyError, TypeError: no file holds that.
    """
    values = message.values
    video = audio = None
    if values["video"] is not None:
        v = values["video"]
        sides = [_integer(v, name, 0, LONGEST_SIDE) for name in ("width", "height")]
        fps = _number(v, "fps", 1e-3, MAX_FPS)
        video = VideoInfo(sides[0], sides[1], fps, *_span(v))
    if values["audio"] is not None:
        a = values["audio"]
        rate, count = _integer(a, "sample_rate", 0, MAX_RATE), _integer(a, "count", 1, MAX_TRACKS)
        audio = AudioInfo(rate, *_span(a), _integer(a, "number", 1, count), count, _text(a, "title"))
    duration_s = _number(values, "duration_s", 0.0, LATEST_S)
    return MediaInfo(path, duration_s, video, audio, _text(values, "note"), _text(values, "no_audio"))


def parse_image(message: Message) -> np.ndarray:
    """An image, uint8 RGB [height, width, 3].

    Raises:
        MessageError, KeyError: it is none.
    """
    return _image(message, None)


def parse_moves(message: Message) -> bool:
    """Whether an image has several frames.

    Raises:
        MessageError, KeyError: it does not say.
    """
    if not isinstance(moves := message.values["moves"], bool):
        raise MessageError("does not say whether it moves")
    return moves


def frame_message(time_s: float, image: np.ndarray, slots: slice | None = None) -> Message:
    """A frame, and of which of the times asked for it is the one on screen."""
    values: dict[str, Any] = {"time_s": time_s}
    if slots is not None:
        values |= {"first": slots.start, "end": slots.stop}
    return Message(values, {"image": image})


def parse_frame(message: Message, short_side: int | None) -> tuple[float, np.ndarray]:
    """(time in seconds, uint8 RGB image) of a message of `frame_message`.

    Raises:
        MessageError, KeyError: no reader of frames sends it.
    """
    return _number(message.values, "time_s", -LATEST_S, LATEST_S), _image(message, short_side)


class FramesOnScreen:
    """Checks that frames answer the times asked for in order, each once."""

    def __init__(self, count: int, short_side: int | None):
        self._count, self._short_side, self._next = count, short_side, 0

    def parse(self, message: Message) -> tuple[slice, float, np.ndarray]:
        """(slice of the times, time of the frame in seconds, uint8 RGB image) of a message of `frame_message`.

        Raises:
            MessageError, KeyError: it is not the frame that comes next.
        """
        first = _integer(message.values, "first", self._next, self._next)
        self._next = _integer(message.values, "end", first + 1, self._count)
        return slice(first, self._next), *parse_frame(message, self._short_side)


def parse_sound(message: Message, sample_rate: int) -> Waveform:
    """A part of a sound.

    Raises:
        MessageError, KeyError: it is none.
    """
    samples = message.arrays["samples"]
    if samples.dtype != np.float32 or samples.ndim != 1 or not len(samples):
        raise MessageError("has sound of another type")
    # A comparison with what is not a number is false.
    if not (samples.min() >= -1.0 and samples.max() <= 1.0):
        raise MessageError("has sound beyond full scale")
    return Waveform(samples, _number(message.values, "start_s", -LATEST_S, LATEST_S), sample_rate)


def parse_end(message: Message) -> None:
    """What follows the last part: nothing.

    Raises:
        MessageError: something does.
    """
    if message.values or message.arrays:
        raise MessageError("says something at its end")


def no_part(message: Message) -> None:
    """Refuses a part where there are none.

    Raises:
        MessageError: always.
    """
    raise MessageError("has parts")


def _image(message: Message, short_side: int | None) -> np.ndarray:
    image = message.arrays["image"]
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise MessageError("has an image of another type")
    if short_side is not None and min(image.shape[:2]) != short_side:
        raise MessageError(f"has an image of {image.shape[1]}x{image.shape[0]} pixels")
    return image


def _span(values: Any) -> tuple[float, float]:
    return _number(values, "start_s", -LATEST_S, LATEST_S), _number(values, "duration_s", -LATEST_S, LATEST_S)


def _number(values: Any, name: str, low: float, high: float) -> float:
    if type(value := values[name]) not in (int, float) or not low <= value <= high:
        raise MessageError(f"has an invalid {name}")
    return float(value)


def _integer(values: Any, name: str, low: int, high: int) -> int:
    if type(value := values[name]) is not int or not low <= value <= high:
        raise MessageError(f"has an invalid {name}")
    return value


def _text(values: Any, name: str) -> str:
    if not isinstance(text := values[name], str) or len(text) > MAX_TEXT or not text.isprintable():
        raise MessageError(f"has an invalid {name}")
    return text

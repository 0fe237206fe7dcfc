"""Descriptions for the page: speech goes out while it is made, text when it is there."""

import base64
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from avnet.apps.descriptions.describe import describe
from avnet.apps.descriptions.options import DescribeOptions
from avnet.apps.descriptions.spoken import SpokenImage
from avnet.apps.descriptions.written import WrittenImage
from avnet.apps.inputs import check_time
from avnet.audio.pcm import SPEECH_RATE
from avnet.describer.describer import Describer
from avnet.describer.text_describer import TextDescriber
from avnet.files.artifact import read_header
from avnet.files.kinds import DESCRIBER, TEXT_DESCRIBER
from avnet.media import write_wav
from avnet.media.image import read_image
from avnet.media.tracks import probe
from avnet.media.video import video_span
from avnet.moments.moment import Moment
from avnet.moments.walk import moment_at
from avnet.pages.attention import rasterize
from avnet.synthesizers.voice import open_voice
from avnet.web.tasks.sandbox import decode_in_sandbox
from avnet.web.worker import Context, Tasks

DRAFT, FINAL = "draft.pcm", "speech.wav"
# To which frames of a video are scaled down; describers look at less.
SHORT_SIDE = 720


def open_lane(settings: dict[str, Any]) -> Tasks:
    """The lane of descriptions."""
    decode_in_sandbox(settings["memory_mb"])
    if read_header(settings["describer"], DESCRIBER, TEXT_DESCRIBER).kind is TEXT_DESCRIBER:
        writer = TextDescriber.load(settings["describer"])
        deque(describe(writer, [_gray()]), maxlen=0)
        return Tasks({"description": partial(written_description, writer)})
    describer = Describer.load(settings["describer"])
    describers: dict[str | None, Describer] = {None: describer}
    for name, folder in settings["voices"].items():
        voice = open_voice(folder, describer.units)
        describers[name] = Describer(describer.parts, describer.space, describer.units, voice)
        describers[name].search = describer.search  # which holds what is compiled
    _warm_up(describer)
    return Tasks({"description": partial(description, describers)})


def _warm_up(describer: Describer) -> None:
    """Describes gray, so that no visitor waits for what is compiled."""
    deque(describe(describer, [_gray()], play=lambda parts: deque(parts, maxlen=0).clear()), maxlen=0)


def _gray() -> np.ndarray:
    return np.full((240, 320, 3), 127, np.uint8)


def description(describers: dict[str | None, Describer], values: dict[str, Any], context: Context) -> dict[str, Any]:
    """Describes an image or a frame; the likeliest description is written to `DRAFT` while it is being made."""
    draft = context.folder / DRAFT

    def play(parts: Iterator[np.ndarray]) -> None:
        samples = 0
        with draft.open("ab", buffering=0) as file:
            for part in parts:
                context.cancelled()
                file.write(np.round(32767 * np.clip(part, -1, 1)).astype("<i2").tobytes())
                samples += len(part)
                context.emit("speech", {"seconds": round(samples / SPEECH_RATE, 3)})

    options = DescribeOptions(method=values["method"], seed=values["seed"])
    image = _image(values)
    (spoken,) = describe(describers[values["voice"]], [image], options, context.on_event, play)
    files = []
    if spoken.sound is not None:
        write_wav(context.folder / FINAL, spoken.sound, SPEECH_RATE)
        files.append(FINAL)
    return _as_values(spoken) | {"files": files}


def written_description(writer: TextDescriber, values: dict[str, Any], context: Context) -> dict[str, Any]:
    """Describes an image or a frame in words."""
    options = DescribeOptions(method=values["method"], seed=values["seed"])
    (written,) = describe(writer, [_image(values)], options, context.on_event)
    return _text_as_values(written) | {"files": []}


def _image(values: dict[str, Any]) -> np.ndarray:
    if values["kind"] == "image":
        return read_image(values["media"])
    start, end = video_span(probe(values["media"]))
    at = (start + end) / 2 if values["at"] is None else values["at"]
    check_time(at, start, end)
    _, image = moment_at(values["media"], at, Moment(), SHORT_SIDE)
    return image


def _as_values(spoken: SpokenImage) -> dict[str, Any]:
    of = spoken.description
    return {
        "confidence": round(of.confidence, 4),
        "sure": spoken.sure,
        "duration_s": round(spoken.duration_s, 3),
        "units": of.units.tolist(),
        "words": None,
        "attention": None if of.attention is None else _attention(of.attention, of.boxes),
        "neighbors": [
            {"image": one.image, "recording": one.recording, "similarity": round(one.similarity, 4)}
            for one in of.neighbors
        ],
        "reason": of.reason,
    }


def _text_as_values(written: WrittenImage) -> dict[str, Any]:
    of = written.description
    return {
        "confidence": round(of.confidence, 4),
        "sure": written.sure,
        "text": of.text,
        "words": list(of.words),
        "alternatives": [{"text": one.text, "probability": round(one.probability, 4)} for one in of.alternatives],
        "attention": None if of.attention is None else _attention(of.attention, of.boxes),
        "reason": of.reason,
    }


def _attention(attention: np.ndarray, boxes: np.ndarray) -> dict[str, Any]:
    """The maps of all units in 8 bits, each by its own maximum, over a box of the image."""
    drawn = rasterize(attention, boxes)
    maps = drawn.maps / np.maximum(drawn.maps.max(axis=(1, 2), keepdims=True, initial=0.0), 1e-9)
    units, rows, columns = maps.shape
    text = base64.b64encode(np.round(255 * maps).astype(np.uint8).tobytes()).decode("ascii")
    return {"units": units, "rows": rows, "columns": columns, "box": [round(x, 6) for x in drawn.box], "maps": text}

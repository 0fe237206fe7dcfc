"""The program that decodes media inside `sandboxed`: python -m avnet.media.decoding.program MEMORY_MB."""

from collections.abc import Generator
from typing import Any

import numpy as np

from avnet.media import audio, image, tracks, video
from avnet.media.container import OpenFile
from avnet.media.decoding import messages
from avnet.media.sandbox.decoder import serve
from avnet.media.sandbox.messages import Message

Answer = Generator[Message, None, Message]


def main() -> None:
    """Answers requests until the other side hangs up."""
    image.reads_heif()  # imported where it can be
    serve(read)


def read(file: OpenFile, values: dict[str, Any]) -> Answer:
    """Does what a request asks; yields frames or sound, and returns the rest."""
    arguments = dict(values)
    return TASKS[arguments.pop("task")](file, **arguments)


def _probe(file: OpenFile, audio_track: int | None) -> Answer:
    yield from ()
    return messages.info_message(tracks.probe(file, audio_track))


def _read_image(file: OpenFile) -> Answer:
    yield from ()
    return Message({}, {"image": image.read_image(file)})


def _moves(file: OpenFile) -> Answer:
    yield from ()
    return Message({"moves": image.moves(file)})


def _iterate_frames(file: OpenFile, short_side: int | None) -> Answer:
    for time_s, frame in video.iterate_frames(file, short_side):
        yield messages.frame_message(time_s, frame)
    return Message()


def _frames_on_screen(
    file: OpenFile, times: list[float], short_side: int | None, held_s: float | None, audio_track: int | None
) -> Answer:
    held_s = np.inf if held_s is None else held_s
    for slots, time_s, frame in video.frames_on_screen(file, np.array(times), short_side, held_s, audio_track):
        yield messages.frame_message(time_s, frame, slots)
    return Message()


def _iterate_sound(file: OpenFile, sample_rate: int, audio_track: int | None, from_s: float) -> Answer:
    for part in audio.iterate_sound(file, sample_rate, audio_track, from_s):
        yield Message({"start_s": part.start_s}, {"samples": part.samples})
    return Message()


TASKS = {
    "probe": _probe,
    "read_image": _read_image,
    "moves": _moves,
    "iterate_frames": _iterate_frames,
    "frames_on_screen": _frames_on_screen,
    "iterate_sound": _iterate_sound,
}

if __name__ == "__main__":
    main()

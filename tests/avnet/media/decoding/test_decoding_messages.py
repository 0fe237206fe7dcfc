"""What the other side believes of what a decoding process says."""

from pathlib import Path

import numpy as np
import pytest

from avnet.media.decoding import messages
from avnet.media.sandbox.messages import Message, MessageError
from avnet.media.tracks import AudioInfo, MediaInfo, VideoInfo

FILM = Path("film.mp4")
INFO = MediaInfo(
    FILM, 2.0, VideoInfo(64, 48, 25.0, 0.0, 2.0), AudioInfo(44_100, -0.02, 2.0, 2, 3, "eng"), "note", "none"
)


def test_what_a_file_holds_comes_back_as_it_was():
    assert messages.parse_info(messages.info_message(INFO), FILM) == INFO
    bare = MediaInfo(FILM, 0.0, None, None)
    assert messages.parse_info(messages.info_message(bare), FILM) == bare


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("video", "width", -1),
        ("video", "width", 2.5),
        ("video", "fps", 0),
        ("video", "fps", 1e9),
        ("video", "start_s", 1e300),
        ("audio", "sample_rate", True),
        ("audio", "number", 4),
        ("audio", "title", "x" * 2000),
        ("audio", "title", "\x1b[2J"),
        (None, "duration_s", -1.0),
        (None, "note", ["x"]),
        (None, "no_audio", "two\nlines"),
    ],
)
def test_what_no_file_holds_is_not_believed(part, name, value):
    values = dict(messages.info_message(INFO).values)
    (values[part] if part else values)[name] = value
    with pytest.raises(MessageError):
        messages.parse_info(Message(values), FILM)


FRAME = np.zeros((48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    "image", [FRAME[..., 0], FRAME[..., :2], FRAME.astype(np.int16), FRAME[:0], np.zeros((50, 64, 3), np.uint8)]
)
def test_an_image_is_one_of_the_size_that_was_asked_for(image):
    with pytest.raises(MessageError):
        messages.parse_frame(messages.frame_message(0.0, image), 48)


def test_frames_come_in_order_and_each_time_once():
    def parsed(*slots):
        checker = messages.FramesOnScreen(4, None)
        return [checker.parse(messages.frame_message(0.5, FRAME, slot))[0] for slot in slots]

    assert parsed(slice(0, 1), slice(1, 4)) == [slice(0, 1), slice(1, 4)]
    for slots in ([slice(1, 2)], [slice(0, 2), slice(1, 3)], [slice(0, 5)], [slice(0, 0)], [slice(0, 4), slice(4, 5)]):
        with pytest.raises(MessageError):
            parsed(*slots)


@pytest.mark.parametrize(
    "samples", [np.array([1.5]), np.array([np.nan]), np.zeros(0), np.zeros((2, 2)), np.zeros(3, np.int16)]
)
def test_a_sound_is_mono_within_full_scale(samples):
    samples = samples.astype(np.float32) if samples.dtype == np.float64 else samples
    with pytest.raises(MessageError):
        messages.parse_sound(Message({"start_s": 0.0}, {"samples": samples}), 48_000)


def test_what_is_asked_for_in_parts_has_no_other_end():
    assert messages.parse_end(Message()) is None
    for parse, message in ((messages.parse_end, Message({"x": 1})), (messages.no_part, Message())):
        with pytest.raises(MessageError):
            parse(message)
    with pytest.raises(MessageError):
        messages.parse_moves(Message({"moves": 1}))

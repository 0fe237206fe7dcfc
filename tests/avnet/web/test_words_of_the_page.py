"""What is said of heatmaps, of names and of types."""

import asyncio
import base64

import numpy as np
import pytest
from extras import need

from avnet.correspondence.verdict import HERE, NOWHERE, SILENCE, Verdict
from avnet.web.content_types import content_type
from avnet.web.events import EventLog
from avnet.web.tasks.sentences import place, sentence

need("fastapi")


def verdict(kind, time_s=0.0, peak=0.5, x=0.5, y=0.5, **audible):
    return Verdict(time_s, peak, 0.1, x, y, kind, audible)


@pytest.mark.parametrize(
    ("stretch", "expected"),
    [
        (
            [verdict(HERE, 0.0, 0.6, 0.9), verdict(HERE, 0.5, 0.9, 0.1, Dog=0.8, Bark=0.2)],
            "From 0:00 to 1:02 the sound, probably “Dog”, comes from the left.",
        ),
        ([verdict(HERE, 61.0, x=0.5, y=0.9)], "From 1:01 to 1:02 the sound comes from the lower middle."),
        ([verdict(NOWHERE, Siren=0.9)], "From 0:00 to 1:02 nothing in the image makes the sound, probably “Siren”."),
        ([verdict(NOWHERE)], "From 0:00 to 1:02 nothing in the image makes the sound."),
        ([verdict(SILENCE)], "From 0:00 to 1:02 there is silence."),
    ],
)
def test_a_stretch_is_said_by_its_clearest_moment(stretch, expected):
    assert sentence(stretch, 62.0) == expected


def test_places_are_said_as_one_would():
    assert [place(x, y) for x, y in ((0.1, 0.1), (0.5, 0.1), (0.9, 0.5), (0.9, 0.9))] == [
        "the upper left",
        "the upper middle",
        "the right",
        "the lower right",
    ]


def test_heatmaps_travel_in_eight_bits():
    from avnet.web.tasks.localize import moments_as_text

    heatmaps = np.array([[[0.0, 1.0, 0.5]], [[0.25, 2.0, -1.0]]], np.float32)
    text = moments_as_text(np.array([0.0, 0.5]), heatmaps, [verdict(HERE), verdict(SILENCE, 0.5)], "dog")
    assert list(base64.b64decode(text["heatmaps"])) == [0, 255, 128, 64, 255, 0]
    assert (text["rows"], text["columns"], text["times"], text["class"]) == (1, 3, [0.0, 0.5], "dog")
    assert text["verdicts"][0] == {"time_s": 0.0, "peak": 0.5, "x": 0.5, "y": 0.5, "verdict": HERE, "audible": {}}


@pytest.mark.parametrize(
    ("head", "kind", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBP", "image", "image/webp"),
        (b"\0\0\0\x20ftypavif", "image", "image/avif"),
        (b"<svg", "image", "application/octet-stream"),
        (b"\0\0\0\x20ftypisom", "video", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", "sound", "audio/mp4"),
        (b"\x1aE\xdf\xa3", "video", "video/webm"),
        (b"RIFF\0\0\0\0WAVE", "sound", "audio/wav"),
        (b"GIF89a", "video", "image/gif"),
        (b"<html>", "sound", "application/octet-stream"),
    ],
)
def test_a_file_is_served_as_what_it_begins_like(tmp_path, head, kind, expected):
    (tmp_path / "file").write_bytes(head)
    assert content_type(tmp_path / "file", kind) == expected


def events_of(log, after=0):
    async def read():
        return [part.decode() async for part in log.follow(after)]

    return asyncio.run(read())


def test_of_progress_in_a_row_the_last_is_kept(tmp_path):
    log = EventLog(tmp_path / "events")
    for kind, number in (("state", 1), ("progress", 2), ("progress", 3), ("moments", 4), ("progress", 5)):
        log.append(kind, number)
    log.close()
    expected = [(1, "state", 1), (3, "progress", 3), (4, "moments", 4), (5, "progress", 5)]
    blocks = [f"id: {id}\nevent: {kind}\ndata: {data}\n\n" for id, kind, data in expected]
    assert events_of(log) == blocks and events_of(log, after=3) == blocks[2:] and not events_of(log, after=5)
    assert (tmp_path / "events").read_text() == "".join(blocks)


def test_who_follows_hears_what_comes_later(tmp_path):
    async def both():
        log = EventLog(tmp_path / "events")
        log.append("state", 1)
        parts = log.follow()
        first = await anext(parts)
        waiting = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0)
        log.append("moments", 2)
        second = await waiting
        log.close()
        return first, second, [part async for part in parts]

    first, second, rest = asyncio.run(both())
    assert b"id: 1\n" in first and b"id: 2\n" in second and not rest


def test_a_line_comes_now_and_then_while_nothing_happens(tmp_path, monkeypatch):
    monkeypatch.setattr("avnet.web.events.HEARTBEAT_S", 0.01)

    async def wait():
        return await anext(EventLog(tmp_path / "events").follow())

    assert asyncio.run(wait()) == b": still here\n\n"


def test_an_event_for_which_there_is_no_room_is_lost_and_nothing_else(tmp_path):
    log = EventLog(tmp_path / "events")
    log.append("progress", 1)
    (tmp_path / "events").rename(tmp_path / "away")
    log.append("progress", 2)
    (tmp_path / "away").rename(tmp_path / "events")
    assert events_until(log, 1) == ["id: 1\nevent: progress\ndata: 1\n\n"]
    log.append("progress", 3)
    log.close()
    assert events_of(log) == ["id: 2\nevent: progress\ndata: 3\n\n"]


def events_until(log, count):
    async def read():
        parts = log.follow()
        return [(await asyncio.wait_for(anext(parts), 5)).decode() for _ in range(count)]

    return asyncio.run(read())

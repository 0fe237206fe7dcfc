"""Where the clock of a track starts anew, and where it only stumbles; what is shown when, where no container says."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from avnet.media.clock import Clock, DisplayOrder, Scan, TrackClock, _TrackReader, clock_of

BASE = Fraction(1, 1000)


def packet(time_s: float) -> av.Packet:
    item = av.Packet(1)
    item.time_base = BASE
    item.dts = item.pts = round(time_s * 1000)
    item.duration = 40
    return item


def frame(kind: PictureType, number: int | None) -> av.VideoFrame:
    item = av.VideoFrame(16, 16, "yuv420p")
    item.pict_type, item.pts = kind, number
    return item


def track(times, others=None):
    readers = {} if others is None else others
    reader = readers.setdefault(len(readers), _TrackReader(readers))
    for order, time in enumerate(times):
        reader.add(packet(time), order)
    return reader.finish()


def test_even_times_are_one_stretch():
    result = track(np.arange(50) / 25)
    assert len(result.stretches) == 1 and not result.strays
    assert (result.stretches[0].start_s, result.stretches[0].end_s) == (0.0, 2.0)


@pytest.mark.parametrize("start_s", [0.0, 0.5, 1.5, 5000.0])
def test_a_clock_that_starts_anew_is_another_stretch(start_s):
    result = track([*np.arange(50) / 25, *(start_s + np.arange(50) / 25)])
    assert [stretch.first for stretch in result.stretches] == [0, 50]
    assert result.stretches[1].start_s == start_s and not result.strays


def test_a_pause_is_none():
    assert len(track([0.0, 0.04, 500.0, 500.04]).stretches) == 1


@pytest.mark.parametrize("wrong_s", [0.0, 4000.0])
def test_single_times_that_are_wrong_are_damaged(wrong_s):
    times = list(10 + np.arange(50) / 25)
    times[20] = times[21] = times[40] = wrong_s
    result = track(times)
    assert len(result.stretches) == 1 and result.strays == {20, 21, 40}


def test_slides_may_be_far_apart_while_the_sound_goes_on():
    readers: dict[int, _TrackReader] = {}
    sound = readers.setdefault(0, _TrackReader(readers))
    slides = readers.setdefault(1, _TrackReader(readers))
    for order in range(4000):
        sound.add(packet(float(order)), order)
        if order % 1000 == 0:
            slides.add(packet(float(order)), order)
    assert len(slides.finish().stretches) == 1 and not slides.finish().strays


def test_a_damaged_packet_loses_its_times():
    clock = TrackClock([0], [0.0], frozenset({1}), np.inf, 0.0, 1.0)
    good, bad = packet(1.0), packet(99.0)
    clock.mend(good, 0)
    clock.mend(bad, 1)
    assert (good.pts, good.dts, bad.pts, bad.dts) == (1000, 1000, None, None)


def test_an_ordinary_file_has_an_ordinary_clock(monkeypatch):
    monkeypatch.setattr("avnet.media.clock._scan", lambda *_: Scan({0: track(np.arange(50) / 25)}))
    assert clock_of("x", "mpegts", [0]) == Clock(ends_s={0: 2.0})


P, B = PictureType.P, PictureType.B
# In order of decoding: (kind, place in order of display).
GROUP = (
    *((PictureType.I, 0), (P, 3), (B, 1), (B, 2), (P, 6), (B, 4), (B, 5)),
    *((PictureType.I, 9), (B, 7), (B, 8), (P, 12), (B, 10), (B, 11)),
)


def order_of(gaps=(), gap=0):
    """(place, time) of each frame in order of display; what is lost cannot be decoded."""
    order, result = DisplayOrder(), []
    frames = {place: (number, kind) for number, (kind, place) in enumerate(GROUP) if number not in gaps}
    fed = 0
    for place, (number, kind) in sorted(frames.items()):
        # A decoder gives a frame when it has seen the one that follows.
        while fed < len(GROUP) and fed <= number + 1:
            order.mark(packet((fed + (gap if fed else 0)) / 1000))
            fed += 1
        item = frame(kind, number)
        order.place(item)
        result.append((place, item.pts))
    return result


def test_frames_are_shown_in_the_order_in_which_they_come():
    assert all(place == time for place, time in order_of())


@pytest.mark.parametrize("gaps", range(1, len(GROUP)))
def test_a_lost_frame_shifts_no_other_for_long(gaps):
    result = order_of(gaps={gaps})
    assert [time for _, time in result] == sorted({time for _, time in result})
    assert all(abs(place - time) <= 1 for place, time in result)
    assert all(place == time for place, time in result[-2:] if gaps < 7)


def test_empty_frames_at_the_beginning_stand_for_nothing_and_others_for_a_frame():
    assert all(place == time for place, time in order_of(gap=2))
    assert all(place + 9 == time for place, time in order_of(gap=9) if place)

"""One ascending clock for a file whose own starts anew, as that of recordings put behind each other by `cat`.

The packets of a file are looked through once. Where the time stamps of a track go back or jump, another stretch begins;
where they do so for video and sound alike, that stretch is moved to follow on the one before, both tracks by the same
time. Where only one of them does, nothing says how what follows belongs together, so it is left out.
"""

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import av
from av.video.frame import PictureType

from avnet.media.container import FileReader, OpenFile, open_container, packets_of

# Demuxers of formats that may be cut and joined anywhere. The others are looked through only where they hold what can
# start anew: mp4 in fragments, several Matroska files in one.
STREAM_FORMATS = ("mpegts", "mpeg", "ogg", "flv", "asf")
# Seconds by which time stamps may go back: those of decoding ascend, those of presentation are in another order.
BACK_S, BACK_REORDERED_S = 0.1, 1.0
# A pause may be so long; what jumps further is another clock.
PAUSE_S = 600.0
# Fewer packets on another clock are damaged time stamps, not another recording.
STRAY_PACKETS = 5
# Video and sound of one recording begin within so many packets of all tracks.
APART_PACKETS = 1000
# A file may hold so much behind its last packet: an index.
UNREAD_SHARE, UNREAD_BYTES = 0.1, 1 << 16
# Empty frames at the beginning that stand for nothing, and the first.
LEADING_FRAMES = 3
# Frames are decoded at most so long before their turn.
REORDER_DEPTH = 32
# The first bytes of a Matroska file, and of what it holds.
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
# Kinds of frame that others, decoded before, follow.
BETWEEN = (PictureType.B, PictureType.BI)


@dataclass
class Stretch:
    """Packets of one track whose time stamps belong together.

    Attributes:
        first: number of its first packet within the track.
        order: number of that packet in the file.
        start_s: earliest time stamp, seconds.
        end_s: end of the latest packet, seconds.
    """

    first: int
    order: int
    start_s: float
    end_s: float


@dataclass
class Track:
    """What the time stamps of one track do.

    Attributes:
        stretches: in order of the file.
        strays: numbers of packets with time stamps that belong to no stretch.
    """

    stretches: list[Stretch] = field(default_factory=list)
    strays: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Scan:
    """What the time stamps of a file do.

    Attributes:
        tracks: by index of the stream.
        note: what of the file is not read, in words.
    """

    tracks: Mapping[int, Track]
    note: str = ""


@dataclass(frozen=True)
class TrackClock:
    """How the time stamps of one track are mended.

    Attributes:
        firsts: numbers of the packets from which on each shift holds.
        shifts_s: seconds that are added.
        strays: numbers of packets whose time stamps are no use.
        stop: number of the packet at which the track ends.
        start_s: of the track, seconds on the mended clock.
        end_s: the same for its end.
    """

    firsts: Sequence[int]
    shifts_s: Sequence[float]
    strays: frozenset[int]
    stop: float
    start_s: float
    end_s: float

    def mend(self, packet: av.Packet, number: int) -> None:
        """Puts the packet of a number onto the clock."""
        if number in self.strays:
            packet.pts = packet.dts = None
            return
        ticks = round(self.shifts_s[bisect_right(self.firsts, number) - 1] / packet.time_base)
        if packet.dts is not None:
            packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks


@dataclass(frozen=True)
class Clock:
    """How the time stamps of a file become those of one ascending clock.

    Attributes:
        tracks: by index of the stream, of those that need mending.
        note: what is left out, in words; empty for nothing.
        ends_s: when tracks end that need none, by index of the stream, as far as they were looked through.
    """

    tracks: Mapping[int, TrackClock] = field(default_factory=dict)
    note: str = ""
    ends_s: Mapping[int, float] = field(default_factory=dict)


def clock_of(path: str | Path | OpenFile, format_name: str, indices: Sequence[int]) -> Clock:
    """The clock of some tracks of a file.

    Args:
        path: the file.
        format_name: of its demuxer.
        indices: indices of the streams that belong together.

    Raises:
        MediaError: the file cannot be read.
    """
    scan = _scan(path, format_name)
    tracks = {index: scan.tracks[index] for index in indices if index in scan.tracks and scan.tracks[index].stretches}
    if all(len(track.stretches) == 1 and not track.strays for track in tracks.values()):
        ends_s = {index: track.stretches[0].end_s for index, track in tracks.items()}
        return Clock(note=scan.note, ends_s=ends_s)
    together = _together([track.stretches for track in tracks.values()])
    shifts = [0.0]
    for k in range(1, together):
        end_s = shifts[-1] + max(track.stretches[k - 1].end_s for track in tracks.values())
        shifts.append(end_s - min(track.stretches[k].start_s for track in tracks.values()))
    note = scan.note
    if any(len(track.stretches) > together for track in tracks.values()):
        end_s = shifts[-1] + max(track.stretches[together - 1].end_s for track in tracks.values())
        reason = f"its time stamps jump after {end_s:.1f} s, but not for video and sound alike; the rest is left out"
        note = "; ".join(filter(None, (note, reason)))
    return Clock({index: _track_clock(track, shifts) for index, track in tracks.items()}, note)


def _together(tracks: Sequence[Sequence[Stretch]]) -> int:
    """How many stretches, from the first on, begin in all tracks at the same place of the file."""
    count = 1
    for stretches in zip(*(track[1:] for track in tracks), strict=False):
        orders = [stretch.order for stretch in stretches]
        if max(orders) - min(orders) > APART_PACKETS:
            break
        count += 1
    return count


def _track_clock(track: Track, shifts: Sequence[float]) -> TrackClock:
    stretches = track.stretches[: len(shifts)]
    ends = [stretch.end_s + shift for stretch, shift in zip(stretches, shifts, strict=True)]
    rest = track.stretches[len(shifts) :]
    firsts = [stretch.first for stretch in stretches]
    stop = rest[0].first if rest else float("inf")
    return TrackClock(firsts, shifts, frozenset(track.strays), stop, stretches[0].start_s, max(ends))


def _scan(path: str | Path | OpenFile, format_name: str) -> Scan:
    """What was found last is kept: whoever reads a film opens it for its frames and for its sound."""
    global _latest
    if isinstance(path, OpenFile):  # a sandbox may ask no more of it
        size = os.lseek(path.descriptor, 0, os.SEEK_END)
        key = (str(path), path.descriptor, size)
    else:
        state = os.stat(path)
        size = state.st_size
        key = (state.st_dev, state.st_ino, size, state.st_mtime_ns)
    if _latest is None or _latest[0] != key:
        scans, note = format_name.startswith(STREAM_FORMATS), ""
        if format_name.startswith("mov"):
            scans, note = _look_into_mp4(path)
        elif format_name.startswith("matroska"):
            scans = _is_several_matroskas(path)
        _latest = key, _scan_packets(path, size, note) if scans else Scan({}, note)
    return _latest[1]


_latest: tuple[tuple[int | str, ...], Scan] | None = None


def _scan_packets(path: str | Path | OpenFile, size: int, note: str) -> Scan:
    readers: dict[int, _TrackReader] = {}
    read = 0
    with open_container(path) as container:
        seekless = container.format.name.startswith(STREAM_FORMATS)
        streams = [*container.streams.video, *container.streams.audio]
        for order, packet in enumerate(packets_of(container, streams)):
            if packet.size:
                readers.setdefault(packet.stream_index, _TrackReader(readers)).add(packet, order)
                read = max(read, (packet.pos or 0) + packet.size)
    unread = size - read
    if seekless and unread > max(UNREAD_BYTES, UNREAD_SHARE * size):
        note = f"{unread / size:.0%} of the file lies behind the end of its recording and is left out"
    return Scan({index: reader.finish() for index, reader in readers.items()}, note)


class _TrackReader:
    """Finds the stretches of a track, packet by packet."""

    def __init__(self, all_tracks: Mapping[int, "_TrackReader"]):
        self._all = all_tracks
        self._track = Track()
        self._number = 0
        self._last_s = 0.0
        # Packets on another clock, until there are enough of them: (number, order, times).
        self._other: list[tuple[int, int, tuple[float, float, float]]] = []

    def add(self, packet: av.Packet, order: int) -> None:
        number, base = self._number, packet.time_base
        self._number += 1
        first = packet.pts if packet.dts is None else packet.dts
        display = packet.dts if packet.pts is None else packet.pts
        if first is None or display is None:
            return
        time, start_s = float(first * base), float(display * base)
        times = time, start_s, start_s + float((packet.duration or 0) * base)
        back_s = BACK_REORDERED_S if packet.dts is None else BACK_S
        if not self._track.stretches:
            self._begin([(number, order, times)])
        elif self._goes_on(time, back_s):
            self._track.strays.update(number for number, _, _ in self._other)
            self._other = []
            self._go_on(times)
        else:
            if self._other and not -back_s <= time - self._other[-1][2][0] <= PAUSE_S:
                self._track.strays.update(number for number, _, _ in self._other)
                self._other = []
            self._other.append((number, order, times))
            if len(self._other) == STRAY_PACKETS:
                self._begin(self._other)
                self._other = []

    def finish(self) -> Track:
        self._track.strays.update(number for number, _, _ in self._other)
        return self._track

    def _goes_on(self, time: float, back_s: float) -> bool:
        # It continues the packets on another clock rather than those before them.
        if self._other and abs(time - self._other[-1][2][0]) < abs(time - self._last_s):
            return False
        return -back_s <= time - self._last_s <= PAUSE_S or self._is_a_pause(time)

    def _is_a_pause(self, time: float) -> bool:
        """Whether another track has come to a time that lies far ahead in this one, as sound to slides."""
        return time > self._last_s and any(
            abs(time - other._last_s) < PAUSE_S and len(other._track.stretches) == len(self._track.stretches)
            for other in self._all.values()
        )

    def _begin(self, packets: list[tuple[int, int, tuple[float, float, float]]]) -> None:
        number, order, (time, start_s, end_s) = packets[0]
        self._track.stretches.append(Stretch(number, order, start_s, end_s))
        self._last_s = time
        for _, _, times in packets[1:]:
            self._go_on(times)

    def _go_on(self, times: tuple[float, float, float]) -> None:
        time, start_s, end_s = times
        stretch = self._track.stretches[-1]
        stretch.start_s, stretch.end_s = min(stretch.start_s, start_s), max(stretch.end_s, end_s)
        self._last_s = max(self._last_s, time)


def _look_into_mp4(path: str | Path | OpenFile) -> tuple[bool, str]:
    """Whether an mp4 comes in fragments, each with a time stamp of its own; and what is not read of it."""
    indices, has_fragments = [], False
    with _reader(path) as file:
        at = 0
        while len(head := _at(file, at, 16)) >= 8:
            size, kind = int.from_bytes(head[:4], "big"), head[4:8]
            if size == 1:
                # Larger than 32 bits; 1 says that the size stands after the kind.
                size = int.from_bytes(head[8:16], "big")
            has_fragments |= kind == b"moof"
            if kind == b"moov":
                indices.append(at)
            # 0 means to the end of the file; anything else is damage.
            if size < 8 or has_fragments:
                break
            at += size
    if has_fragments or len(indices) < 2:
        return has_fragments, ""
    return False, "another recording follows in the file and is left out"


def _is_several_matroskas(path: str | Path | OpenFile) -> bool:
    """Whether something follows the first segment of a Matroska file, or may do so."""
    with _reader(path) as file:
        start = _at(file, 0, 64)
        if start[:4] != EBML or len(start) < 64:
            return False
        head, _ = _matroska_size(start[4:])
        segment = _at(file, 4 + head, 16)
        if segment[:4] != SEGMENT:
            return False
        length, digits = _matroska_size(segment[4:])
        if length - digits == (1 << 7 * digits) - 1:  # not known when it was written
            return True
        return _at(file, 8 + head + length, 4) == EBML


def _matroska_size(data: bytes) -> tuple[int, int]:
    """What an element takes with its size, and the bytes of that size."""
    digits = 9 - data[0].bit_length()
    value = int.from_bytes(data[:digits], "big") & ((1 << 7 * digits) - 1)
    return value + digits, digits


def _reader(path: str | Path | OpenFile):
    return FileReader(path) if isinstance(path, OpenFile) else open(path, "rb")


def _at(file, offset: int, size: int) -> bytes:
    return b"" if file.seek(offset) < 0 else file.read(size)


class DisplayOrder:
    """Times for frames of a container that knows none: AVI names the order in which frames are decoded, no more.

    The n-th frame that is shown is given the time of the n-th that is decoded. A frame's place follows from those that
    were decoded before it and are shown after it, and the other way round, so that lost frames shift nothing.
    """

    def __init__(self):
        self._times: list[int] = []
        self._early = 0
        self._waiting: set[int] = set()
        self._recent: deque[int] = deque(maxlen=REORDER_DEPTH)

    def mark(self, packet: av.Packet) -> None:
        """Has the decoder hand on the number of a packet in place of a time."""
        number = len(self._times)
        time = packet.dts
        if time is None:
            time = self._times[-1] + self._early + 1 if self._times else 0
        # FFmpeg writes empty frames after the first where the sound begins earlier, by the delay of an encoder. Others
        # are those that a recorder has lost.
        if number == 1 and time - self._times[0] <= LEADING_FRAMES:
            self._early = time - self._times[0] - 1
        self._times.append(time - self._early)
        self._waiting.add(number)
        packet.pts = number

    def place(self, frame: av.VideoFrame) -> None:
        """Gives a frame its time."""
        number = frame.pts
        if number is None or not 0 <= number < len(self._times):
            return
        self._waiting.discard(number)
        if frame.pict_type not in BETWEEN:  # what was decoded before it was shown before it, or is lost
            self._waiting -= {other for other in self._waiting if other < number}
        before = sum(other > number for other in self._recent)
        after = sum(other < number for other in self._waiting)
        self._recent.append(number)
        frame.pts = self._times[min(number + before - after, len(self._times) - 1)]

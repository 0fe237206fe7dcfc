"""The tracks of a media file: which video and which sound belong together, and when they begin and end."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
from av import AudioStream, VideoStream
from av.stream import Disposition

from avnet.errors import NoAudioTrack, TooLarge
from avnet.media import decoding
from avnet.media.clock import Clock, DisplayOrder, TrackClock, clock_of
from avnet.media.container import FileReader, OpenFile, open_container, packets_of
from avnet.media.programmes import PROGRAMME_BYTES, listed_programmes

# Seconds by which a scan must exceed what the header says to be believed in its place.
GUESS_S = 0.2
# Damaged headers claim years.
MAX_DURATION_S = 24 * 3600.0
# Containers that say when a frame is decoded and not when it is shown.
WITHOUT_TIMES = ("avi",)
# Sound that is not the film's own, or not all of it.
BESIDE = (
    Disposition.comment
    | Disposition.lyrics
    | Disposition.karaoke
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.clean_effects
    | Disposition.non_diegetic
    | Disposition.descriptions
    | Disposition.dependent
)
# What such tracks are called where no flag says so.
BESIDE_TITLE = re.compile(r"comment(ary|aire)|descri(ptive|bed|ption)|visually impaired|karaoke", re.IGNORECASE)


@dataclass(frozen=True)
class VideoInfo:
    """A video stream: size in pixels as shown (after rotation and aspect), times in seconds."""

    width: int
    height: int
    fps: float
    start_s: float
    duration_s: float

    @property
    def frame_period_s(self) -> float:
        """Seconds between two frames; the grid to which negatives are snapped."""
        return 1.0 / self.fps


@dataclass(frozen=True)
class AudioInfo:
    """An audio stream.

    Attributes:
        sample_rate: its own, Hz.
        start_s: seconds.
        duration_s: seconds.
        number: of the track, from 1 on.
        count: of the audio tracks in the file.
        title: language and title of the track, as far as it has them.
    """

    sample_rate: int
    start_s: float
    duration_s: float
    number: int = 1
    count: int = 1
    title: str = ""

    @property
    def choice(self) -> str:
        """Which of several it is, in words; empty where there is one."""
        if self.count == 1:
            return ""
        return f"audio track {self.number} of {self.count}" + (f" ({self.title})" if self.title else "")


@dataclass(frozen=True)
class MediaInfo:
    """What a media file holds.

    Attributes:
        path: of the file.
        duration_s: seconds.
        video: None where there is none.
        audio: None where there is none.
        note: what of the file cannot be used, in words; empty for nothing.
        no_audio: why there is no audio, in words.
    """

    path: Path
    duration_s: float
    video: VideoInfo | None
    audio: AudioInfo | None
    note: str = ""
    no_audio: str = "has no audio track"


class Tracks:
    """A file that is open, and what of it is seen and heard.

    Attributes:
        container: the file.
        video: None where there is none.
        sound: None where there is none.
        clock: on which both lie.
    """

    def __init__(
        self,
        container: av.container.InputContainer,
        video: VideoStream | None,
        sound: AudioStream | None,
        clock: Clock,
    ):
        self.container, self.video, self.sound, self.clock = container, video, sound, clock

    def times(self, stream) -> tuple[float, float]:
        """Start and duration of a stream in seconds; up to the end of the container where the stream names none."""
        if stream.index in self.clock.tracks:
            track = self.clock.tracks[stream.index]
            return track.start_s, track.end_s - track.start_s
        base = float(stream.time_base or 0)
        start_s = float(stream.start_time or 0) * base
        if stream.duration and stream.duration > 0:
            length_s = float(stream.duration) * base
            # A guess from the few time stamps that a programme stream has may fall short.
            scanned_s = self.clock.ends_s.get(stream.index, 0.0) - start_s
            return start_s, scanned_s if scanned_s > length_s + GUESS_S else length_s
        end_s = _matroska_end_s(stream.metadata.get("DURATION", ""))
        if end_s <= start_s:
            end_s = (max(0, self.container.start_time or 0) + max(0, self.container.duration or 0)) / 1e6
        return start_s, max(0.0, end_s - start_s)

    @property
    def duration_s(self) -> float:
        """Of the whole file, seconds."""
        if self.clock.tracks:
            spans = self.clock.tracks.values()
            return max(track.end_s for track in spans) - min(track.start_s for track in spans)
        return max(0, self.container.duration or 0) / 1e6

    def decode(self, stream, before: Callable[[av.Packet], None] | None = None) -> Iterator:
        """Yields the frames of a stream in order, None for a packet that cannot be decoded; lost data end the stream.

        Args:
            stream: one of the file's streams.
            before: called with every packet before it is decoded.
        """
        display = DisplayOrder() if stream.type == "video" and self.container.format.name in WITHOUT_TIMES else None
        for packet in self._packets(stream, self.clock.tracks.get(stream.index)):
            if display is not None and packet is not None and packet.size:
                display.mark(packet)
            if before is not None and packet is not None:
                before(packet)
            try:
                for frame in stream.decode(packet):
                    if display is not None:
                        display.place(frame)
                    yield frame
            except av.error.FFmpegError:
                yield None

    def _packets(self, stream, clock: TrackClock | None) -> Iterator[av.Packet | None]:
        """The packets of a stream on the clock of the file; None at the end, for what the decoder still holds."""
        number = 0
        for packet in packets_of(self.container, stream):
            if clock is not None and packet.size:
                if number >= clock.stop:
                    yield None
                    return
                clock.mend(packet, number)
                number += 1
            yield packet


@contextmanager
def open_tracks(path: str | Path | OpenFile, audio_track: int | None = None) -> Iterator[Tracks]:
    """Opens a file for reading.

    Args:
        path: a local file, or one that is open already and was checked before.
        audio_track: number of the audio track to take, from 1 on; None chooses.

    Raises:
        NotMedia: not a regular file or no accepted container.
        NoAudioTrack: there is no track of that number.
        TooLarge: the header claims an absurd size or duration.
        Damaged: decoding inside the block failed.
    """
    with open_container(path) as container:
        video, sound = _choose(path, container, audio_track)
        indices = [stream.index for stream in (video, sound) if stream is not None]
        tracks = Tracks(container, video, sound, clock_of(path, container.format.name, indices))
        if tracks.duration_s > MAX_DURATION_S:
            raise TooLarge(path, f"claims to last {tracks.duration_s:.0f} s")
        yield tracks


def _choose(
    path, container: av.container.InputContainer, audio_track: int | None
) -> tuple[VideoStream | None, AudioStream | None]:
    """The video and the sound of one programme, which is the first that has both."""
    # The sleeve of an album is a video stream too, of one frame.
    cover = Disposition.attached_pic | Disposition.timed_thumbnails
    videos = [stream for stream in container.streams.video if stream.codec_context and not stream.disposition & cover]
    sounds = [stream for stream in container.streams.audio if stream.codec_context]
    if audio_track is not None:
        count = len(container.streams.audio)
        if not 1 <= audio_track <= count:
            raise NoAudioTrack(path, f"has no audio track {audio_track}; it has {count}")
        track = container.streams.audio[audio_track - 1]
        sounds = [stream for stream in sounds if stream is track]
    best = None
    for programme in _programmes(path, container):
        its_videos = [stream for stream in videos if programme is None or stream.id in programme]
        its_sounds = [stream for stream in sounds if programme is None or stream.id in programme]
        if its_videos and its_sounds:
            return its_videos[0], min(its_sounds, key=_rank)
        if best is None and its_videos:
            best = its_videos[0], None
    if best is not None and audio_track is None:
        return best
    return (videos[0] if videos else None), (min(sounds, key=_rank) if sounds else None)


def _rank(stream: AudioStream) -> tuple[bool, bool]:
    """Less for the film's own sound: no commentary and the like, and what the file calls the default."""
    beside = stream.disposition & BESIDE or BESIDE_TITLE.search(stream.metadata.get("title", ""))
    return bool(beside), not stream.disposition & Disposition.default


def _programmes(path, container: av.container.InputContainer) -> list[set[int] | None]:
    """The identities of the streams of each programme of a transport stream; elsewhere one programme, None, of all."""
    streams = container.streams
    if container.format.name != "mpegts" or len(streams.video) + len(streams.audio) < 2:
        return [None]
    with FileReader(path) if isinstance(path, OpenFile) else open(path, "rb") as file:
        programmes = list(listed_programmes(file.read(PROGRAMME_BYTES)).values())
    # What no list names belongs to all.
    stray = {stream.id for stream in streams} - set().union(*programmes)
    return [programme | stray for programme in programmes] or [None]


def _matroska_end_s(tag: str) -> float:
    """Matroska tells the end of a track as hours:minutes:seconds in a tag of that name; 0 where it does not."""
    try:
        hours, minutes, seconds = map(float, tag.split(":"))
    except ValueError:
        return 0.0
    return 3600 * hours + 60 * minutes + seconds


def frames_per_second(stream) -> float:
    """The average rate of a video stream, else the guessed one, else 25."""
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate
    fps = float(rate) if rate else 25.0
    return fps if 0.01 < fps <= 1000.0 else 25.0


def probe(path: str | Path | OpenFile, audio_track: int | None = None) -> MediaInfo:
    """Says what is in a media file.

    Args:
        path: a local video or sound file, or one that is open.
        audio_track: number of the audio track to take, from 1 on; None chooses.

    Returns:
        What the file holds; decodes nothing, so sizes are before rotation where only frames carry it.

    Raises:
        NotMedia: not a regular file or not an accepted container.
        NoAudioTrack: there is no track of that number.
        TooLarge: it claims an absurd size or duration.
    """
    if not isinstance(path, OpenFile) and (sandbox := decoding.sandbox()) is not None:
        return sandbox.probe(path, audio_track)
    with open_tracks(path, audio_track) as tracks:
        video = audio = None
        if stream := tracks.video:
            aspect = float(stream.sample_aspect_ratio or 1) or 1.0
            start_s, length_s = tracks.times(stream)
            width = round(stream.codec_context.width * aspect)
            video = VideoInfo(width, stream.codec_context.height, frames_per_second(stream), start_s, length_s)
        if stream := tracks.sound:
            start_s, length_s = tracks.times(stream)
            audio = AudioInfo(stream.codec_context.sample_rate, start_s, length_s, *_place(tracks.container, stream))
        return MediaInfo(Path(path), tracks.duration_s, video, audio, tracks.clock.note, no_audio(tracks))


def _place(container: av.container.InputContainer, stream: AudioStream) -> tuple[int, int, str]:
    """Number of an audio track, how many there are, and what it is called."""
    streams = container.streams.audio
    number = next(i for i, other in enumerate(streams, 1) if other.index == stream.index)
    names = [stream.metadata.get(key, "") for key in ("language", "title")]
    title = ", ".join(name[:60] for name in names if name not in ("", "und"))
    return number, len(streams), "".join(letter if letter.isprintable() else "?" for letter in title)


def no_audio(tracks: Tracks) -> str:
    """Why there is no sound to be heard in a file."""
    count = len(tracks.container.streams.audio)
    if not count:
        return "has no audio track"
    if any(stream.codec_context for stream in tracks.container.streams.audio):
        return "has no audio track in the programme of its video"
    return "has an audio track that cannot be read: there is no decoder for it"

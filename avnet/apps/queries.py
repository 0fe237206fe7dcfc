"""What is searched by: media, moments of media, entries of the index or vectors, and what a model makes of them."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from avnet.apps.inputs import (
    ImageInput,
    SoundInput,
    check_time,
    check_track,
    clip_at,
    image_of,
    name_of,
    sound_of,
)
from avnet.errors import ConfigError, NotMedia, NoVideoTrack, OptionError, Silent
from avnet.index.entry import check_id, entry_id, is_id
from avnet.index.index import Index
from avnet.index.segment import KINDS, Kind
from avnet.media.clips import is_silent
from avnet.media.image import is_image
from avnet.media.tracks import probe
from avnet.media.video import video_span
from avnet.moments.walk import moment_at

if TYPE_CHECKING:
    from avnet.correspondence.config import ModelConfig
    from avnet.correspondence.model import Model


@dataclass(frozen=True)
class SearchQuery:
    """One thing to search by, of several that are combined; exactly one of the first six is given.

    Attributes:
        image: jpg or png file, or uint8 RGB [height, width, 3].
        sound: file, waveform, or samples [n] at the model's sample rate.
        video: file, of which a frame and the sound about it are taken.
        entry: id or key of an entry of the index, as `Match.entry` and `Match.key` have it.
        vector: float [embedding size], an embedding by the model.
        like: as people write it: FILE@SECONDS for a moment of an indexed file, which need not be there any more, else
            of one on disk; a file of media; or the id or key of an entry. The last parts of a path are enough where
            one indexed file alone has them.
        kind: of what the vector is.
        at: time in seconds in the sound or video; None for its loudest clip.
        part: what is taken of the video.
        audio_track: number of the audio track of the sound or video, from 1 on; None for the film's own.
        weight: how much it counts beside the others; less than 0 for less of it.

    Example:
        >>> from avnet.apps.queries import SearchQuery
        >>> SearchQuery(image="dog.jpg", weight=0.5).source
        'dog.jpg'
    """

    image: ImageInput | None = None
    sound: SoundInput | None = None
    video: str | Path | None = None
    entry: str | None = None
    vector: np.ndarray | None = None
    like: str | None = None
    kind: Kind | None = None
    at: float | None = None
    part: Literal["both", "image", "sound"] = "both"
    audio_track: int | None = None
    weight: float = 1.0

    def __post_init__(self):
        check_track(self.audio_track)
        sources = [self.image, self.sound, self.video, self.entry, self.vector, self.like]
        if (count := sum(source is not None for source in sources)) != 1:
            choices = "one image, one sound, one video, one entry of the index, one vector or one moment"
            raise ConfigError("search", f"needs {choices}, got {count} of them")
        if self.at is not None and self.sound is None and self.video is None:
            raise OptionError("at", "goes with a sound or a video; an image has no time")
        if (self.kind is not None) != (self.vector is not None) or self.kind not in (None, *KINDS):
            raise ConfigError("kind", "goes with a vector, which is of an image or of a sound")
        if not np.isfinite(self.weight) or not 0 < abs(self.weight) <= 1000:
            raise OptionError("weight", f"must be from -1000 to 1000 and not 0, got {self.weight:g}")
        if self.entry is not None:
            check_id(self.entry)

    @property
    def source(self) -> ImageInput | SoundInput | None:
        """The media; None for an entry, a vector or a moment."""
        return next((media for media in (self.image, self.sound, self.video) if media is not None), None)


@dataclass(frozen=True)
class Query:
    """What is searched by.

    Attributes:
        file: where it comes from; None for an array.
        time_s: of the frame, or of the middle of the clip.
        kind: what it is.
        content: uint8 image [height, width, 3], of a video all that the model sees of its moment [height, width,
            channels]; or float32 clip [samples]. None for an entry of the index and for a vector.
        entry: its id, if it is one of the index.
        weight: how much it counts beside others.
    """

    file: str | None
    time_s: float
    kind: Kind
    content: np.ndarray | None
    entry: str | None = None
    weight: float = 1.0


@dataclass(frozen=True)
class Embedded:
    """A query and its vector of unit length, float32 [embedding size]."""

    query: Query
    vector: np.ndarray


def embed_query(model: "Model", index: Index, query: SearchQuery) -> list[Embedded]:
    """What a model makes of a query: one vector, or of a video one by its frame and one by its sound.

    Raises:
        AvnetError: the media cannot be used, or the index has no such entry.
    """
    if query.like is not None:
        return [one for part in _likeness(query, index) for one in embed_query(model, index, part)]
    if query.vector is not None:
        assert query.kind is not None
        vector = np.asarray(query.vector, np.float32)
        if vector.shape != (index.embedding_size,) or not np.isfinite(vector).all() or not vector.any():
            raise ConfigError("vector", f"must be {index.embedding_size} finite numbers, not all of them 0")
        return [Embedded(Query(None, 0.0, query.kind, None, weight=query.weight), vector / np.linalg.norm(vector))]
    if query.entry is not None:
        entry, vector = index.entry(query.entry)
        one = Query(entry.file, entry.time_s, entry.kind, None, query.entry, query.weight)
        return [Embedded(one, vector / np.linalg.norm(vector))]
    embedded = []
    for file, time_s, kind, content in _contents(query, model.config):
        embed = model.embed_images if kind == "image" else model.embed_waveforms
        embedded.append(Embedded(Query(file, time_s, kind, content, None, query.weight), embed(content[None])[0]))
    return embedded


def _likeness(query: SearchQuery, index: Index) -> list[SearchQuery]:
    """The entries or the media that `like` stands for."""
    text = query.like or ""
    alike = replace(query, like=None, entry="0-0")  # everything else stays, such as the weight
    if is_id(text):
        return [replace(alike, entry=text)]
    file, sign, seconds = text.rpartition("@")
    at = None
    if sign and not os.path.exists(text):
        try:
            at = float(seconds)
        except ValueError:
            raise OptionError("like", f"must be FILE@SECONDS, a file or an entry, got {text[:80]!r}") from None
    path = text if at is None else file
    if at is None and os.path.exists(path):
        return [_media_query(path, None, alike)]
    if (indexed := _indexed(path, index)) is None:
        return [_media_query(path, at, alike)]
    return [replace(alike, entry=id) for id in _nearest_moments(indexed, at, index)]


def _indexed(path: str, index: Index) -> str | None:
    """The path of an indexed file; None where there is none of that name."""
    paths = index.rows.paths().values()
    whole = os.path.abspath(path)
    ends = [one for one in paths if one in (path, whole) or one.endswith(f"/{path}")]
    exact = [one for one in ends if one in (path, whole)]
    if len(ends) > 1 and not exact:
        raise OptionError("like", f"names several indexed files: {path}; as {ends[0]} and {ends[1]}")
    return next(iter(exact or ends), None)


def _nearest_moments(path: str, at: float | None, index: Index) -> list[str]:
    """Ids of the image and of the sound of a file that are nearest to a time."""
    ids, moments = [], index.rows.moments(path)
    for kind in KINDS:
        times = np.array([time_s for _, _, time_s, of_kind in moments if of_kind == kind])
        places = [entry_id(segment, row) for segment, row, _, of_kind in moments if of_kind == kind]
        if not len(times) or (at is None and len(times) > 1):
            continue
        nearest = 0 if at is None else int(np.abs(times - at).argmin())
        # Beyond what was indexed there is no moment, and a part without sound has no sound.
        gap = max(1.0, float(np.median(np.diff(np.sort(times)))) if len(times) > 1 else 0.0)
        if at is None or abs(times[nearest] - at) <= gap:
            ids.append(places[nearest])
    if not ids:
        raise OptionError("like", f"{path} has no moment there in the index; say FILE@SECONDS with one that it has")
    return ids


def _media_query(path: str, at: float | None, alike: SearchQuery) -> SearchQuery:
    if is_image(path):
        return replace(alike, entry=None, image=path)
    if probe(path).video is None:
        return replace(alike, entry=None, sound=path, at=at)
    return replace(alike, entry=None, video=path, at=at)


_Content = tuple[str | None, float, Kind, np.ndarray]


def _contents(query: SearchQuery, config: "ModelConfig") -> list[_Content]:
    if query.image is not None:
        return [(name_of(query.image), 0.0, "image", image_of(query.image))]
    if query.sound is not None:
        return [_sound_content(query.sound, config, query.at, query.audio_track)]
    assert query.video is not None
    path = Path(query.video)
    if query.part == "sound":
        return [_sound_content(path, config, query.at, query.audio_track)]
    contents = _video_contents(path, config, query.at, query.audio_track)
    return contents if query.part == "both" else contents[:1]


def _sound_content(sound: SoundInput, config: "ModelConfig", at: float | None, track: int | None) -> _Content:
    """A clip of a sound, the loudest one unless a time is given."""
    source, clip_s = sound_of(sound, config.spectrogram.sample_rate, track), config.clip_s
    mid_s, clip = source.loudest(clip_s) if at is None else (at, clip_at(source, at, clip_s))
    if is_silent(clip):
        raise Silent(name_of(sound) or "sound", f"is silent at {mid_s:.2f} s; there is nothing to search by")
    return name_of(sound), mid_s, "sound", clip


def _video_contents(path: Path, config: "ModelConfig", at: float | None, track: int | None) -> list[_Content]:
    """A frame of a video and the sound about it, unless it has none then.

    Without a time, it is taken at its loudest clip, or in its middle where it has no sound.
    """
    if is_image(path):
        raise NotMedia(path, "is an image; search by it as one, not as a video")
    info = probe(path, track)
    if info.video is None:
        raise NoVideoTrack(path, "has no video track; search by its sound, not as a video")
    start, end = video_span(info)
    if at is not None:
        check_time(at, start, end)
    clip = None
    if info.audio is not None:
        sound = sound_of(path, config.spectrogram.sample_rate, track)
        at, clip = sound.loudest(config.clip_s) if at is None else (at, next(sound.clips([at], config.clip_s)))
    elif at is None:
        at = (start + end) / 2
    # Many frames of a large film would be gigabytes.
    short_side = None if config.moment.is_image else config.image_size
    shown_s, image = moment_at(path, at, config.moment, short_side, track)
    # The frame has a time of its own; the sound is about the moment that was asked for.
    contents: list[_Content] = [(str(path), shown_s, "image", image)]
    if clip is not None and not is_silent(clip):
        contents.append((str(path), at, "sound", clip))
    return contents

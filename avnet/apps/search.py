"""What an index holds that goes with an image, a sound or a moment of a video."""

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
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
    open_aligned_model,
    sound_of,
)
from avnet.errors import AvnetError, ConfigError, NotMedia, NoVideoTrack, OptionError, Silent
from avnet.index.index import Index
from avnet.index.segment import Kind
from avnet.index.side_index import SideIndex
from avnet.media.clips import is_silent
from avnet.media.image import is_image
from avnet.media.tracks import probe
from avnet.media.video import video_span
from avnet.moments.walk import moment_at

if TYPE_CHECKING:
    from avnet.correspondence.config import ModelConfig
    from avnet.correspondence.model import Model


@dataclass(frozen=True)
class SearchOptions:
    """What is searched for.

    Example:
        >>> avnet.SearchOptions(kind="both", per_file=0).k
        10
    """

    at: float | None = None
    """Time in seconds in the sound or video to search by. Default: its loudest clip."""
    k: int = 10
    """Greatest number of matches."""
    kind: Literal["other", "image", "sound", "both"] = "other"
    """What to find; other finds sounds by an image and images by a sound."""
    per_file: int = 1
    """Greatest number of matches from one file; 0 for no limit."""
    exact: bool = False
    """Search exactly, even where `avnet accelerate` has made a side index."""

    audio_track: int | None = None
    """Number of the audio track to take of the sound or video to search by, from 1 on. Default: the film's own."""

    def __post_init__(self):
        check_track(self.audio_track)
        if not 1 <= self.k <= 10_000:
            raise OptionError("k", f"must be from 1 to 10000, got {self.k}")
        if self.per_file < 0:
            raise OptionError("per_file", f"must be at least 0, got {self.per_file}")


@dataclass(frozen=True)
class Query:
    """What is searched by.

    Attributes:
        file: where it comes from; None for an array.
        time_s: of the frame, or of the middle of the clip.
        kind: what it is.
        content: uint8 image [height, width, 3], of a video all that the model sees of its moment [height, width,
            channels]; or float32 clip [samples].
    """

    file: str | None
    time_s: float
    kind: Kind
    content: np.ndarray


@dataclass(frozen=True)
class Match:
    """An image or a sound that was found.

    Attributes:
        rank: from 1.
        file: where it comes from.
        time_s: of the frame, or of the middle of the clip.
        kind: what it is.
        score: cosine with the query, in [-1, 1].
        probability: that image and sound belong together, in [0, 1]; None between two of a kind.
        missing: whether the file has been moved or deleted since it was indexed.
    """

    rank: int
    file: str
    time_s: float
    kind: Kind
    score: float
    probability: float | None
    missing: bool = False


@dataclass(frozen=True)
class Answer:
    """A query and its matches, the best first."""

    query: Query
    matches: tuple[Match, ...]

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        query = {"file": self.query.file, "time_s": self.query.time_s, "kind": self.query.kind}
        return {"query": query, "hits": [asdict(match) for match in self.matches]}


@dataclass(frozen=True)
class SearchResult:
    """The answers to all queries: one, or of a video one by its frame and one by its sound.

    Attributes:
        answers: one for each query.
        clip_s: length of a clip of sound, seconds.
        sample_rate: of the queries' sounds, Hz.
        refusals: why side indexes could not be used; the search was exact then.
    """

    answers: tuple[Answer, ...]
    clip_s: float
    sample_rate: int
    refusals: tuple[AvnetError, ...] = ()


def search(
    model: "str | Path | Model",
    index: str | Path | Index,
    *,
    image: ImageInput | None = None,
    sound: SoundInput | None = None,
    video: str | Path | None = None,
    options: SearchOptions | None = None,
) -> SearchResult:
    """Finds sounds that go with an image, images that go with a sound, or both for a moment of a video.

    Args:
        model: the AVE-Net that the index was made with, or its folder.
        index: or its folder.
        image: jpg or png file, or uint8 RGB [height, width, 3].
        sound: file, waveform, or samples [n] at the model's sample rate.
        video: file, of which a frame and the sound about it are two queries.
        options: what is searched for.

    Raises:
        AvnetError: the model, the index or the query cannot be used, or there is not exactly one query.

    Example:
        >>> result = avnet.search("runs/ave/model", "index", image="dog.jpg", options=avnet.SearchOptions(k=3))
        >>> [match.rank for match in result.answers[0].matches]
        [1, 2, 3]
    """
    options = options or SearchOptions()
    media = [source for source in (image, sound, video) if source is not None]
    if len(media) != 1:
        raise ConfigError("search", f"needs one image, one sound or one video, got {len(media)} of them")
    if image is not None and options.at is not None:
        raise OptionError("at", "goes with a sound or a video; an image has no time")
    if isinstance(media[0], str | Path):
        is_image(media[0])  # refuses an address or a missing file before the model is loaded
    model = open_aligned_model(model)
    with nullcontext(index) if isinstance(index, Index) else Index.open(index, model.fingerprint) as store:
        if image is not None:
            queries = [Query(name_of(image), 0.0, "image", image_of(image))]
        elif sound is not None:
            queries = [_sound_query(sound, model.config, options.at, options.audio_track)]
        else:
            assert video is not None
            queries = _video_queries(Path(video), model.config, options.at, options.audio_track)
        sides, refusals = ([], []) if options.exact else store.sides()
        answers = [Answer(query, _matches(model, store, sides, query, options)) for query in queries]
    # Without faiss every side index is refused for the same reason, which is worth one line.
    unique = {str(refusal): refusal for refusal in refusals}
    sample_rate = model.config.spectrogram.sample_rate
    return SearchResult(tuple(answers), model.config.clip_s, sample_rate, tuple(unique.values()))


def _matches(
    model: "Model", store: Index, sides: Sequence[SideIndex], query: Query, options: SearchOptions
) -> tuple[Match, ...]:
    embed = model.embed_images if query.kind == "image" else model.embed_waveforms
    other: Kind = "sound" if query.kind == "image" else "image"
    kind: Kind | None = {"other": other, "both": None, "image": "image", "sound": "sound"}[options.kind]
    hits = store.search(embed(query.content[None])[0], options.k, kind, options.per_file or None, sides)
    # The head was trained on an image with a sound; what it says of two of a kind means nothing and is left out.
    probabilities = model.match_probabilities(np.array([hit.score for hit in hits]))
    return tuple(
        Match(
            rank,
            hit.file,
            hit.time_s,
            hit.kind,
            hit.score,
            float(probability) if hit.kind == other else None,
            not os.path.exists(hit.file),
        )
        for rank, (hit, probability) in enumerate(zip(hits, probabilities, strict=True), 1)
    )


def _sound_query(sound: SoundInput, config: "ModelConfig", at: float | None, track: int | None) -> Query:
    """A clip of a sound, the loudest one unless a time is given."""
    source, clip_s = sound_of(sound, config.spectrogram.sample_rate, track), config.clip_s
    mid_s, clip = source.loudest(clip_s) if at is None else (at, clip_at(source, at, clip_s))
    if is_silent(clip):
        raise Silent(name_of(sound) or "sound", f"is silent at {mid_s:.2f} s; there is nothing to search by")
    return Query(name_of(sound), mid_s, "sound", clip)


def _video_queries(path: Path, config: "ModelConfig", at: float | None, track: int | None) -> list[Query]:
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
    queries = [Query(str(path), shown_s, "image", image)]
    if clip is not None and not is_silent(clip):
        queries.append(Query(str(path), at, "sound", clip))
    return queries

"""What an index holds that goes with an image, a sound or a moment of a video, or with several of them at once."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from avnet.apps.inputs import ImageInput, SoundInput, check_track, open_aligned_model
from avnet.apps.queries import Embedded, Query, SearchQuery, embed_query
from avnet.errors import AvnetError, ConfigError, OptionError
from avnet.files.storage import is_missing
from avnet.index.entry import Entry
from avnet.index.index import Index
from avnet.index.row_filter import RowFilter
from avnet.index.rows.metadata import Metadata, check_where
from avnet.index.rows.passages import Passage, passages
from avnet.index.segment import KINDS, Kind
from avnet.index.side_index import SideIndex
from avnet.media.image import is_image

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

# Shorter means of vectors of unit length are what rounding leaves of queries that cancel each other out.
LEAST_LENGTH = 1e-4
# Moments that passages are made of, for every passage that is asked for, and at most.
MOMENTS, MOST_MOMENTS = 20, 100_000


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
    source: str = ""
    """Find only in files whose path contains this, in capitals or not, or fits a pattern, as in holiday*.mp4."""
    after_s: float | None = None
    """Find only what is not before this time in its file, in seconds. Images that are no video are at 0."""
    before_s: float | None = None
    """Find only what is not after this time in its file, in seconds."""
    after: str = ""
    """Find only in files that were changed on this date or later, as in 2024-05-01 or 2024-05-01T12:30."""
    before: str = ""
    """Find only in files that were changed before this date."""
    metadata: Path | None = None
    """CSV file whose column "file" names files, by whole paths or the last parts of them; find only in these."""
    where: tuple[str, ...] = ()
    """Find only in files to which the metadata gives this value, COLUMN=VALUE, in capitals or not. VALUE may be a
    pattern, as in place=Par*."""
    passages: bool = False
    """Merge neighboring matches of a file into passages, made of the 20 nearest moments for every match."""
    passage_gap_s: float = 2.0
    """Greatest distance of neighbors in a passage, in seconds."""
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
        if not 0 < self.passage_gap_s < float("inf"):
            raise OptionError("passage_gap_s", f"must be more than 0 seconds, got {self.passage_gap_s:g}")
        check_where(self.where)
        if self.where and self.metadata is None:
            raise OptionError("where", "goes with the option metadata, a CSV that has the column")
        self._filter_without_metadata()

    def row_filter(self, without: frozenset[str] = frozenset()) -> RowFilter:
        """What a row must be to be found; reads the metadata.

        Args:
            without: ids or keys of entries that are not to be found.

        Raises:
            AvnetError: the metadata cannot be read, or lacks a column that is asked for.
        """
        metadata = None if self.metadata is None else Metadata.read(self.metadata, self.where)
        return replace(self._filter_without_metadata(), without=without, metadata=metadata)

    def _filter_without_metadata(self) -> RowFilter:
        after, before = _date("after", self.after), _date("before", self.before)
        return RowFilter(self.source, self.after_s, self.before_s, after=after, before=before)


def _date(option: str, text: str) -> datetime | None:
    try:
        # Without a zone it is the time of this machine.
        return datetime.fromisoformat(text).astimezone() if text else None
    except (ValueError, OverflowError, OSError):
        raise OptionError(option, f"must be a date, as 2024-05-01 or 2024-05-01T12:30, got {text[:40]!r}") from None


@dataclass(frozen=True)
class Match:
    """An image or a sound that was found.

    Attributes:
        rank: from 1.
        file: where it comes from.
        time_s: of the frame, or of the middle of the clip.
        kind: what it is.
        score: cosine with the query, in [-1, 1].
        probability: that image and sound belong together, in [0, 1]; None between two of a kind, and for several
            queries.
        missing: whether the file has been moved or deleted since it was indexed.
        entry: id in the index, to search by it or to find it again; it holds until the file is indexed again.
    """

    rank: int
    file: str
    time_s: float
    kind: Kind
    score: float
    probability: float | None
    missing: bool = False
    entry: str = ""

    @property
    def key(self) -> str:
        """What names it in every index of its file, whenever and in which order that is made."""
        return Entry(self.file, self.time_s, self.kind).key

    def _repr_html_(self) -> str:
        # By name: pages know the results that they show, and results no pages.
        return import_module("avnet.pages.notebook").match_html(self)


@dataclass(frozen=True)
class PassageMatch(Match):
    """Neighboring moments of a file, as a match; what a match says is that of the best of them.

    Attributes:
        start_s: of the first moment.
        end_s: of the last.
        moments: how many there are.
    """

    start_s: float = 0.0
    end_s: float = 0.0
    moments: int = 1


@dataclass(frozen=True)
class Answer:
    """A query and its matches, the best first.

    Attributes:
        query: what was searched by; of several the first.
        matches: the best first.
        queries: all that were combined, one or more.
    """

    query: Query
    matches: tuple[Match, ...]
    queries: tuple[Query, ...]

    def to_dict(self) -> dict:
        """Plain values for JSON."""
        query = {"file": self.query.file, "time_s": self.query.time_s, "kind": self.query.kind}
        return {"query": query, "hits": [asdict(match) | {"key": match.key} for match in self.matches]}


@dataclass(frozen=True)
class SearchResult:
    """The answers to all queries: one, or of a video one by its frame and one by its sound.

    Attributes:
        answers: one for each query, or for several that are combined.
        clip_s: length of a clip of sound, seconds.
        sample_rate: of the queries' sounds, Hz.
        refusals: why side indexes could not be used; the search was exact then.
    """

    answers: tuple[Answer, ...]
    clip_s: float
    sample_rate: int
    refusals: tuple[AvnetError, ...] = ()

    def _repr_html_(self) -> str:
        # By name: pages know the results that they show, and results no pages.
        return import_module("avnet.pages.notebook").search_html(self)


def search(
    model: "str | Path | Model",
    index: str | Path | Index,
    *,
    image: ImageInput | None = None,
    sound: SoundInput | None = None,
    video: str | Path | None = None,
    queries: Sequence[SearchQuery] = (),
    options: SearchOptions | None = None,
) -> SearchResult:
    """Finds sounds that go with an image, images that go with a sound, or both for a moment of a video.

    Several queries are combined: what is found is nearest to the mean of their vectors, each times its weight. Where
    the other kind is searched for, images among them find sounds and sounds find images, in two answers. Entries of the
    index that are searched by are not found themselves.

    Args:
        model: the AVE-Net that the index was made with, or its folder.
        index: or its folder.
        image: jpg or png file, or uint8 RGB [height, width, 3].
        sound: file, waveform, or samples [n] at the model's sample rate.
        video: file, of which a frame and the sound about it are two queries.
        queries: in place of these: media, moments, entries of the index or vectors, to be combined.
        options: what is searched for.

    Raises:
        AvnetError: the model, the index or the query cannot be used, there is not exactly one query where they are not
            combined, or those that are cancel each other out.

    Example:
        >>> result = avnet.search("runs/ave/model", "index", image="dog.jpg", options=avnet.SearchOptions(k=3))
        >>> [match.rank for match in result.answers[0].matches]
        [1, 2, 3]
        >>> from avnet.apps.queries import SearchQuery
        >>> more_like_this = SearchQuery(entry=result.answers[0].matches[0].entry)
        >>> options = avnet.SearchOptions(kind="sound", source="film_*.mp4")
        >>> queries = [more_like_this, SearchQuery(sound="bark.wav", weight=-0.5)]
        >>> [answer] = avnet.search("runs/ave/model", "index", queries=queries, options=options).answers
        >>> len(answer.queries)
        2
    """
    options = options or SearchOptions()
    single = [source for source in (image, sound, video) if source is not None]
    if queries:
        if single or options.at is not None or options.audio_track is not None:
            raise ConfigError("queries", "each have media, time and audio track of their own")
    elif len(single) != 1:
        raise ConfigError("search", f"needs one image, one sound or one video, got {len(single)} of them")
    queries = queries or [
        SearchQuery(image=image, sound=sound, video=video, at=options.at, audio_track=options.audio_track)
    ]
    for query in queries:
        if isinstance(query.source, str | Path):
            is_image(query.source)  # refuses an address or a missing file before the model is loaded
    rows = options.row_filter()
    model = open_aligned_model(model)
    with nullcontext(index) if isinstance(index, Index) else Index.open(index, model.fingerprint) as store:
        embedded = [one for query in queries for one in embed_query(model, store, query)]
        rows = replace(rows, without=frozenset(one.query.entry for one in embedded if one.query.entry is not None))
        sides, refusals = ([], []) if options.exact or rows.narrows else store.sides()
        # The frame and the sound of one video are two queries, but a moment that is named is one.
        several = len(queries) > 1 or queries[0].like is not None
        groups = _combine(embedded, options.kind == "other") if several else [[one] for one in embedded]
        answers = [_answer(model, store, sides, group, rows, options) for group in groups]
    # Without faiss every side index is refused for the same reason, which is worth one line.
    unique = {str(refusal): refusal for refusal in refusals}
    sample_rate = model.config.spectrogram.sample_rate
    return SearchResult(tuple(answers), model.config.clip_s, sample_rate, tuple(unique.values()))


def _combine(embedded: Sequence[Embedded], apart: bool) -> list[list[Embedded]]:
    """Those that make up one query, images apart from sounds or all together."""
    if not apart:
        return [list(embedded)]
    groups = [[one for one in embedded if one.query.kind == kind] for kind in KINDS]
    return [group for group in groups if group]


def _answer(
    model: "Model",
    store: Index,
    sides: Sequence[SideIndex],
    group: Sequence[Embedded],
    rows: RowFilter,
    options: SearchOptions,
) -> Answer:
    first = group[0].query
    other: Kind = "sound" if first.kind == "image" else "image"
    kind: Kind | None = {"other": other, "both": None, "image": "image", "sound": "sound"}[options.kind]
    per_file = options.per_file or None
    if options.passages:
        hits = store.search(_mean(group), min(MOST_MOMENTS, MOMENTS * options.k), kind, None, sides, rows)
        merged = passages(hits, options.passage_gap_s, options.k, per_file)
        hits = [passage.best for passage in merged]
    else:
        hits, merged = store.search(_mean(group), options.k, kind, per_file, sides, rows), []
    # The head was trained on an image with a sound; what it says of two of a kind, or of a mean, means nothing.
    probabilities = model.match_probabilities(np.array([hit.score for hit in hits]))
    pairs = len(group) == 1 and first.weight > 0
    matches = []
    for rank, (hit, probability) in enumerate(zip(hits, probabilities, strict=True), 1):
        shown = float(probability) if pairs and hit.kind == other else None
        missing = is_missing(hit.file)
        match = Match(rank, hit.file, hit.time_s, hit.kind, hit.score, shown, missing, hit.id)
        if merged:
            passage = merged[rank - 1]
            match = PassageMatch(**asdict(match), **_span(passage))
        matches.append(match)
    return Answer(first, tuple(matches), tuple(one.query for one in group))


def _span(passage: Passage) -> dict[str, Any]:
    return {"start_s": passage.start_s, "end_s": passage.end_s, "moments": passage.moments}


def _mean(group: Sequence[Embedded]) -> np.ndarray:
    """Of the vectors times their weights, at unit length; of a single one, that vector as it is.

    Raises:
        ConfigError: they cancel each other out.
    """
    if len(group) == 1:
        return np.sign(group[0].query.weight).astype(np.float32) * group[0].vector
    weights = np.array([one.query.weight for one in group])
    mean = weights @ np.stack([one.vector for one in group]) / np.abs(weights).sum()
    length = float(np.linalg.norm(mean))
    if length < LEAST_LENGTH:
        raise ConfigError("queries", "cancel each other out; change their weights")
    return (mean / length).astype(np.float32)

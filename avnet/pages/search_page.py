"""The page of a search: the query at the top, then its matches, to look at and to listen to."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avnet.apps.queries import Query
from avnet.apps.search import Answer, Match, SearchResult
from avnet.errors import DataError, MediaError
from avnet.files.storage import local_copy
from avnet.media.clips import Sound
from avnet.media.image import is_image, read_image, resize_short_side
from avnet.media.tracks import probe
from avnet.media.video import read_frames
from avnet.pages.html import Html, audio, cards, element, figure, group, note, page, paragraph, section

# Half of what films have: every clip lies inside the page.
SAMPLE_RATE = 24_000
THUMBNAIL = 240


@dataclass
class _Media:
    """What can be shown of one file.

    Attributes:
        frames: by time, images.
        clips: by time, sounds at `SAMPLE_RATE`.
        missing: why it cannot be shown; empty when it can.
    """

    frames: dict[float, np.ndarray] = field(default_factory=dict)
    clips: dict[float, np.ndarray] = field(default_factory=dict)
    missing: str = ""


def search_page(result: SearchResult) -> str:
    """A page in one file; source files that are gone are said to be.

    Args:
        result: of a search.

    Returns:
        HTML.
    """
    names = dict.fromkeys(
        Path(query.file).name for answer in result.answers for query in answer.queries if query.file is not None
    )
    return page(f"Search by {', '.join(names)}" if names else "Search", *search_sections(result))


def search_sections(result: SearchResult) -> list[Html]:
    """The parts of such a page, one for each query."""
    times: dict[str, set[float]] = {}
    for answer in result.answers:
        for query in answer.queries:
            if query.file is not None:
                times.setdefault(query.file, set()).add(query.time_s)
        for match in answer.matches:
            times.setdefault(match.file, set()).add(match.time_s)
    # Each file is opened once, however many of its moments match.
    media = {file: _read(file, sorted(moments), result.clip_s) for file, moments in times.items()}
    return [_section(answer, media, result.sample_rate) for answer in result.answers]


def match_card(match: Match, clip_s: float = 1.0) -> Html:
    """A match by itself; `clip_s` is the length of the clip of sound, seconds."""
    return _card(match, _read(match.file, [match.time_s], clip_s))


def _section(answer: Answer, media: dict[str, _Media], sample_rate: int) -> Html:
    queries = answer.queries
    title = f"By the {queries[0].kind} at {queries[0].time_s:.2f} s" if len(queries) == 1 else "By several queries"
    heads = []
    for query in queries:
        if query.file is None:
            head = _array(query, sample_rate)
        else:
            head = group(_moment(media[query.file], query.time_s, query.kind, alone=True), note(query.file))
        heads.append(head if query.weight == 1 else group(head, note(f"weight {query.weight:g}")))
    matches = cards(*(_card(match, media[match.file]) for match in answer.matches))
    return section(title, cards(*heads), matches if answer.matches else paragraph("There are no matches."))


def _array(query: Query, sample_rate: int) -> Html:
    """A query that lies in no file."""
    if query.content is None:
        return note(f"a vector of {query.kind}")
    if query.kind == "image":
        return figure(query.content, longest=2 * THUMBNAIL)
    return audio(query.content, sample_rate)


def _card(match: Match, media: _Media) -> Html:
    probability = "" if match.probability is None else f" · probability {match.probability:.2f}"
    head = paragraph(element("strong", f"{match.rank}. {Path(match.file).name}"))
    facts = note(f"{match.kind} at {match.time_s:.2f} s · score {match.score:.3f}{probability}")
    return group(head, _moment(media, match.time_s, match.kind), facts, note(match.file))


def _moment(media: _Media, time_s: float, kind: str, alone: bool = False) -> Html:
    """The moment itself first, then what goes with it in the same file unless it is to stand alone."""
    if media.missing:
        return note(f"cannot be shown: {media.missing}")
    parts = []
    for other in (kind, "sound" if kind == "image" else "image"):
        caption = "" if other == kind else "seen at that moment" if other == "image" else "heard at that moment"
        if other != kind and alone:
            continue
        if other == "image" and time_s in media.frames:
            parts.append(figure(media.frames[time_s], caption, longest=2 * THUMBNAIL))
        if other == "sound" and time_s in media.clips:
            parts.append(audio(media.clips[time_s], SAMPLE_RATE, caption))
    return group(*parts)


def _read(name: str, times: list[float], clip_s: float) -> _Media:
    try:
        with local_copy(name) as file:
            return _media_of(file, times, clip_s)
    except (MediaError, DataError) as error:
        return _Media(missing=error.reason)


def _media_of(file: Path, times: list[float], clip_s: float) -> _Media:
    if is_image(file):
        image = read_image(file)
        thumbnail = resize_short_side(image, min(THUMBNAIL, *image.shape[:2]))
        return _Media(frames=dict.fromkeys(times, thumbnail))
    media, info = _Media(), probe(file)
    if info.video is not None:
        side = min(THUMBNAIL, info.video.width, info.video.height)
        media.frames = dict(zip(times, read_frames(file, times, side).images, strict=True))
    if info.audio is not None:
        clips = Sound.of_file(file, SAMPLE_RATE).clips(sorted(times), clip_s)
        media.clips = dict(zip(sorted(times), clips, strict=True))
    return media

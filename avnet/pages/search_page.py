"""The page of a search: the query at the top, then what was found, to look at and to listen to."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avnet.apps.inputs import is_picture
from avnet.apps.query import Found, Query
from avnet.errors import MediaError
from avnet.media.audio import read_waveform
from avnet.media.container import probe
from avnet.media.image import read_image, resize_short_side
from avnet.media.video import read_frames
from avnet.pages.html import Html, audio, cards, element, figure, group, note, page, paragraph, section

SAMPLE_RATE = 24_000
THUMBNAIL = 240


@dataclass
class _Media:
    """What can be shown of one file.

    Attributes:
        frames: by time, pictures.
        clips: by time, sounds at `SAMPLE_RATE`.
        missing: why it cannot be shown; empty when it can.
    """

    frames: dict[float, np.ndarray] = field(default_factory=dict)
    clips: dict[float, np.ndarray] = field(default_factory=dict)
    missing: str = ""


def search_page(results: list[tuple[Query, list[Found]]], clip_s: float) -> str:
    """A page in one file; source files that are gone are said to be.

    Args:
        results: each query with its hits.
        clip_s: length of a clip, seconds.

    Returns:
        HTML.
    """
    names = dict.fromkeys(query.file.name for query, _ in results)
    return page(f"Search by {', '.join(names)}", *search_sections(results, clip_s))


def search_sections(results: list[tuple[Query, list[Found]]], clip_s: float) -> list[Html]:
    """The parts of such a page, one for each query."""
    times: dict[str, set[float]] = {}
    for query, found in results:
        times.setdefault(str(query.file), set()).add(query.time_s)
        for item in found:
            times.setdefault(item.hit.file, set()).add(item.hit.time_s)
    media = {file: _read(Path(file), sorted(wanted), clip_s) for file, wanted in times.items()}
    return [_result(query, found, media) for query, found in results]


def _result(query: Query, found: list[Found], media: dict[str, _Media]) -> Html:
    title = f"By the {'picture' if query.kind == 'image' else 'sound'} at {query.time_s:.2f} s"
    shown = _moment(media[str(query.file)], query.time_s, query.kind, alone=True)
    hits = cards(*(_card(item, media[item.hit.file]) for item in found))
    return section(title, cards(group(shown, note(query.file))), hits if found else paragraph("Nothing was found."))


def _card(item: Found, media: _Media) -> Html:
    hit = item.hit
    belief = "" if item.probability is None else f" · probability {item.probability:.2f}"
    head = paragraph(element("strong", f"{item.rank}. {Path(hit.file).name}"))
    facts = note(f"{hit.kind} at {hit.time_s:.2f} s · score {hit.score:.3f}{belief}")
    return group(head, _moment(media, hit.time_s, hit.kind), facts, note(hit.file))


def _moment(media: _Media, time_s: float, kind: str, alone: bool = False) -> Html:
    """What was found first, then what goes with it in the same file unless it is to stand alone."""
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


def _read(file: Path, times: list[float], clip_s: float) -> _Media:
    try:
        if is_picture(file):
            image = read_image(file)
            thumbnail = resize_short_side(image, min(THUMBNAIL, *image.shape[:2]))
            return _Media(frames=dict.fromkeys(times, thumbnail))
        media, info = _Media(), probe(file)
        if info.video is not None:
            side = min(THUMBNAIL, info.video.width, info.video.height)
            media.frames = dict(zip(times, read_frames(file, times, side).images, strict=True))
        if info.audio is not None:
            sound = read_waveform(file, SAMPLE_RATE)
            media.clips = {time: sound.cut(time, clip_s) for time in times}
        return media
    except MediaError as error:
        return _Media(missing=error.reason)

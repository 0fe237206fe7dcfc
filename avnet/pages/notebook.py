"""Results as notebooks show them: one piece of HTML with all that it needs inside, of bounded size."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from avnet.apps.descriptions.spoken import SpokenImage
from avnet.apps.descriptions.written import WrittenImage
from avnet.apps.localize import Localization
from avnet.apps.search import Match, SearchResult
from avnet.audio.pcm import SPEECH_RATE
from avnet.correspondence.verdict import HERE, SILENCE, Verdict, stretches
from avnet.errors import AvnetError
from avnet.media.image import resize_short_side
from avnet.media.video import read_frames
from avnet.pages.attention import with_box
from avnet.pages.heatmap import overlay, upsample
from avnet.pages.html import Html, audio, cards, figure, fragment, group, note, paragraph, table
from avnet.pages.search_page import match_card, search_sections

# What is shown of a long result; the rest is said to be left out.
MOST_FRAMES, MOST_MATCHES, LONGEST_S = 6, 12, 30.0
SHORT_SIDE = 240


def localization_html(localization: Localization) -> str:
    """The image, or frames of the video, under their heatmaps; the sound to play; what the heatmaps say."""
    title = Path(localization.file).name if localization.file else "image"
    parts = [paragraph(title if localization.of_class is None else f"{title}: {localization.of_class}")]
    try:
        parts += [cards(*_overlays(localization)), _sound(localization)]
    except AvnetError as error:
        parts.append(note(f"cannot be shown: {error}"))
    told = stretches(localization.verdicts)
    parts += [note(_sentence(those)) for those in told[:MOST_FRAMES]]
    if len(told) > MOST_FRAMES:
        parts.append(note(f"and {len(told) - MOST_FRAMES} stretches more"))
    return fragment(*parts)


def search_html(result: SearchResult) -> str:
    """Queries and matches, to look at and to listen to."""
    few = replace(
        result,
        answers=tuple(replace(answer, matches=answer.matches[:MOST_MATCHES]) for answer in result.answers),
    )
    left_out = sum(len(answer.matches) for answer in result.answers) - sum(len(few_.matches) for few_ in few.answers)
    return fragment(*search_sections(few), note(f"and {left_out} matches more") if left_out else Html())


def match_html(match: Match) -> str:
    """A match, to look at and to listen to."""
    return fragment(cards(match_card(match)))


def spoken_image_html(spoken: SpokenImage) -> str:
    """An image and its description to play."""
    player = note("kept silent") if spoken.sound is None else _speech(spoken.sound)
    return fragment(cards(group(_described(spoken), player, _name(spoken.file))))


def written_image_html(written: WrittenImage) -> str:
    """An image and its description to read, to play where it is spoken, and what else it might have been."""
    if written.silent:
        return fragment(cards(group(_described(written), note("kept silent"), _name(written.file))))
    parts = [] if written.sound is None else [_speech(written.sound)]
    if written.form != "speech":
        others = [(one.text, f"{one.probability:.2f}") for one in written.description.alternatives[:MOST_MATCHES]]
        several = table(("alternative", "probability"), others) if len(others) > 1 else Html()
        parts = [paragraph(written.description.text), *parts, several]
    return fragment(cards(group(_described(written), *parts, _name(written.file))))


def _described(one: SpokenImage | WrittenImage) -> Html:
    region = one.description.region
    image = one.image if region is None else with_box(one.image, region)
    sure = "" if one.sure else ", unsure"
    return figure(image, f"confidence {one.description.confidence:.2f}{sure}", longest=2 * SHORT_SIDE)


def _speech(sound: np.ndarray) -> Html:
    return audio(sound[: round(LONGEST_S * SPEECH_RATE)], SPEECH_RATE)


def _name(file: str | None) -> Html:
    return note(Path(file).name) if file else Html()


def _overlays(localization: Localization) -> list[Html]:
    """The most telling moment of each of the longest stretches, in order of time."""
    verdicts = list(localization.verdicts)
    longest = sorted(stretches(verdicts), key=len, reverse=True)[:MOST_FRAMES]
    chosen = sorted(verdicts.index(max(those, key=lambda verdict: verdict.peak)) for those in longest)
    if localization.image is not None:
        images = [resize_short_side(localization.image, min(SHORT_SIDE, *localization.image.shape[:2]))]
    else:
        assert localization.file is not None  # what has no file is no video
        times = localization.times[chosen]
        images = read_frames(localization.file, times, SHORT_SIDE, localization.audio_track).images
    shown = []
    for number, image in zip(chosen, images, strict=True):
        colored = overlay(image, upsample(localization.heatmaps[number], *image.shape[:2]))
        verdict = verdicts[number]
        shown.append(figure(colored, f"{verdict.time_s:.2f} s: {verdict.verdict}", longest=2 * SHORT_SIDE))
    return shown


def _sound(localization: Localization) -> Html:
    start, end = localization.span_s
    if localization.image is not None:
        start, end = start - 0.5, end + 0.5
    length = min(end - start, LONGEST_S)
    caption = f"its first {LONGEST_S:g} s" if end - start > LONGEST_S else ""
    return audio(np.concatenate([*localization.sound.stretch(start, length)]), localization.sound.sample_rate, caption)


def _sentence(verdicts: list[Verdict]) -> str:
    first, last = verdicts[0].time_s, verdicts[-1].time_s
    best = max(verdicts, key=lambda verdict: verdict.peak)
    place = f", at {best.x:.0%} of the width and {best.y:.0%} of the height" if best.verdict == HERE else ""
    peak = "" if best.verdict == SILENCE else f" (peak {best.peak:.2f}{place})"
    names = "".join(f"; {name} {probability:.2f}" for name, probability in best.audible.items())
    return f"{first:.2f} - {last:.2f} s: {best.verdict}{peak}{names}"

"""Where in a video or image a sound comes from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from avnet.apps.inputs import ImageInput, SoundInput, check_track, clip_at, image_of, name_of, open_model_for, sound_of
from avnet.correspondence.heatmaps.by_class import ClassHeatmaps, prominent
from avnet.correspondence.heatmaps.refinement import Refinement
from avnet.correspondence.kinds import NetworkKind, models_that
from avnet.correspondence.verdict import SILENCE, Verdict, judge
from avnet.errors import NoVideoTrack, OptionError
from avnet.events import Listener, nobody, steps
from avnet.media.clips import Sound, is_silent
from avnet.media.image import is_image
from avnet.media.tracks import probe
from avnet.media.video import HELD_S, video_span
from avnet.moments.walk import moments_on_screen

if TYPE_CHECKING:
    from avnet.correspondence.model import Model

# Frames that are localized at once; so many are held in memory, or moments of as many channels.
BATCH = 64
# The same where somebody waits for each batch.
AWAITED_BATCH = 4
# Things that are audible whose heatmaps are made, those audible longest.
MAX_CLASSES = 8


@dataclass(frozen=True)
class LocalizeOptions(Refinement):
    """When and how to look, and what counts as a source of sound.

    Example:
        >>> avnet.LocalizeOptions(fps=2, threshold=0.8).fps
        2
    """

    at: float | None = None
    """For an image: time in seconds of the middle of the clip of sound. Default: the loudest clip."""
    fps: float | None = None
    """For a video: heatmaps per second; in between they are interpolated. Default: 5, or 2 where they are fine."""
    audio_track: int | None = None
    """Number of the audio track to take, from 1 on. Default: the film's own, no commentary or description."""
    threshold: float = 0.5
    """Probability that the peak of a heatmap must reach for something in the image to count as the source."""
    by_class: bool = False
    """Also make heatmaps of each thing that is audible, separately: of those that at some time are at least half as
    probable as the most probable one. Takes a joint or zero-shot model."""

    def __post_init__(self):
        super().__post_init__()
        check_track(self.audio_track)
        if self.fps is not None and not 0.01 <= self.fps <= 100:
            raise OptionError("fps", f"must be from 0.01 to 100, got {self.fps:g}")
        if not 0 < self.threshold < 1:
            raise OptionError("threshold", f"must be a probability between 0 and 1, got {self.threshold:g}")


@dataclass(frozen=True)
class Localization:
    """Heatmaps of an image or a video, and what they say.

    Attributes:
        file: of the image or video; None for an array.
        sound_file: of the sound; None for an array.
        fingerprint: of the model.
        threshold: least peak with which something sounds.
        times: float64 [n], seconds on the clock of the video; of an image, the middle of the clip of sound.
        heatmaps: float32 [n, rows, columns], absolute probabilities in [0, 1].
        verdicts: n, each heatmap in numbers.
        image: the image, uint8 RGB [height, width, 3]; None for a video.
        sound: that was looked for, on the clock of the video; that of a file is read when it is asked for.
        span_s: when the heatmaps of a video begin and end to hold, seconds.
        audio_track: number of the audio track of the video to which its frames belong; None for the film's own.
        by_class: of each thing that is audible a localization of its own, by its name; those audible longest first.
        of_class: the name of that thing, where it is such a localization; None for one of the whole sound.
    """

    file: str | None
    sound_file: str | None
    fingerprint: str
    threshold: float
    times: np.ndarray
    heatmaps: np.ndarray
    verdicts: tuple[Verdict, ...]
    image: np.ndarray | None
    sound: Sound
    span_s: tuple[float, float]
    audio_track: int | None = None
    by_class: "dict[str, Localization]" = field(default_factory=dict)
    of_class: str | None = None

    def _repr_html_(self) -> str:
        # By name: pages know the results that they show, and results no pages.
        return import_module("avnet.pages.notebook").localization_html(self)


@dataclass(frozen=True)
class Moments:
    """Heatmaps of some moments in a row, told before all are computed.

    Attributes:
        times: float64 [n], seconds on the clock of the video.
        heatmaps: float32 [n, rows, columns], those of the whole sound: which things have heatmaps of their own is known
            at the end.
        verdicts: n, each heatmap in numbers.
    """

    times: np.ndarray
    heatmaps: np.ndarray
    verdicts: tuple[Verdict, ...]


OnMoments = Callable[[Moments], None]


def localize(
    model: "str | Path | Model",
    media: ImageInput,
    sound: SoundInput | None = None,
    options: LocalizeOptions | None = None,
    on_event: Listener = nobody,
    on_moments: OnMoments | None = None,
) -> Localization:
    """Shows where in a video or image a sound comes from, or that nothing in it makes the sound.

    Args:
        model: one that has heatmaps, or its folder.
        media: a video, a jpg or png image, or an image as uint8 RGB [height, width, 3].
        sound: to look for, a file, a waveform or samples [n] at the model's sample rate; an image needs one, and it
            takes the place of a video's own.
        options: when to look, and what counts.
        on_event: is told of progress.
        on_moments: is given heatmaps as soon as they are there, a few at a time and in order; the result has all.

    Raises:
        AvnetError: the model, an option or a file cannot be used.

    Example:
        >>> result = avnet.localize("runs/avol/model", "dog.jpg", "bark.wav")
        >>> len(result.heatmaps), result.image.shape
        (1, (48, 64, 3))
        >>> result.verdicts[0].verdict in ("sounds here", "nothing here makes this sound")
        True
        >>> def show(moments):
        ...     print(moments.times)
        >>> options = avnet.LocalizeOptions(fps=1, fine=False)
        >>> result = avnet.localize("runs/avol/model", "video.mp4", options=options, on_moments=show)
        [0. 1.]
    """
    options = options or LocalizeOptions()
    still = isinstance(media, np.ndarray) or is_image(media)
    if not still and options.at is not None:
        raise OptionError("at", f"goes with an image; {media} is a video and is searched throughout")
    if still and sound is None:
        raise OptionError("sound", f"is missing: {name_of(media) or 'this'} is an image and makes no sound of its own")
    if isinstance(sound, str | Path):
        is_image(sound)  # refuses an address or a missing file before the model is loaded

    def lack(kind: NetworkKind) -> str | None:
        if not kind.heatmaps:
            return f"has no heatmap; localize takes {models_that(lambda other: other.heatmaps)}"
        if options.by_class and not kind.named:
            return f"has no names for what sounds; --by-class takes {models_that(lambda other: other.named)}"
        return None

    model = open_model_for(model, lack)
    if not still:
        return _of_video(model, Path(str(media)), sound, options, on_event, on_moments)
    assert sound is not None
    result = _of_image(model, media, sound, options)
    if on_moments is not None:
        on_moments(Moments(result.times, result.heatmaps, result.verdicts))
    return result


def _of_image(model: "Model", media: ImageInput, sound: SoundInput, options: LocalizeOptions) -> Localization:
    image = image_of(media)
    source, clip_s = sound_of(sound, model.config.spectrogram.sample_rate, options.audio_track), model.config.clip_s
    at, clip = source.loudest(clip_s) if options.at is None else (options.at, clip_at(source, options.at, clip_s))
    (maps,) = _heatmaps_of(model, [image], clip[None], options)
    (audible,) = model.audible_classes(clip[None])
    return _with_classes(
        [maps],
        Localization(
            file=name_of(media),
            sound_file=name_of(sound),
            fingerprint=model.fingerprint,
            threshold=options.threshold,
            times=np.array([at]),
            heatmaps=maps.heatmap[None],
            verdicts=(judge(at, maps.heatmap, is_silent(clip), options.threshold, audible),),
            image=image,
            sound=source,
            span_s=(at, at),
        ),
    )


def _of_video(
    model: "Model",
    file: Path,
    sound: SoundInput | None,
    options: LocalizeOptions,
    on_event: Listener,
    on_moments: OnMoments | None,
) -> Localization:
    track = options.audio_track if sound is None else None  # else that of the other file
    info = probe(file, track)
    if info.video is None:
        raise NoVideoTrack(file, "has no video track")
    rate = model.config.spectrogram.sample_rate
    source = sound_of(file if sound is None else sound, rate, options.audio_track)
    if sound is not None:
        # A sound from elsewhere begins with the first frame, whatever the clock of its own file says.
        source = source.starting_at(info.video.start_s)
    start, end = video_span(info)
    # Less a hair, or rounding would add a moment at the very end, when no frame is on screen any more.
    fps = options.fps or (5.0 if len(options.sizes(model.config)) == 1 else 2.0)
    moments = start + np.arange(max(1, int(np.ceil((end - start) * fps - 1e-6)))) / fps
    times, maps, verdicts = [], [], []
    for batch in _batches(model, file, track, source, moments, options, on_event, on_moments is not None):
        times += batch.times
        maps += batch.maps
        verdicts += batch.verdicts
        if on_moments is not None:
            heatmaps = np.stack([of_moment.heatmap for of_moment in batch.maps])
            on_moments(Moments(np.array(batch.times), heatmaps, tuple(batch.verdicts)))
    return _with_classes(
        maps,
        Localization(
            file=str(file),
            sound_file=str(file) if sound is None else name_of(sound),
            fingerprint=model.fingerprint,
            threshold=options.threshold,
            times=np.array(times),
            heatmaps=np.stack([of_moment.heatmap for of_moment in maps]),
            verdicts=tuple(verdicts),
            image=None,
            sound=source,
            span_s=(start, min(end, times[-1] + 1 / fps)),
            audio_track=track,
        ),
    )


def _with_classes(maps: Sequence[ClassHeatmaps], whole: Localization) -> Localization:
    """A localization with those of each thing that is audible in it, from the heatmaps of each moment."""
    # What the network makes of silence means nothing.
    probabilities = [
        {} if verdict.verdict == SILENCE else of_moment.probabilities
        for verdict, of_moment in zip(whole.verdicts, maps, strict=True)
    ]
    by_class = {}
    for name in prominent(probabilities)[:MAX_CLASSES]:
        # Where it is not audible, nothing makes its sound.
        grids = np.stack([of_moment.by_class.get(name, np.zeros_like(of_moment.heatmap)) for of_moment in maps])
        verdicts = tuple(
            judge(verdict.time_s, grid, verdict.verdict == SILENCE, whole.threshold)
            for verdict, grid in zip(whole.verdicts, grids, strict=True)
        )
        by_class[name] = replace(whole, heatmaps=grids, verdicts=verdicts, of_class=name)
    return replace(whole, by_class=by_class)


def _heatmaps_of(
    model: "Model", images: Sequence[np.ndarray], waveforms: np.ndarray, options: LocalizeOptions
) -> list[ClassHeatmaps]:
    if options.by_class:
        return model.class_heatmaps(images, waveforms, options)
    return [ClassHeatmaps(grid) for grid in model.heatmaps(images, waveforms, options)]


class _Batch(NamedTuple):
    times: list[float]
    maps: list[ClassHeatmaps]
    verdicts: list[Verdict]


def _batches(
    model: "Model",
    file: Path,
    track: int | None,
    sound: Sound,
    times: np.ndarray,
    options: LocalizeOptions,
    on_event: Listener,
    awaited: bool,
) -> Iterator[_Batch]:
    """Heatmaps and what those of the whole sound say, batch by batch, up to where the file really ends."""
    # A header may claim more than the file holds, so the last frame does not stand for all that it claims.
    short_side = max(options.sizes(model.config))
    frames = moments_on_screen(file, times, model.config.moment, short_side, HELD_S, track)
    moments = ((float(times[i]), image) for slots, _, image in frames for i in range(slots.start, slots.stop))
    waiting: list[tuple[float, np.ndarray]] = []
    at_once = max(1, 3 * (AWAITED_BATCH if awaited else BATCH) // model.config.moment.channels)
    clips_in_order = sound.clips(times.tolist(), model.config.clip_s)

    def batch() -> _Batch:
        clips = list(islice(clips_in_order, len(waiting)))
        images = [image for _, image in waiting]
        # Batches of another size would be compiled first, for seconds in which somebody waits.
        padding = at_once - len(waiting) if awaited else 0
        images += [images[-1].copy() for _ in range(padding)]
        waveforms = np.stack([*clips, *clips[-1:] * padding])
        maps = _heatmaps_of(model, images, waveforms, options)[: len(clips)]
        audible = model.audible_classes(waveforms)[: len(clips)]
        verdicts = [
            judge(time, of_moment.heatmap, is_silent(clip), options.threshold, names)
            for (time, _), of_moment, clip, names in zip(waiting, maps, clips, audible, strict=True)
        ]
        whole = _Batch([time for time, _ in waiting], maps, verdicts)
        waiting.clear()
        return whole

    for moment in steps(moments, "localizing", len(times), "heatmaps", on_event):
        waiting.append(moment)
        if len(waiting) == at_once:
            yield batch()
    if waiting:
        yield batch()

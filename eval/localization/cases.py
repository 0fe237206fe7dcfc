"""Opens the scenes of a test set: images, their own sounds, and sounds that do not belong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from avnet.errors import AvnetError, NoAudioTrack, NoVideoTrack, TooShort
from avnet.media import probe, read_frames, read_image, read_waveform
from avnet.media.clips import Sound, clip_about, is_silent
from avnet.media.suffixes import IMAGES
from avnet.media.video import video_span
from eval.localization import negatives
from eval.readers.scene import Corpus, Scene


@dataclass(frozen=True)
class Case:
    """One frame of one scene.

    Attributes:
        scene: it comes from.
        time_s: of the frame, seconds from the video's start; 0 for a still image.
        image: the frame.
        waveform: its own sound, the clip centred on it.
        mismatched: the sound of a scene of another class; None where there is no such scene.
        noise: white noise of the same length.
        wind: as a microphone has it, of the same length.
        speech_over: its own sound with speech over it; None where there is no speech to take, or no sound.
    """

    scene: Scene
    time_s: float
    image: UInt8[np.ndarray, "height width 3"]
    waveform: Float[np.ndarray, " samples"]
    mismatched: Float[np.ndarray, " samples"] | None
    noise: Float[np.ndarray, " samples"]
    wind: Float[np.ndarray, " samples"]
    speech_over: Float[np.ndarray, " samples"] | None = None


class CaseReader:
    """Reads every scene once, in order; what cannot be read is remembered by name with the reason.

    Attributes:
        unreadable: scenes that could not be opened, each with its reason.
        without_partner: scenes for which no mismatched sound was found.
    """

    def __init__(
        self,
        corpus: Corpus,
        clip_s: float,
        sample_rate: int,
        frames: int = 1,
        seed: int = 0,
        speech: Sequence[Path] = (),
    ):
        """Prepares to read.

        Args:
            corpus: the scenes.
            clip_s: length of a sound clip, seconds.
            sample_rate: Hz.
            frames: of each video without an annotated moment, evenly spaced; one is the middle frame.
            seed: of noise, wind, speech and mismatched sounds.
            speech: recordings of it.
        """
        self.scenes = corpus.scenes
        self.clip_s, self.sample_rate, self.frames, self.seed = clip_s, sample_rate, frames, seed
        self.speech = speech
        self.unreadable: list[str] = []
        self.without_partner: list[str] = []

    def __iter__(self) -> Iterator[Case]:
        # A second pass must not name every scene twice.
        self.unreadable, self.without_partner = [], []
        samples = round(self.clip_s * self.sample_rate)
        for place, scene in enumerate(self.scenes):
            try:
                moments = self._moments(scene)
            except AvnetError as error:
                self.unreadable.append(f"{scene.name}: {error.reason}")
                continue
            other = self._partner_sound(place)
            if other is None:
                self.without_partner.append(scene.name)
            # By place and not by turn: a scene that cannot be read must not change the noise of those after it.
            noise = negatives.noise(samples, self.seed, place)
            wind = negatives.wind(samples, self.sample_rate, self.seed, place)
            speech = self._speech(place)
            for time_s, image, waveform in moments:
                over = None if speech is None or is_silent(waveform) else negatives.mixed(waveform, speech)
                yield Case(scene, time_s, image, waveform, other, noise, wind, over)

    def _moments(self, scene: Scene) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """(time from the video's start, image, the sound around it) of each frame."""
        if scene.image.suffix.lower() in IMAGES:
            return [(0.0, read_image(scene.image), self._clip(scene))]
        info = probe(scene.image)
        if info.video is None:
            raise NoVideoTrack(scene.image, "has no video track")
        start_s, end_s = video_span(info)
        frames = read_frames(scene.image, self._times(scene, start_s, end_s))
        # About the times at which frames are really shown, which differ from those asked for by up to a frame.
        cuts = self._cuts(scene, frames.times)
        return [
            (float(t) - start_s, image, cut) for t, image, cut in zip(frames.times, frames.images, cuts, strict=True)
        ]

    def _times(self, scene: Scene, start_s: float, end_s: float) -> np.ndarray:
        """The annotated moment of a video; where there is none, evenly spaced ones."""
        if scene.moment_s is not None:
            check_moment(scene.image, scene.moment_s, end_s - start_s)
            return np.array([start_s + scene.moment_s])
        # Mid-points of equal parts, so that one frame is the middle one and none lies at either end.
        return start_s + (end_s - start_s) * (np.arange(self.frames) + 0.5) / self.frames

    def _cuts(self, scene: Scene, times: np.ndarray) -> list[np.ndarray]:
        try:
            waveform = read_waveform(scene.sound, self.sample_rate)
        except NoAudioTrack:
            # A composed video that is silent on purpose has no audio track; in any other scene that is a defect.
            if not scene.silent:
                raise
            return [negatives.silence(round(self.clip_s * self.sample_rate))] * len(times)
        return [clip_about(waveform, float(time), self.clip_s) for time in times]

    def _clip(self, scene: Scene) -> np.ndarray:
        """The sound around the annotated moment, or in the middle where there is none."""
        waveform = read_waveform(scene.sound, self.sample_rate)
        if scene.moment_s is None:
            return waveform.cut((waveform.start_s + waveform.end_s) / 2, self.clip_s)
        check_moment(scene.sound, scene.moment_s, waveform.end_s - waveform.start_s)
        return clip_about(waveform, waveform.start_s + scene.moment_s, self.clip_s)

    def _speech(self, place: int) -> np.ndarray | None:
        """The loudest clip of a recording of speech.

        Raises:
            AvnetError: the recording cannot be read.
        """
        if not self.speech:
            return None
        recording = self.speech[int(np.random.default_rng((self.seed, place, 3)).integers(len(self.speech)))]
        return Sound.of_file(recording, self.sample_rate).loudest(self.clip_s)[1]

    def _partner_sound(self, place: int) -> np.ndarray | None:
        for other in negatives.partners(self.scenes, place, self.seed):
            try:
                return self._clip(self.scenes[other])
            except AvnetError:
                continue  # it is counted as unreadable in its own turn
        return None


def check_moment(path: Path, moment_s: float, duration_s: float) -> None:
    """Refuses a file that ends before its annotated moment.

    Raises:
        TooShort: names the file.
    """
    if moment_s >= duration_s:
        raise TooShort(path, f"lasts {duration_s:.2f} s; the frame that is annotated is the one at {moment_s:g} s")

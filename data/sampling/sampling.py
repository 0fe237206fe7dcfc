"""From one video to its segments: which frames and which sound are kept."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avnet.audio.pcm import to_pcm
from avnet.errors import NoAudioTrack, NoVideoTrack, Silent, Still, TooShort
from avnet.media.audio import Waveform, iterate_sound
from avnet.media.container import OpenFile
from avnet.media.reader import FrameReader, open_frames
from avnet.media.tracks import MediaInfo, probe
from avnet.media.video import HELD_S
from data.records.jpeg import encode_jpeg
from data.records.segment import Segment
from data.sampling.config import SamplingConfig
from data.sampling.measures import Motion, loudness_dbfs
from data.sampling.near_duplicates import perceptual_hash
from data.sampling.scenes import scene_cuts
from data.sampling.stretches import stretches

# A header may round so much.
LOST_S = 0.25


class VideoSampler:
    """Iterate over it once for the segments of a video in order of time; memory holds one or two of them.

    Attributes:
        duration_s: seconds in which there were both frames and sound.
        hashes: perceptual hashes of the kept frames, 64 bits each, without those of plain frames.
        audio: which of several audio tracks was taken, in words; empty where there is one.
    """

    def __init__(self, path: Path | OpenFile, name: str, video: str, config: SamplingConfig):
        """Notes what is to be read.

        Args:
            path: the file, which may be open.
            name: what the records call it.
            video: SHA-256 of its content.
            config: what is kept.
        """
        self._path, self._name, self._video, self._config = path, name, video, config
        self.duration_s, self.audio, self._left_out = 0.0, "", ""
        self.hashes: list[int] = []
        self._parts = self._silent = self._still = self._bare = self._missing = self._damaged_frames = 0
        self._sound_is_lost_s = 0.0

    def __iter__(self) -> Iterator[Segment]:
        """Reads the video.

        Raises:
            MediaError: it cannot be read, lacks video or sound, is too short, silent or still throughout. All that
                was yielded before is void.
        """
        config, count = self._config, 0
        info = probe(self._path, config.audio_track)
        if info.video is None:
            raise NoVideoTrack(self._path, "has no video track")
        if info.audio is None:
            raise NoAudioTrack(self._path, info.no_audio)
        self.audio, self._left_out = info.audio.choice, info.note
        shortest_s = config.clip_s - info.video.frame_period_s
        keyframes = config.plan == "keyframes"
        with open_frames(
            self._path, config.short_side, HELD_S, keyframes=keyframes, audio_track=config.audio_track
        ) as frames:
            for sound in stretches(self._listen(info), self._bounds(info), config.segment_s):
                self.duration_s += sound.end_s - sound.start_s
                if sound.end_s - sound.start_s < shortest_s:
                    continue
                self._parts += 1
                segment = self._segment(frames, sound, info.video.frame_period_s)
                if segment is not None:
                    yield segment
                    count += 1
            self._damaged_frames = frames.damaged_frames
        if not count:
            raise self._refusal()

    @property
    def note(self) -> str:
        """What is missing, in words; empty when all of the video could be used."""
        notes = []
        if self._missing:
            notes.append(f"{self._missing} frames could not be decoded")
        if self._damaged_frames:
            notes.append(f"{self._damaged_frames} frames of the file are damaged")
        if self._bare:
            notes.append(f"{self._bare} of {self._parts} segments have no frame")
        if self._silent:
            notes.append(f"{self._silent} of {self._parts} segments are silent")
        if self._still:
            notes.append(f"{self._still} of {self._parts} segments are still")
        if self._sound_is_lost_s > LOST_S:
            notes.append(f"sound ends {self._sound_is_lost_s:.1f} s early")
        if self._left_out:
            notes.append(self._left_out)
        return "; ".join(notes)

    def _refusal(self) -> TooShort | Silent | Still:
        config = self._config
        if not self._parts:
            extent = f"has {self.duration_s:.2f} s of video with sound"
            return TooShort(self._path, f"{extent}; {config.clip_s:g} s are needed")
        if self._silent == self._parts:
            return Silent(self._path, f"is silent (below {config.silence_dbfs:g} dBFS throughout)")
        if self._still:
            return Still(self._path, f"does not move (less than {config.min_motion:g} grey levels) where it sounds")
        return TooShort(self._path, "has no frame with sound that can be decoded")

    def _bounds(self, info: MediaInfo) -> list[float]:
        """Beginning and end of the frames, and the cuts between."""
        assert info.video is not None
        end = info.video.start_s + (info.video.duration_s or np.inf)
        cuts = scene_cuts(self._path, self._config.audio_track) if self._config.scene_cuts else ()
        return [info.video.start_s, *(cut for cut in cuts if info.video.start_s < cut < end), end]

    def _listen(self, info: MediaInfo) -> Iterator[Waveform]:
        """The sound, part by part; notes whether it ends before the header says."""
        assert info.audio is not None
        # What the header claims, less what comes.
        rest_s = info.audio.duration_s
        for part in iterate_sound(self._path, self._config.sample_rate, self._config.audio_track):
            rest_s -= part.end_s - part.start_s
            yield part
        self._sound_is_lost_s = rest_s

    def _segment(self, frames: FrameReader, sound: Waveform, period_s: float) -> Segment | None:
        config, rate = self._config, sound.sample_rate
        # Sound comes first: silence is found without decoding a frame.
        loudness = loudness_dbfs(sound.samples, round(config.clip_s * rate))
        if loudness < config.silence_dbfs:
            self._silent += 1
            return None
        motion, frames_by_slot, hashes = Motion(), {}, []
        for times, image in self._frames(frames, sound.start_s, sound.end_s, period_s):
            jpeg = encode_jpeg(image, config.quality)
            frames_by_slot.update(dict.fromkeys(times, jpeg))
            motion.add(image)
            hashes.append(perceptual_hash(image))
        if not frames_by_slot:
            self._bare += 1
            return None
        if motion.level < config.min_motion:
            self._still += 1
            return None
        self.hashes += [code for code in hashes if code is not None]
        # In samples, so that a clip can be cut to the sample.
        frame_at = np.array([round((time - sound.start_s) * rate) for time in frames_by_slot], np.int64)
        pcm = to_pcm(sound.samples)
        return Segment(
            name=self._name,
            video=self._video,
            start_s=sound.start_s,
            frames=list(frames_by_slot.values()),
            frame_at=frame_at,
            frame_period=period_s * rate,
            waveform=pcm,
            sample_rate=rate,
            loudness_dbfs=loudness,
            motion=motion.level,
        )

    def _frames(
        self, frames: FrameReader, low: float, high: float, period_s: float
    ) -> Iterator[tuple[list[float], np.ndarray]]:
        """Frames of a stretch of time, each with the moments for which it stands."""
        config = self._config
        if config.plan == "keyframes":
            half_sample = 0.5 / config.sample_rate  # or rounding would put a frame between two stretches
            for time, image in frames.passing(low - half_sample, high - half_sample, 1 / config.fps):
                yield [time], image
            return
        moments = frame_times(low, high, period_s, config)
        if config.plan == "random":
            # By content and place, so that neither the file's name nor the worker decides.
            rng = np.random.default_rng([config.seed, int(self._video[:15], 16), self._parts])
            moments = random_times(low, high, period_s, config, rng)
        count = 0
        for slots, time, image in frames.on_screen(moments):
            # A frame that stays on screen stands for the latest moment of its grid, not for when it came.
            delay_s = np.maximum(0, np.floor((moments[slots] - time) / period_s + 1e-6)) * period_s
            yield (time + delay_s).tolist(), image
            count = slots.stop
        self._missing += len(moments) - count


def frame_times(low: float, high: float, period_s: float, config: SamplingConfig) -> np.ndarray:
    """Evenly spaced times with half a clip of sound on either side.

    Args:
        low: beginning of the stretch, seconds.
        high: its end.
        period_s: between two frames of the video; one is spared for rounding down.
        config: how many and how long.

    Returns:
        float64 [n] seconds, ascending; the middle where there is room for no more.
    """
    first, last, count = _room(low, high, period_s, config)
    return np.linspace(first, last, count) if count > 1 else np.array([(first + last) / 2])


def random_times(
    low: float, high: float, period_s: float, config: SamplingConfig, rng: np.random.Generator
) -> np.ndarray:
    """As many times as `frame_times` gives, in the same stretch, drawn evenly at random and sorted."""
    return np.sort(rng.uniform(*_room(low, high, period_s, config)))


def _room(low: float, high: float, period_s: float, config: SamplingConfig) -> tuple[float, float, int]:
    """First and last time with half a clip of sound on either side, and how many frames are wanted there."""
    first, last = low + config.clip_s / 2 + period_s, high - config.clip_s / 2
    if last <= first:
        return (low + high) / 2, (low + high) / 2, 1
    return first, last, max(1, round((high - low) * config.fps))

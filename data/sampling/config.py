"""What is kept of a video, as options."""

from dataclasses import dataclass
from typing import Literal

from avnet.errors import ConfigError
from avnet.program.bounds import check_at_least

PlanName = Literal["even", "random", "keyframes"]


@dataclass(frozen=True)
class SamplingConfig:
    """What is kept of a video."""

    plan: PlanName = "even"
    """Which frames to keep: even takes them at equal distances, random at random times, and keyframes only those that
    can be decoded on their own, at most --fps of them, which is many times faster."""
    fps: float = 1.0
    """Frames kept per second."""
    segment_s: float = 10.0
    """Greatest length of the sound in one record, in seconds."""
    short_side: int = 256
    """Length of the short side of the stored frames in pixels."""
    quality: int = 90
    """JPEG quality of the stored frames, from 1 to 95."""
    clip_s: float = 1.0
    """Seconds of sound around each kept frame; shorter stretches of a video are left out. Keyframes may lie closer to
    the ends."""
    sample_rate: int = 48_000
    """Sample rate of the stored sound in Hz."""
    silence_dbfs: float = -60.0
    """Level in dB relative to full scale; segments whose loudest second lies below it are left out."""
    min_motion: float = 0.0
    """Least mean difference between kept frames, in gray levels of 255; segments that move less are left out. About 1
    leaves out still images."""
    scene_cuts: bool = False
    """End segments at hard cuts, so that frame and sound belong to the same scene; decodes every video twice."""
    seed: int = 0
    """Seed of the times of the random plan."""
    audio_track: int | None = None
    """Number of the audio track to take of each video, from 1 on; by default the film's own sound: of the programme of
    the video, no commentary or description, and what the file calls the default."""

    def __post_init__(self):
        if not 0 < self.fps <= 100:
            raise ConfigError("--fps", f"must be more than 0 and at most 100, got {self.fps:g}")
        if not 0.1 <= self.clip_s <= self.segment_s <= 600:
            raise ConfigError(
                "--clip-s, --segment-s",
                f"must be from 0.1 to 600 seconds, a clip no longer than a segment, "
                f"got {self.clip_s:g} and {self.segment_s:g}",
            )
        if not 8_000 <= self.sample_rate <= 192_000:
            raise ConfigError("--sample-rate", f"must be from 8000 to 192000 Hz, got {self.sample_rate}")
        if not 16 <= self.short_side <= 4096:
            raise ConfigError("--short-side", f"must be from 16 to 4096 pixels, got {self.short_side}")
        if not 1 <= self.quality <= 95:
            raise ConfigError("--quality", f"must be from 1 to 95, got {self.quality}")
        if not 0 <= self.min_motion <= 255:
            raise ConfigError("--min-motion", f"must be from 0 to 255 gray levels, got {self.min_motion:g}")
        check_at_least(self, 0, "seed")
        if self.audio_track is not None:
            check_at_least(self, 1, "audio_track")

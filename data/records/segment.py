"""What one record holds: a few JPEG frames of a video and the stretch of sound around them, mono int16.

Frame times are kept as sample positions in that sound, so that a clip can be cut to the sample and float32 rounding
cannot move it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from avnet.errors import DataError
from data.records.damage import DamagedRecords
from data.records.jpeg import decode_jpeg


@dataclass(frozen=True)
class Segment:
    """A stretch of one video.

    Attributes:
        name: the file it comes from, as given to `prepare`.
        video: SHA-256 of that file, hexadecimal; the unit by which splits are drawn and negatives refused.
        start_s: time of the first sample in the file, seconds.
        frames: JPEG images.
        frame_at: int64 [frames], the sample of `waveform` that sounds when each frame is shown.
        frame_period: samples between two frames of the video; the grid to which sound clips are snapped.
        waveform: int16 [n], mono.
        sample_rate: Hz.
        loudness_dbfs: level of the loudest clip, dB relative to full scale; -100 for digital silence.
        motion: mean difference of grey levels (0 to 255) between frames that follow each other; 0 for one frame.
        data_dir: the folder of records that it was read from; None before it is written.
    """

    name: str
    video: str
    start_s: float
    frames: list[bytes]
    frame_at: np.ndarray
    frame_period: float
    waveform: np.ndarray
    sample_rate: int
    loudness_dbfs: float = 0.0
    motion: float = 0.0
    data_dir: Path | None = None

    def image(self, frame: int, min_side: int | None = None) -> np.ndarray:
        """A frame as uint8 RGB [height, width, 3].

        Args:
            frame: its number in the segment.
            min_side: as in `decode_jpeg`.

        Raises:
            DataError: it cannot be decoded; `DamagedRecords` where it was read from a folder.
        """
        try:
            return decode_jpeg(self.frames[frame], min_side)
        except DataError as error:
            if self.data_dir is None:
                raise
            # Named after the folder: what is damaged is the records, and they can be repaired.
            place = f"frame {frame} at {self.start_s:g} s of {self.name}"
            raise DamagedRecords(self.data_dir, f"{place} {error.reason}") from None

    @property
    def frame_times(self) -> np.ndarray:
        """float64 [frames]: seconds in the file."""
        return self.start_s + self.frame_at / self.sample_rate

    def clip(self, mid: int, clip_samples: int) -> np.ndarray:
        """int16 [clip_samples] around the sample `mid`; zeros beyond the ends of the segment."""
        first = mid - clip_samples // 2
        low, high = max(first, 0), min(first + clip_samples, len(self.waveform))
        clip = np.zeros(clip_samples, np.int16)
        if high > low:
            clip[low - first : high - first] = self.waveform[low:high]
        return clip


@runtime_checkable
class SegmentSource(Protocol):
    """Random access to the segments of a split."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Segment: ...

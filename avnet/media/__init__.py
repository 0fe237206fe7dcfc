"""Pictures and sounds in and out of files.

Conventions: images are uint8 RGB `[height, width, 3]`, upright and with square pixels; waveforms are float32 mono in
[-1, 1]; times are seconds on the container's own clock, taken from each stream's presentation time stamps.
"""

from avnet.media.audio import Waveform, read_waveform
from avnet.media.container import AudioInfo, MediaInfo, VideoInfo, probe
from avnet.media.image import read_image, resize_short_side
from avnet.media.video import Frames, iterate_frames, read_frames
from avnet.media.write import write_video, write_wav

__all__ = [
    "AudioInfo",
    "Frames",
    "MediaInfo",
    "VideoInfo",
    "Waveform",
    "iterate_frames",
    "probe",
    "read_frames",
    "read_image",
    "read_waveform",
    "resize_short_side",
    "write_video",
    "write_wav",
]

"""Images and waveforms in and out of files.

Conventions: images are uint8 RGB `[height, width, 3]`, upright and with square pixels; waveforms are float32 mono in
[-1, 1]; times are seconds on the container's own clock, taken from each stream's presentation time stamps. Names are
loaded on first use, so that importing what needs no FFmpeg does not load it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avnet.media.audio import Waveform, read_waveform
    from avnet.media.image import read_image, resize_short_side
    from avnet.media.tracks import AudioInfo, MediaInfo, VideoInfo, probe
    from avnet.media.video import Frames, iterate_frames, read_frames
    from avnet.media.write import write_video, write_wav

_HOME = {
    "AudioInfo": "tracks",
    "Frames": "video",
    "MediaInfo": "tracks",
    "VideoInfo": "tracks",
    "Waveform": "audio",
    "iterate_frames": "video",
    "probe": "tracks",
    "read_frames": "video",
    "read_image": "image",
    "read_waveform": "audio",
    "resize_short_side": "image",
    "write_video": "write",
    "write_wav": "write",
}

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


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(f"avnet.media.{_HOME[name]}"), name)
    raise AttributeError(f"module 'avnet.media' has no attribute {name!r}")

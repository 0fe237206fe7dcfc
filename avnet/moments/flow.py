"""Optical flow between frames, as it is seen by networks: two channels of 8 bits.

Displacements are in pixels of an image whose short side has 256, whatever its size: right in the first channel, down in
the second. They are cut at 20 pixels and stored as 128 + 127 / 20 of them. It is what two-stream networks take, who
have TV-L1 compute it; dense inverse search does so 50 to 400 times faster (7 ms instead of 320 to 2,480 ms for a frame
of 256 pixels on one core), fast enough while frames are read.

Reference: Simonyan and Zisserman, "Two-Stream Convolutional Networks for Action Recognition in Videos", 2014, sections
3.1 and 5; Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016.
"""

import threading

import numpy as np

from avnet.errors import ConfigError

# Of the paper's videos.
FLOW_FPS = 25
# Pixels of an image with a short side of so many pixels.
LARGEST, SHORT_SIDE = 20.0, 256
NO_MOTION, STEPS = 128, 127
_local = threading.local()


def flow_field(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far what is in each pixel of a frame has moved in the next.

    Args:
        before: uint8 RGB [height, width, 3].
        after: the next frame.

    Returns:
        uint8 [height, width, 2].

    Raises:
        ConfigError: OpenCV is not installed.
    """
    height, width = before.shape[:2]
    if before is after or min(height, width) < 16:  # one frame that stays on screen; too small to be searched
        return np.full((height, width, 2), NO_MOTION, np.uint8)
    search = _search(height, width)
    displacement = search.calc(_gray(before), _gray(after), None)
    return to_bytes(displacement * (SHORT_SIDE / min(height, width)))


def to_bytes(displacement: np.ndarray) -> np.ndarray:
    """Displacements in 8 bits."""
    return np.rint(NO_MOTION + (STEPS / LARGEST) * displacement.clip(-LARGEST, LARGEST)).astype(np.uint8)


def _gray(image: np.ndarray) -> np.ndarray:
    """Luma of ITU-R BT.601, uint8 [height, width]."""
    return np.rint(image @ np.array([0.299, 0.587, 0.114], np.float32)).astype(np.uint8)


def _search(height: int, width: int):
    """The search of this thread for images of one size: it holds buffers, and a small image changes it for good."""
    if getattr(_local, "size", None) != (height, width):
        try:
            import cv2  # pyright: ignore[reportMissingImports]: an extra
        except ImportError:
            raise ConfigError("optical flow", "needs the extra: pip install 'avnet[flow]'") from None
        # Its result depends on the number of threads, and batches are to be the same on any machine.
        cv2.setNumThreads(1)
        _local.search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)  # pyright: ignore
        _local.size = height, width
    return _local.search

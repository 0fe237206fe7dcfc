"""A decoded frame as an image."""

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from avnet.media.hdr import BT709, UNSPECIFIED, hdr_image, is_hdr

# Matrix codes (ITU-T H.273, table 4) for which swscale refuses a frame, and what it is read as: the reserved one as
# untagged, BT.2020 with constant luminance as without.
MATRICES = {3: 2, 10: 9}
# From this size on, in pixels as coded, untagged video is BT.709. Smaller is BT.601, as swscale takes all of it to be.
HD_WIDTH, HD_HEIGHT = 1280, 720


def upright(
    frame: av.VideoFrame, aspect: float, short_side: int | None = None, scaler: VideoReformatter | None = None
) -> np.ndarray:
    """A decoded frame as an upright image with square pixels.

    HDR is brought to the range of an SDR screen. A matrix that is not named follows from the size, as in players. Of an
    interlaced frame only the upper field is shown: the lower one is another moment, and both together would have combs
    where something moves.

    Args:
        frame: as decoded; its rotation is the stream's display matrix, counter-clockwise degrees.
        aspect: width of a pixel over its height.
        short_side: scale so that the short side has this many pixels; None keeps the size.
        scaler: of earlier frames of the video, whose tables are used again.

    Returns:
        uint8 RGB [height, width, 3].
    """
    width, height = max(2, round(frame.width * aspect)), frame.height
    if short_side is not None:
        scale = short_side / min(width, height)
        width, height = max(short_side, round(width * scale)), max(short_side, round(height * scale))
    frame.colorspace = MATRICES.get(frame.colorspace, frame.colorspace)
    # swscale scales the two fields of an interlaced frame apart and weaves them again: with twice the lines, every
    # second one is the whole upper field.
    fields = 2 if frame.interlaced_frame else 1
    if is_hdr(frame):
        image = hdr_image(frame, width, height * fields)
    else:
        if frame.colorspace == UNSPECIFIED and is_hd(frame.width, frame.height):
            frame.colorspace = BT709
        scaler = scaler or VideoReformatter()
        image = scaler.reformat(frame, width, height * fields, "rgb24", interpolation="AREA", threads=1).to_ndarray()
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image[::fields], turns))


def is_hd(width: int, height: int) -> bool:
    """Whether images of a size, in pixels, are coded by the matrix of BT.709 where nothing says otherwise."""
    return width >= HD_WIDTH or height >= HD_HEIGHT


def is_usable(frame: av.VideoFrame | None) -> bool:
    """Whether a frame was decoded, has a time stamp and is not marked corrupt."""
    return frame is not None and frame.time is not None and not frame.is_corrupt

"""A moment of video as one array: an image, the frames of a second, or an image and its motion.

All that is seen lies in the channels of uint8 [height, width, channels], so that it is cropped, scaled and flipped as
one: first red, green and blue of each frame in order of time, then the displacement (right, down) of each flow field as
in `avnet.moments.flow`.

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.2 (AVE+MF and AVE+OF).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avnet.errors import ConfigError
from avnet.moments.flow import FLOW_FPS, NO_MOTION, flow_field


@dataclass(frozen=True)
class Moment:
    """How much of a moment is seen.

    Attributes:
        frames: spread evenly over the second about the moment; 1 is an image.
        flow_fields: displacements from each to the next of frames that are 1/25 s apart, about the moment; 0 for none.

    Example:
        >>> from avnet.moments.moment import Moment
        >>> Moment(frames=25).offsets_s[[0, 12, 24]].round(2).tolist()
        [-0.48, 0.0, 0.48]
    """

    frames: int = 1
    flow_fields: int = 0

    @property
    def is_image(self) -> bool:
        """Whether a single frame is all of it."""
        return self.frames == 1 and not self.flow_fields

    @property
    def beside_image(self) -> str:
        """What is seen of it beside an image, in words."""
        if self.flow_fields:
            return f" and {self.flow_fields} fields of optical flow"
        return f", {self.frames} frames" if self.frames > 1 else ""

    @property
    def channels(self) -> int:
        """Of the array."""
        return 3 * self.frames + 2 * self.flow_fields

    @property
    def apart_s(self) -> float:
        """Seconds from one frame that is needed to the next."""
        return 1 / FLOW_FPS if self.flow_fields else 1 / self.frames

    @property
    def offsets_s(self) -> np.ndarray:
        """When the frames that it takes are on screen, seconds before (negative) or after the moment; ascending."""
        if self.flow_fields:
            return (np.arange(self.flow_fields + 1) - self.middle) * self.apart_s
        return (np.arange(self.frames) - (self.frames - 1) / 2) * self.apart_s

    @property
    def middle(self) -> int:
        """Number of the frame that is on screen at the moment; of an even number of frames, the first one after it."""
        return (self.flow_fields + 1) // 2 if self.flow_fields else self.frames // 2

    def stack(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """The array of the frames at `offsets_s`, uint8 RGB [height, width, 3] each.

        Raises:
            ConfigError: flow is computed by OpenCV, which is not installed.
        """
        if not self.flow_fields:
            return images[0] if self.frames == 1 else np.concatenate(images, axis=-1)
        fields = [flow_field(*images[i : i + 2]) for i in range(self.flow_fields)]
        return np.concatenate([images[self.middle], *fields], axis=-1)

    def of_image(self, image: np.ndarray) -> np.ndarray:
        """The array of a still image: each frame is the image, and nothing moves."""
        height, width = image.shape[:2]
        motion = np.full((height, width, 2 * self.flow_fields), NO_MOTION, np.uint8)
        return np.concatenate([*[image] * self.frames, motion], axis=-1)

    def arrays(self, images: Sequence[np.ndarray] | np.ndarray) -> Sequence[np.ndarray] | np.ndarray:
        """Moments as they are, and still images as such arrays.

        Raises:
            ConfigError: one is neither.
        """
        if self.is_image:
            return images
        if wrong := {image.shape[-1] for image in images} - {3, self.channels}:
            raise ConfigError("images", f"must have 3 channels or {self.channels}, got {min(wrong)}")
        return [self.of_image(image) if image.shape[-1] == 3 else image for image in images]

    def mirrored(self, array: np.ndarray) -> np.ndarray:
        """The array of the same moment in a mirror, in which what moves to the right moves to the left."""
        turned = np.ascontiguousarray(array[:, ::-1])
        if self.flow_fields:
            right = slice(-2 * self.flow_fields, None, 2)
            # No displacement is stored as 0, so that its negative has 8 bits too.
            turned[..., right] = (2 * NO_MOTION - turned[..., right].astype(np.int16)).clip(0, 255)
        return turned

    def image_of(self, array: np.ndarray) -> np.ndarray:
        """The frame that is on screen at the moment, to be looked at: uint8 [height, width, 3]."""
        first = 3 * (0 if self.flow_fields else self.middle)
        return array[..., first : first + 3]


IMAGE = Moment()

"""Towers for moments of video: the frames of a second, or a frame and its motion; and backbones on several frames.

What lies in which channel, `avnet.moments.moment` says.

Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, section 3.2 and its appendix (AVE+MF, AVE+OF).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from avnet.backbones.network import ImageNetwork
from avnet.backbones.tower import Blocks, ConvBlock, Tower, max_pool
from avnet.moments.flow import NO_MOTION, STEPS
from avnet.nn.convolution import convolve3d


class ConvBlock3d(ConvBlock):
    """3x3x3 convolution over time, height and width, batch normalization, ReLU."""

    kernel = (3, 3, 3)
    convolve = staticmethod(convolve3d)

    def __call__(
        self, x: Float[Array, "batch time height width channel"]
    ) -> Float[Array, "batch out_time out_height out_width out_channel"]:
        """Features at the same size, or half of it (rounded up) with stride 2."""
        return jax.nn.relu(self.norm(self.conv(x)))


def max_pool3d(
    x: Float[Array, "batch time height width channel"],
) -> Float[Array, "batch time//2 height//2 width//2 channel"]:
    """2x2x2 max-pooling with stride 2, VALID."""
    batch, time, *size = x.shape
    # Over height and width as images are pooled, then over pairs of frames.
    frames = max_pool(x.reshape(batch * time, *size))
    frames = frames.reshape(batch, time, *frames.shape[1:])[:, : time // 2 * 2]
    return jnp.maximum(frames[:, ::2], frames[:, 1::2])


class FramesTower(Blocks):
    """The image tower with time as a third side: conv1_1 halves it and each pool does, of 25 frames one is left.

    The paper says that convolutions become 3-D; that time is divided as height and width are is our reading of it.

    Attributes:
        frames: in a moment.
        widths: channels of the four stages.
        dtype, remat: as of `Blocks`.
    """

    def __init__(self, frames: int, widths: tuple[int, ...], *, rngs: nnx.Rngs):
        self.frames, self.widths = frames, widths
        blocks, channels = [], 3
        for stage, width in enumerate(widths):
            blocks.append(ConvBlock3d(channels, width, 2 if stage == 0 else 1, rngs=rngs))
            blocks.append(ConvBlock3d(width, width, rngs=rngs))
            channels = width
        self.blocks = nnx.List(blocks)
        self.compute(None)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch (height+1)//16 (width+1)//16 features"]:
        """The grid of features, of each cell the largest over what is left of time."""
        batch, height, width, _ = images.shape
        x = jnp.moveaxis(images.reshape(batch, height, width, self.frames, 3), 3, 1)
        for i, block in enumerate(self.blocks):
            x = nnx.remat(ConvBlock3d.__call__)(block, x) if self.remat else block(x)
            if i in (1, 3, 5):
                x = max_pool3d(x)
        x = x.max(axis=1)
        return x if self.dtype is None else x.astype(jnp.float32)


class FlowTower(Blocks):
    """Two streams up to pool3, of the frame and of its motion, that are joined before conv4_1.

    Attributes:
        image, flow: the streams, each as the first six blocks of `Tower`.
        blocks: conv4_1 and conv4_2.
        widths: channels of the four stages.
        dtype, remat: as of `Blocks`.
    """

    def __init__(self, flow_fields: int, widths: tuple[int, ...], *, rngs: nnx.Rngs):
        self.widths = widths
        self.image = Tower(3, widths[:3], rngs=rngs)
        self.flow = Tower(2 * flow_fields, widths[:3], rngs=rngs)
        joined, width = 2 * widths[2], widths[3]
        self.blocks = nnx.List([ConvBlock(joined, width, rngs=rngs), ConvBlock(width, width, rngs=rngs)])
        self.compute(None)

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """As of `Blocks`."""
        super().compute(dtype, remat=remat)
        self.image.compute(dtype, remat=remat)
        self.flow.compute(dtype, remat=remat)

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch (height+1)//16 (width+1)//16 features"]:
        """The grid of features."""
        # In [-1, 1], and exactly 0 where nothing moves.
        motion = (images[..., 3:] * 255.0 - NO_MOTION) / STEPS
        x = jnp.concatenate([self.image(images[..., :3]), self.flow(motion)], axis=-1)
        for block in self.blocks:
            x = nnx.remat(ConvBlock.__call__)(block, x) if self.remat else block(x)
        return x if self.dtype is None else x.astype(jnp.float32)


def mean_over_frames(
    network: ImageNetwork, images: Float[Array, "batch height width channels"], frames: int
) -> Float[Array, "batch rows columns features"]:
    """The mean, cell by cell, of the grids that a network of images gives for the frames of moments.

    A classifier's last features are made to be averaged, over cells and so over frames; its linear classifier then
    answers with the mean of what it answers for each frame. The largest values would be those of single odd frames.

    Args:
        network: in evaluation mode.
        images: moments in [0, 1].
        frames: of each moment.
    """
    batch, height, width, _ = images.shape
    by_frame = jnp.moveaxis(images.reshape(batch, height, width, frames, 3), 3, 0)
    graph, state = nnx.split(network)
    # One frame of all moments after another: memory is that of an image, and the network is compiled once. It is a copy
    # in there, or `remat` would change variables of outside.
    return jax.lax.map(lambda frame: nnx.merge(graph, state, copy=True)(frame), by_frame).mean(axis=0)

"""The convolutional tower that all three networks share, one for images and one for sound."""

from collections.abc import Callable
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from avnet.backbones.config import BackboneConfig
from avnet.backbones.network import ImageNetwork
from avnet.nn.convolution import convolve


def max_pool(x: Float[Array, "batch height width channel"]) -> Float[Array, "batch height//2 width//2 channel"]:
    """2x2 max-pooling with stride 2, VALID.

    Written as the maximum of four strided slices: on a CPU its gradient is several times faster than the
    select-and-scatter that a window reduction differentiates to.
    """
    height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = x[:, :height, :width]
    top = jnp.maximum(x[:, ::2, ::2], x[:, ::2, 1::2])
    bottom = jnp.maximum(x[:, 1::2, ::2], x[:, 1::2, 1::2])
    return jnp.maximum(top, bottom)


class ConvBlock(nnx.Module):
    """3x3 convolution, batch normalisation, ReLU.

    The convolution keeps a bias, which batch normalisation then subtracts: it is redundant, but it is what the
    9,541,636 parameters counted for AVE-Net hold.
    """

    kernel: ClassVar[tuple[int, ...]] = (3, 3)
    convolve: ClassVar[Callable[..., Array]] = staticmethod(convolve)

    def __init__(self, in_features: int, out_features: int, stride: int = 1, *, rngs: nnx.Rngs):
        self.conv = nnx.Conv(
            in_features,
            out_features,
            self.kernel,
            strides=stride,
            padding="SAME",
            kernel_init=nnx.initializers.he_normal(),
            conv_general_dilated=self.convolve,
            rngs=rngs,
        )
        # PyTorch's defaults (its momentum is 1 - 0.9), so that weights can go either way.
        self.norm = nnx.BatchNorm(out_features, momentum=0.9, epsilon=1e-5, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch out_height out_width out_channel"]:
        """Features at the same size, or half of it (rounded up) with stride 2."""
        return jax.nn.relu(self.norm(self.conv(x)))


class Blocks(ImageNetwork):
    """A tower of blocks with three pools, which divides either side by 16.

    Attributes:
        blocks: its blocks.
        widths: channels of the four stages.
        dtype: in which it computes, see `compute`; None is that of what it is given.
        remat: whether the features of a block are made again for the gradient.
    """

    blocks: nnx.List
    widths: tuple[int, ...]

    @property
    def features(self) -> int:
        """Channels of a cell."""
        return self.widths[-1]

    def cells(self, size: int) -> int:
        """One for every 16 pixels, and for the last 15."""
        return (size + 1) // 16

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how features are computed; parameters and statistics stay float32, as does what comes out.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the tower is given.
            remat: keep of each block only what goes in, and make the rest again for the gradient: a third more
                time for a third of the memory.
        """
        self.dtype, self.remat = dtype, remat
        for block in self.blocks:
            block.conv.dtype = block.norm.dtype = dtype


class Tower(Blocks):
    """conv1_1 (stride 2) to conv4_2: eight convolutions, three pools; divides either side by 16.

    Attributes:
        widths, dtype, remat: as of `Blocks`.

    Reference: Arandjelovic and Zisserman, "Objects that Sound", 2018, figure 2.
    """

    def __init__(self, in_features: int, widths: tuple[int, ...], *, rngs: nnx.Rngs):
        self.widths = widths
        blocks = []
        for stage, width in enumerate(widths):
            blocks.append(ConvBlock(in_features, width, 2 if stage == 0 else 1, rngs=rngs))
            blocks.append(ConvBlock(width, width, rngs=rngs))
            in_features = width
        self.blocks = nnx.List(blocks)
        self.compute(None)

    @classmethod
    def of(cls, config: BackboneConfig, *, rngs: nnx.Rngs) -> "Tower":
        """A tower for images."""
        return cls(3, config.widths, rngs=rngs)

    def __call__(
        self, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch (height+1)//16 (width+1)//16 features"]:
        """The grid of features before any pooling over the whole."""
        for i, block in enumerate(self.blocks):
            x = nnx.remat(ConvBlock.__call__)(block, x) if self.remat else block(x)
            # After the second convolution of each stage but the last, which ends in a pooling of its own (figure 2).
            if i in (1, 3, 5):
                x = max_pool(x)
        return x if self.dtype is None else x.astype(jnp.float32)


class Projection(nnx.Module):
    """fc1, ReLU, fc2 over the last axis: from tower features to the shared space (1x1 convolutions on a grid).

    With `normalize` a layer normalization comes first: features of a backbone that was trained elsewhere have a scale
    of their own.
    """

    def __init__(self, in_features: int, features: int, *, normalize: bool = False, rngs: nnx.Rngs):
        self.norm = nnx.LayerNorm(in_features, rngs=rngs) if normalize else None
        self.fc1 = nnx.Linear(in_features, features, kernel_init=nnx.initializers.he_normal(), rngs=rngs)
        self.fc2 = nnx.Linear(features, features, rngs=rngs)

    def __call__(self, x: Float[Array, "*batch in_features"]) -> Float[Array, "*batch features"]:
        """Vectors in the shared space, not normalised."""
        x = x if self.norm is None else self.norm(x)
        return self.fc2(jax.nn.relu(self.fc1(x)))


def rescale_logits(layer: nnx.Linear, slope: float, shift: float) -> None:
    """Changes a layer of two logits so that their difference s becomes slope * s + shift."""
    assert layer.bias is not None
    layer.kernel = nnx.Param(layer.kernel[...] * slope)
    layer.bias = nnx.Param(layer.bias[...] * slope + jnp.array([-shift / 2, shift / 2]))

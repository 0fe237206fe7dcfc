"""What MobileNetV2 and EfficientNet-Lite share: narrow maps with shortcuts, wide ones for channelwise convolutions.

Padding decides where a stride of 2 looks. SAME (TensorFlow) pads as little as will do, an odd total below and to the
right; SYMMETRIC (PyTorch's usual) pads (kernel_size - 1) / 2 on all sides. Weights trained with one do not fit the
other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.network import ImageNetwork
from avnet.errors import ConfigError
from avnet.nn.batching import by_parts
from avnet.nn.separable import Sides, depthwise, pointwise, same_sides

# Of the first map and of the last.
STEM, CHANNELS = 32, 1280
# Pixels between two cells, in rows and in columns.
STRIDE = 32
# The blocks whose maps are large, 5 MB for an image of 224 pixels; and the pixels of the images that go through them at
# a time. With two such images a batch of eight is twice as quick on two cores as all at once; later blocks, whose maps
# are small and weights many, are quicker with the whole batch.
FIRST, PIXELS = 5, 2 * 224 * 224

Colour = tuple[float, float, float]


class Stage(NamedTuple):
    """Blocks of one width; the first has the stride, the others 1.

    Attributes:
        kernel_size: of the convolutions channel by channel.
        stride: of the first block.
        expansion: channels inside a block for each that enters it; at 1 there is no widening layer.
        channels: that leave a block.
        repeats: blocks.
    """

    kernel_size: int
    stride: int
    expansion: int
    channels: int
    repeats: int


@dataclass(frozen=True)
class Style:
    """What the published weights were trained with.

    Attributes:
        mean: that is subtracted from images in [0, 1].
        spread: that they are divided by then.
        padding: of every convolution, see above.
        epsilon: of batch normalisation.
        momentum: of its running statistics, should the network be trained on.
    """

    mean: Colour
    spread: Colour
    padding: Literal["SAME", "SYMMETRIC"]
    epsilon: float
    momentum: float

    def sides(self, height: int, width: int, kernel_size: int, stride: int) -> Sides:
        """Rows above and below, columns left and right, that a convolution adds."""
        if self.padding == "SYMMETRIC":
            side = (kernel_size - 1) // 2
            return ((side, side), (side, side))
        return same_sides(height, width, kernel_size, stride)


class TorchLayer(NamedTuple):
    """A convolution with its normalisation in a state dict of PyTorch.

    Attributes:
        ours: name of the layer here.
        convolution: name of the convolution there.
        normalization: name of the batch normalisation there.
    """

    ours: str
    convolution: str
    normalization: str


class Convolution(nnx.Module):
    """A convolution without bias, or one of each channel alone."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int,
        stride: int,
        style: Style,
        depthwise: bool = False,
        *,
        rngs: nnx.Rngs,
    ):
        self.stride, self.style, self.depthwise = stride, style, depthwise
        shape = (kernel_size, kernel_size, 1 if depthwise else in_features, out_features)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape))

    def __call__(
        self, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch out_height out_width out_channel"]:
        """Features at the same size, or half of it (rounded up) with stride 2."""
        kernel, stride = self.kernel[...], self.stride
        sides = self.style.sides(x.shape[1], x.shape[2], len(kernel), stride)
        if self.depthwise:
            return depthwise(x, kernel, stride, sides)
        if kernel.shape[:2] == (1, 1):
            return pointwise(x, kernel)
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), sides, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )


class ConvNorm(nnx.Module):
    """Convolution and batch normalisation with its running statistics, ReLU6 where `activate`.

    `network.train()` lets batches move the statistics; parameters have gradients either way.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        style: Style,
        *,
        kernel_size: int = 1,
        stride: int = 1,
        depthwise: bool = False,
        activate: bool = True,
        rngs: nnx.Rngs,
    ):
        self.conv = Convolution(in_features, out_features, kernel_size, stride, style, depthwise, rngs=rngs)
        self.norm = nnx.BatchNorm(
            out_features, use_running_average=True, momentum=style.momentum, epsilon=style.epsilon, rngs=rngs
        )
        self.activate = activate

    def __call__(
        self, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch out_height out_width out_channel"]:
        """Features at the same size, or half of it (rounded up) with stride 2; in [0, 6] where bounded."""
        x = self.norm(self.conv(x))
        return jax.nn.relu6(x) if self.activate else x


class InvertedResidual(nnx.Module):
    """1x1 to more channels, one convolution for each, 1x1 to few without a bound; plus its input where that fits.

    Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, section 3.3.
    """

    def __init__(self, in_features: int, stage: Stage, stride: int, style: Style, *, rngs: nnx.Rngs):
        inside = in_features * stage.expansion
        self.expand = ConvNorm(in_features, inside, style, rngs=rngs) if stage.expansion > 1 else None
        self.depthwise = ConvNorm(
            inside, inside, style, kernel_size=stage.kernel_size, stride=stride, depthwise=True, rngs=rngs
        )
        # Linear: in few channels ReLU would destroy what they hold (section 3.2).
        self.project = ConvNorm(inside, stage.channels, style, activate=False, rngs=rngs)
        self.shortcut = stride == 1 and in_features == stage.channels

    def __call__(
        self, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch out_height out_width out_channel"]:
        """Features at the same size, or half of it (rounded up) with stride 2."""
        inside = x if self.expand is None else self.expand(x)
        out = self.project(self.depthwise(inside))
        return out + x if self.shortcut else out


class Trunk(ImageNetwork):
    """A convolution of stride 2 to 32 channels, the blocks, and a 1x1 convolution to 1,280.

    Attributes:
        style: normalisation and padding.
        stem, blocks, head: the layers in order.
        classifier: of so many classes, where it is kept.
    """

    def __init__(self, stages: Sequence[Stage], style: Style, classes: int = 0, *, rngs: nnx.Rngs):
        self.style = style
        self.stem = ConvNorm(3, STEM, style, kernel_size=3, stride=2, rngs=rngs)
        blocks, features = [], STEM
        for stage in stages:
            for repeat in range(stage.repeats):
                stride = 1 if repeat else stage.stride
                blocks.append(InvertedResidual(features, stage, stride, style, rngs=rngs))
                features = stage.channels
        self.blocks = nnx.List(blocks)
        self.head = ConvNorm(features, CHANNELS, style, rngs=rngs)
        self.classifier = nnx.Linear(CHANNELS, classes, rngs=rngs) if classes else None

    @property
    def features(self) -> int:
        """Channels of a cell."""
        return CHANNELS

    def cells(self, size: int) -> int:
        """One for every 32 pixels begun."""
        return -(-size // STRIDE)

    @property
    def torch_classifier(self) -> str:
        """Name of the classifier in the published weights."""
        raise NotImplementedError

    def torch_layers(self) -> Iterator[TorchLayer]:
        """Where the published weights of each layer are."""
        raise NotImplementedError

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch rows columns 1280"]:
        """The grid of features, in [0, 6], of images in [0, 1]: a cell for every 32 pixels begun, 7x7 for 224."""
        x = self._normalize(images)
        first, rest = (self.stem, *self.blocks[:FIRST]), (*self.blocks[FIRST:], self.head)
        # Statistics that move are those of the whole batch.
        if self.stem.norm.use_running_average:
            x = by_parts(lambda part: _apply(first, part), x, max(1, PIXELS // (x.shape[1] * x.shape[2])))
        else:
            x = _apply(first, x)
        return _apply(rest, x)

    def classify(self, grids: Float[Array, "*batch 1280"]) -> Float[Array, "*batch classes"]:
        """Logits of the classes in each cell; their mean over an image's cells is the classifier's answer for it.

        Raises:
            ConfigError: no classifier is kept.
        """
        if self.classifier is None:
            raise ConfigError("classes", "cannot be scored: this backbone has no classifier")
        return self.classifier(grids)

    def layers(self, images: Float[Array, "batch height width 3"]) -> list[Float[Array, "batch _ _ _"]]:
        """What each layer gives for images in [0, 1]: the stem, every block, the head."""
        x, outputs = self._normalize(images), []
        for layer in (self.stem, *self.blocks, self.head):
            x = layer(x)
            outputs.append(x)
        return outputs

    def _normalize(self, images: Array) -> Array:
        return (images - jnp.array(self.style.mean)) / jnp.array(self.style.spread)


def _apply(layers: Iterable[nnx.Module], x: Array) -> Array:
    for layer in layers:
        x = cast(Any, layer)(x)
    return x

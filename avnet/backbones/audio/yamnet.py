"""YAMNet: MobileNetV1 over log-mel patches of 96 frames and 64 bands, trained by Google on AudioSet.

Time runs down the rows and frequency along the columns, as in the published weights. Batch normalisation has a mean, a
variance and an offset, and no factor: the convolution that follows has one.

Reference: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", 2017,
table 1; github.com/tensorflow/models, research/audioset/yamnet (Plakal and Ellis).
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.audio.config import PATCH_FRAMES, AudioBackboneConfig
from avnet.backbones.audio.network import AudioNetwork
from avnet.nn.separable import depthwise, pointwise, same_sides

STEM = 32
# Of each pair of a 3x3 convolution channel by channel and a 1x1 convolution: the stride of the one, the channels that
# leave the other.
BLOCKS = (
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
)


class ConvNorm(nnx.Module):
    """Convolution without bias (or one of each channel alone), batch normalisation, ReLU.

    `network.train()` lets batches move the running statistics; parameters have gradients either way.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: int = 1,
        stride: int = 1,
        depthwise: bool = False,
        relu6: bool = False,
        rngs: nnx.Rngs,
    ):
        self.stride, self.depthwise, self.relu6 = stride, depthwise, relu6
        shape = (kernel_size, kernel_size, 1 if depthwise else in_features, out_features)
        self.kernel = nnx.Param(nnx.initializers.he_normal()(rngs.params(), shape))
        self.norm = nnx.BatchNorm(
            out_features, use_running_average=True, use_scale=False, momentum=0.99, epsilon=1e-4, rngs=rngs
        )

    def __call__(
        self, x: Float[Array, "batch height width channel"]
    ) -> Float[Array, "batch out_height out_width out_channel"]:
        """Features, at least 0, at the same size, or half of it (rounded up) with stride 2."""
        kernel = self.kernel[...]
        sides = same_sides(x.shape[1], x.shape[2], len(kernel), self.stride)
        if self.depthwise:
            x = depthwise(x, kernel, self.stride, sides)
        elif len(kernel) == 1:
            x = pointwise(x, kernel)
        else:
            x = jax.lax.conv_general_dilated(
                x, kernel, (self.stride, self.stride), sides, dimension_numbers=("NHWC", "HWIO", "NHWC")
            )
        x = self.norm(x)
        return jax.nn.relu6(x) if self.relu6 else jax.nn.relu(x)


class YAMNet(AudioNetwork):
    """3,195,456 trainable parameters, and 534,025 of the classifier.

    Attributes:
        stem: 3x3 with stride 2, to 32 channels.
        blocks: the pairs in order, depthwise and pointwise.
        classifier: to the logits of 521 classes of AudioSet.
    """

    patch_frames = PATCH_FRAMES
    hop_frames = PATCH_FRAMES // 2

    def __init__(self, classes: int, relu6: bool, *, rngs: nnx.Rngs):
        self.stem = ConvNorm(1, STEM, kernel_size=3, stride=2, relu6=relu6, rngs=rngs)
        layers, features = [], STEM
        for stride, channels in BLOCKS:
            layers.append(
                ConvNorm(features, features, kernel_size=3, stride=stride, depthwise=True, relu6=relu6, rngs=rngs)
            )
            layers.append(ConvNorm(features, channels, relu6=relu6, rngs=rngs))
            features = channels
        self.blocks = nnx.List(layers)
        self.classifier = nnx.Linear(features, classes, rngs=rngs) if classes else None

    @classmethod
    def of(cls, config: AudioBackboneConfig, *, rngs: nnx.Rngs) -> "YAMNet":
        """The one size that there is."""
        return cls(config.classes, config.relu6, rngs=rngs)

    @property
    def features(self) -> int:
        """Channels of a cell, and length of a patch's vector."""
        return BLOCKS[-1][1]

    def __call__(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch rows columns 1024"]:
        """The grid of features of one patch each: 3 in time by 2 in frequency for 96 frames of 64 bands."""
        return self.layers(spectrograms)[-1]

    def layers(self, spectrograms: Float[Array, "batch bins frames 1"]) -> list[Float[Array, "batch _ _ _"]]:
        """What each of the 27 convolutions gives, normalised and bounded."""
        x, outputs = jnp.swapaxes(spectrograms, 1, 2), []
        for layer in (self.stem, *self.blocks):
            x = layer(x)
            outputs.append(x)
        return outputs

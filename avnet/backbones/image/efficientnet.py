"""EfficientNet-Lite0.

Reference: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, table 1. Its
authors' Lite variant has no squeeze-and-excitation, and ReLU6 in place of swish; padding and normalisation are those of
the weights that they publish.
"""

from collections.abc import Iterator

from flax import nnx

from avnet.backbones.config import BackboneConfig
from avnet.backbones.image.inverted_residual import Stage, Style, TorchLayer, Trunk

# Table 1 of the paper: kernel, stride, expansion, channels, repeats.
STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(5, 2, 6, 40, 2),
    Stage(3, 2, 6, 80, 3),
    Stage(5, 1, 6, 112, 3),
    Stage(5, 2, 6, 192, 4),
    Stage(3, 1, 6, 320, 1),
)
STYLE = Style(
    # The published weights expect bytes as (x - 127) / 128, not the mean and spread of ImageNet.
    mean=(127 / 255, 127 / 255, 127 / 255),
    spread=(128 / 255, 128 / 255, 128 / 255),
    padding="SAME",
    epsilon=1e-3,
    momentum=0.99,
)


class EfficientNetLite0(Trunk):
    """3,371,008 trainable parameters; with its classifier 4,652,008."""

    def __init__(self, classes: int = 0, *, rngs: nnx.Rngs):
        super().__init__(STAGES, STYLE, classes, rngs=rngs)

    @classmethod
    def of(cls, config: BackboneConfig, *, rngs: nnx.Rngs) -> "EfficientNetLite0":
        """The one size that there is."""
        return cls(config.classes, rngs=rngs)

    @property
    def torch_classifier(self) -> str:
        """Name of the classifier in the published weights."""
        return "_fc"

    def torch_layers(self) -> Iterator[TorchLayer]:
        """Those of `efficientnet_lite_pytorch`, where all have names."""
        yield TorchLayer("stem", "_conv_stem", "_bn0")
        for i, block in enumerate(self.blocks):
            for j, layer in enumerate(("expand", "depthwise", "project")):
                if getattr(block, layer) is not None:
                    yield TorchLayer(f"blocks.{i}.{layer}", f"_blocks.{i}._{layer}_conv", f"_blocks.{i}._bn{j}")
        yield TorchLayer("head", "_conv_head", "_bn1")

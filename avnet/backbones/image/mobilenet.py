"""MobileNetV2.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018, table 2; padding and
normalisation are those of the weights that torchvision publishes.
"""

from collections.abc import Iterator

from flax import nnx

from avnet.backbones.config import BackboneConfig
from avnet.backbones.image.inverted_residual import Stage, Style, TorchLayer, Trunk

# Table 2 of the paper: kernel, stride, expansion, channels, repeats.
STAGES = (
    Stage(3, 1, 1, 16, 1),
    Stage(3, 2, 6, 24, 2),
    Stage(3, 2, 6, 32, 3),
    Stage(3, 2, 6, 64, 4),
    Stage(3, 1, 6, 96, 3),
    Stage(3, 2, 6, 160, 3),
    Stage(3, 1, 6, 320, 1),
)
STYLE = Style(mean=(0.485, 0.456, 0.406), spread=(0.229, 0.224, 0.225), padding="SYMMETRIC", epsilon=1e-5, momentum=0.9)


class MobileNetV2(Trunk):
    """At width 1: 2,223,872 trainable parameters; with its classifier 3,504,872."""

    def __init__(self, classes: int = 0, *, rngs: nnx.Rngs):
        super().__init__(STAGES, STYLE, classes, rngs=rngs)

    @classmethod
    def of(cls, config: BackboneConfig, *, rngs: nnx.Rngs) -> "MobileNetV2":
        """The one size that there is."""
        return cls(config.classes, rngs=rngs)

    @property
    def torch_classifier(self) -> str:
        """Name of the classifier in the published weights."""
        return "classifier.1"

    def torch_layers(self) -> Iterator[TorchLayer]:
        """Those of torchvision's `mobilenet_v2`, where all are numbered."""
        yield TorchLayer("stem", "features.0.0", "features.0.1")
        for i, block in enumerate(self.blocks):
            theirs = f"features.{i + 1}.conv"
            # The first block widens nothing (its expansion is 1), so there the numbers begin with the depthwise layer.
            activations = ["depthwise"] if block.expand is None else ["expand", "depthwise"]
            for j, layer in enumerate(activations):
                yield TorchLayer(f"blocks.{i}.{layer}", f"{theirs}.{j}.0", f"{theirs}.{j}.1")
            yield TorchLayer(f"blocks.{i}.project", f"{theirs}.{len(activations)}", f"{theirs}.{len(activations) + 1}")
        last = len(self.blocks) + 1
        yield TorchLayer("head", f"features.{last}.0", f"features.{last}.1")

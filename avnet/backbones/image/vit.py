"""Vision transformers: DINOv2, CLIP and MAE, which differ in what `ViTConfig` says and in their weights.

Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.config import BackboneConfig
from avnet.backbones.image.config import ViTConfig
from avnet.backbones.network import ImageNetwork
from avnet.nn.interpolation import cubic_matrix
from avnet.nn.transformer import Encoder


class ViT(ImageNetwork):
    """Patches as tokens, beside them one for the whole image and registers; the grid is that of the patches.

    Attributes:
        config: sizes and kind.
        patches: from the pixels of a patch to a token.
        class_token, registers: those of no patch.
        positions: added to the class token and the patches; of a grid other than its own they are interpolated.
        encoder: the blocks.
        norm, projection: of the last tokens, as they are published: the grid has what the class token has.
    """

    def __init__(self, config: ViTConfig, *, rngs: nnx.Rngs):
        self.config = config
        width, patch = config.width, (config.patch_size, config.patch_size)
        self.patches = nnx.Conv(
            3, width, patch, strides=patch, padding="VALID", use_bias=not config.pre_norm, rngs=rngs
        )
        small = nnx.initializers.normal(0.02)
        self.class_token = nnx.Param(small(rngs.params(), (width,)))
        self.registers = nnx.Param(small(rngs.params(), (config.registers, width))) if config.registers else None
        self.positions = nnx.Param(small(rngs.params(), (1 + config.grid**2, width)))
        self.pre_norm = nnx.LayerNorm(width, epsilon=config.epsilon, rngs=rngs) if config.pre_norm else None
        self.encoder = Encoder(
            config.depth,
            width,
            config.heads,
            config.hidden,
            epsilon=config.epsilon,
            quick_gelu=config.quick_gelu,
            layer_scale=config.layer_scale,
            rngs=rngs,
        )
        self.norm = nnx.LayerNorm(width, epsilon=config.epsilon, rngs=rngs)
        self.projection = nnx.Linear(width, config.projection, use_bias=False, rngs=rngs) if config.projection else None

    @classmethod
    def of(cls, config: BackboneConfig, *, rngs: nnx.Rngs) -> "ViT":
        """The network of a configuration's sizes."""
        assert config.vit is not None
        return cls(config.vit, rngs=rngs)

    @property
    def features(self) -> int:
        """Channels of a cell."""
        return self.config.projection or self.config.width

    def cells(self, size: int) -> int:
        """One for each whole patch."""
        return size // self.config.patch_size

    def __call__(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch rows columns features"]:
        """The token of each patch of images in [0, 1]; pixels right and below of the last whole patch are not seen."""
        rows, columns = (self.cells(size) for size in images.shape[1:3])
        tokens = self.tokens(images)[:, 1 + self.config.registers :]
        return tokens.reshape(tokens.shape[0], rows, columns, self.features)

    def tokens(self, images: Float[Array, "batch height width 3"]) -> Float[Array, "batch tokens features"]:
        """All last tokens: that of the whole image, the registers, the patches row by row."""
        x = self.norm(self.layers(images)[-1])
        return x if self.projection is None else self.projection(x)

    def layers(self, images: Float[Array, "batch height width 3"]) -> list[Float[Array, "batch tokens features"]]:
        """The tokens of images in [0, 1] before the first block and after each."""
        x = self.patches((images - jnp.array(self.config.mean)) / jnp.array(self.config.spread))
        batch, rows, columns, width = x.shape
        # Registers have no position.
        class_position, positions = self.positions_of(rows, columns)
        first = jnp.broadcast_to(self.class_token[...] + class_position, (batch, 1, width))
        tokens = [first, x.reshape(batch, rows * columns, width) + positions]
        if self.registers is not None:
            tokens.insert(1, jnp.broadcast_to(self.registers[...], (batch, *self.registers.shape)))
        x = jnp.concatenate(tokens, axis=1)
        x = x if self.pre_norm is None else self.pre_norm(x)
        return [x, *self.encoder(x)]

    def positions_of(self, rows: int, columns: int) -> tuple[Array, Array]:
        """Of the class token, and of the patches row by row."""
        side, positions = self.config.grid, self.positions[...]
        if (rows, columns) == (side, side):
            return positions[0], positions[1:]
        down, across = (cubic_matrix(side, count, antialias=self.config.antialias) for count in (rows, columns))
        grid = positions[1:].reshape(side, side, -1)
        resized = jnp.einsum("ri,cj,ijf->rcf", down, across, grid, precision=jax.lax.Precision.HIGHEST)
        return positions[0], resized.reshape(rows * columns, -1)

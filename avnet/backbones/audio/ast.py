"""The Audio Spectrogram Transformer, and the branch for sounds of CAV-MAE, which differ in what `ASTConfig` says.

Reference: Gong et al., "AST: Audio Spectrogram Transformer", 2021; Gong et al., "Contrastive Audio-Visual Masked
Autoencoder", 2022, section 3.2.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from avnet.backbones.audio.config import ASTConfig, AudioBackboneConfig
from avnet.backbones.audio.network import AudioNetwork
from avnet.nn.interpolation import linear_matrix
from avnet.nn.transformer import Encoder


class AST(AudioNetwork):
    """Squares of a log spectrogram as tokens, which overlap; a patch of sound may have any length.

    Attributes:
        config: sizes and kind.
        squares: from the values of a square to a token.
        tokens: those of no square.
        positions: added to the tokens, and to the squares band by band.
        encoder: the blocks.
        norm: of the last tokens.
        classifier_norm, classifier: from the vector of a patch to the logits of its classes.
    """

    def __init__(self, config: ASTConfig, bins: int, classes: int, *, rngs: nnx.Rngs):
        self.config = config
        self.patch_frames, self.hop_frames = config.frames, max(1, config.frames // 2)
        width, sides = config.width, (config.tile, config.tile)
        self.rows = config.places(bins)
        strides = (config.stride, config.stride)
        self.squares = nnx.Conv(1, width, sides, strides=strides, padding="VALID", rngs=rngs)
        small = nnx.initializers.normal(0.02)
        self.tokens = nnx.Param(small(rngs.params(), (config.tokens, width))) if config.tokens else None
        self.positions = nnx.Param(small(rngs.params(), (config.tokens + self.rows * config.columns, width)))
        self.encoder = Encoder(config.depth, width, config.heads, config.hidden, epsilon=config.epsilon, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=config.epsilon, rngs=rngs)
        # PyTorch's own, whatever those of the blocks are.
        self.classifier_norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs) if classes else None
        self.classifier = nnx.Linear(width, classes, rngs=rngs) if classes else None

    @classmethod
    def of(cls, config: AudioBackboneConfig, *, rngs: nnx.Rngs) -> "AST":
        """The network of a configuration's sizes."""
        assert config.ast is not None
        return cls(config.ast, config.spectrogram.bins, config.classes, rngs=rngs)

    @property
    def features(self) -> int:
        """Channels of a token."""
        return self.config.width

    def __call__(
        self, spectrograms: Float[Array, "batch bins frames 1"]
    ) -> Float[Array, "batch rows columns features"]:
        """The last token of each square; rows are its time, columns its frequency."""
        return self._grid(self.last_tokens(spectrograms))

    def embed(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch features"]:
        """The vector of each patch: the mean of the tokens of no square, or where there are none of all squares."""
        last = self.last_tokens(spectrograms)
        return last[:, : self.config.tokens or None].mean(axis=1)

    def classify(self, vectors: Float[Array, "*batch features"]) -> Float[Array, "*batch classes"]:
        """Logits of the classes, each of which may be heard or not whatever the others are.

        Raises:
            ConfigError: no classifier is kept.
        """
        return super().classify(vectors if self.classifier_norm is None else self.classifier_norm(vectors))

    def last_tokens(self, spectrograms: Float[Array, "batch bins frames 1"]) -> Float[Array, "batch tokens features"]:
        """All tokens after the last block, normalized: those of no square, then the squares band by band."""
        return self.norm(self.layers(spectrograms)[-1])

    def layers(self, spectrograms: Float[Array, "batch bins frames 1"]) -> list[Float[Array, "batch tokens features"]]:
        """The tokens of log spectrograms before the first block and after each."""
        x = self.squares((spectrograms - self.config.mean) / self.config.spread)
        batch, rows, columns, width = x.shape
        x = x.reshape(batch, rows * columns, width) + self.square_positions(columns)
        if self.tokens is not None:
            first = self.tokens[...] + self.positions[...][: self.config.tokens]
            x = jnp.concatenate([jnp.broadcast_to(first, (batch, *first.shape)), x], axis=1)
        return [x, *self.encoder(x)]

    def square_positions(self, columns: int) -> Array:
        """Of so many columns of squares: the middle of those that were learned, or values between them for more."""
        native = self.config.columns
        grid = self.positions[...][self.config.tokens :].reshape(self.rows, native, -1)
        if columns <= native:
            start = native // 2 - columns // 2
            grid = grid[:, start : start + columns]
        else:
            matrix = linear_matrix(native, columns)
            grid = jnp.einsum("cj,rjf->rcf", matrix, grid, precision=jax.lax.Precision.HIGHEST)
        return grid.reshape(self.rows * columns, -1)

    def _grid(self, last: Array) -> Array:
        squares = last[:, self.config.tokens :]
        return squares.reshape(squares.shape[0], self.rows, -1, squares.shape[-1]).swapaxes(1, 2)

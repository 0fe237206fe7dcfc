"""What a Tacotron 2 makes of tokens before the first frame."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from avnet.nn.lstm import LSTM
from avnet.synthesizers.layers.initializers import LSTM_KERNEL, xavier
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.convolution import ConvBlock


class Encoder(nnx.Module):
    """Embedding, convolutions over neighboring tokens, and an LSTM in either direction.

    Reference: Shen et al., "Natural TTS Synthesis by Conditioning WaveNet on Mel Spectrogram Predictions", 2018,
        section 2.2.
    """

    def __init__(self, config: Tacotron2Config, *, rngs: nnx.Rngs):
        width, hidden = config.width, config.width // 2
        self.embedding = nnx.Embed(config.tokens, width, embedding_init=xavier(), rngs=rngs)
        self.blocks = nnx.List(
            ConvBlock(width, width, config.kernel, nnx.relu, "relu", config.dropout, rngs=rngs)
            for _ in range(config.convolutions)
        )
        self.forward, self.backward = (
            LSTM(width, hidden, open_forget=False, kernel_init=LSTM_KERNEL, recurrent_init=LSTM_KERNEL, rngs=rngs)
            for _ in range(2)
        )

    def __call__(
        self, tokens: Int[Array, "batch n"], mask: Bool[Array, "batch n"], rngs: nnx.Rngs | None = None
    ) -> Float[Array, "batch n width"]:
        """Features of each token among its neighbors; zeros where there is none.

        Args:
            tokens: padded strings.
            mask: tokens that exist; the others change nothing.
            rngs: of dropout, in training.
        """
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, mask, rngs)
        ahead, _ = self.forward(x, self.forward.zeros(len(x)), mask=mask)
        behind, _ = self.backward(x, self.backward.zeros(len(x)), mask=mask, reverse=True)
        return jnp.where(mask[..., None], jnp.concatenate([ahead, behind], axis=-1), 0.0)

"""What captioners as published have in common: they read raw cells, and copy only where that is asked for."""

import jax
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Key

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import CopyGate, Retrieval
from avnet.nn.dropout import Dropout

# How embeddings begin where the authors drew all weights from N(0, 0.01): that suited their SGD over 60,000 steps, and
# Adam stays at the frequencies of words for hundreds of steps. The other weights then begin as those of Flax.
EMBEDDING = nnx.initializers.normal(0.1)


class PaperCaptioner(Captioner):
    """A captioner as published: without what is retrieved it has the parameters of the paper and no others.

    The end symbol also stands before the first token, as in all captioners here.
    """

    def __init__(self, config: CaptionerConfig, thought: int, embedding_init: nnx.Initializer, *, rngs: nnx.Rngs):
        """The embedding, and what copying takes.

        Args:
            config: kind and sizes.
            thought: features of `Output.thought`.
            embedding_init: of the embedding.
            rngs: of the weights.
        """
        self.config = config
        self.embedding = nnx.Embed(config.symbols, config.width, embedding_init=embedding_init, rngs=rngs)
        self.dropout = Dropout(config.dropout)
        self.reader = Retrieval(config, self.embedding, rngs=rngs) if config.retrieved else None
        self.copy_gate = CopyGate(config, thought, rngs=rngs) if config.retrieved else None


def uniform(scale: float) -> nnx.Initializer:
    """Evenly from -scale to scale."""

    def draw(key: Key[Array, ""], shape: tuple[int, ...], dtype: DTypeLike = float, **_) -> Array:
        return jax.random.uniform(key, shape, dtype, -scale, scale)

    return draw

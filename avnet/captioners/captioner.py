"""What all captioners are to their search, their training and their export, and the registry of their kinds.

`encode` is called once an image, `begin` once a description, then `step` for each token; `__call__` does all steps of a
known description at once. State is a tree of arrays with the batch first, so that a search reorders it without knowing
what it holds.
"""

from importlib import import_module
from typing import Any

from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, Reader
from avnet.nn.precision import compute_in

# Kind -> module and class. A new captioner is one file, a preset of `CaptionerConfig` and a line here.
CAPTIONERS = {
    "recurrent": ("avnet.captioners.recurrent", "RecurrentCaptioner"),
    "transformer": ("avnet.captioners.transformer", "TransformerCaptioner"),
}


class Captioner(nnx.Module):
    """A network that predicts the next token of a description.

    Attributes:
        config: its kind and sizes.
        embedding: of the tokens.
        reader: makes what depends on no token.
        remat: whether what is large is computed a second time for the gradient.

    Example:
        >>> describer = avnet.load("runs/describer/model")
        >>> captioner = describer.parts.network
        >>> isinstance(captioner, avnet.Captioner), captioner.config.kind
        (True, 'recurrent')
    """

    config: CaptionerConfig
    embedding: nnx.Embed
    reader: Reader
    remat: bool = False

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how predictions are computed; parameters stay float32, as do logits, softmax and state.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the network is given.
            remat: compute a second time for the gradient what takes most memory.
        """
        compute_in(self, dtype)
        self.remat = remat

    def encode(
        self,
        grids: Float[Array, "batch rows columns features"],
        descriptions: Int[Array, "batch descriptions length"],
        similarity: Float[Array, "batch descriptions"],
        rngs: nnx.Rngs | None = None,
    ) -> Encoding:
        """All that depends on no token, once an image.

        Args:
            grids: of a backbone.
            descriptions: tokens of descriptions of similar images, padded; one of padding alone is none.
            similarity: of the image with each of those, cosine.
            rngs: of dropout, in training.
        """
        return self.reader(grids, descriptions, similarity, rngs)

    def begin(self, encoding: Encoding) -> Any:
        """The state before the first token: a tree of arrays of the network's own, batch first."""
        raise NotImplementedError

    def step(self, encoding: Encoding, state: Any, token: Int[Array, "batch"]) -> tuple[Output, Any]:
        """Predicts what follows one token.

        Args:
            encoding: the images.
            state: after the tokens before.
            token: the latest; the end symbol before the first.
        """
        return self(encoding, state, token[:, None])

    def __call__(
        self, encoding: Encoding, state: Any, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, Any]:
        """Predicts what follows each of some tokens; the same as that many calls of `step`.

        Args:
            encoding: the images.
            state: after the tokens before.
            tokens: consecutive ones; the end symbol before the first.
            rngs: of dropout, in training.
        """
        raise NotImplementedError


def build_captioner(config: CaptionerConfig, *, rngs: nnx.Rngs) -> Captioner:
    """The network that a configuration describes, with fresh weights."""
    module, name = CAPTIONERS[config.kind]
    return getattr(import_module(module), name)(config, rngs=rngs)

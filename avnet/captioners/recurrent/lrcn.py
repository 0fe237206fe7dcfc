"""LRCN: two LSTMs, of which the second sees the image at every step."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.paper import PaperCaptioner, uniform
from avnet.nn.lstm import LSTM, LSTMState


class LRCNState(NamedTuple):
    """Of both LSTMs."""

    language: LSTMState
    joint: LSTMState


class LRCN(PaperCaptioner):
    """h1 = LSTM(E w), h2 = LSTM([h1; f]), p = softmax(W h2): the factored form of two layers; it attends to nothing.

    Reference: Donahue et al., "Long-term Recurrent Convolutional Networks", 2015, section 5 (LRCN-2f); what it leaves
        open (no dropout, forget gate without an offset, weights of up to 0.08) as its code, BVLC/caffe
        `examples/coco_caption/lrcn.prototxt`.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        init, hidden = uniform(0.08), config.hidden
        super().__init__(config, hidden, init, rngs=rngs)
        options = {"open_forget": False, "kernel_init": init, "recurrent_init": init, "rngs": rngs}
        self.language = LSTM(config.width, hidden, **options)
        self.joint = LSTM(hidden + config.image_features, hidden, **options)
        self.out = nnx.Linear(hidden, config.symbols, kernel_init=init, rngs=rngs)

    def begin(self, encoding: Encoding) -> LRCNState:
        """Zeros."""
        batch = len(encoding.whole)
        return LRCNState(self.language.zeros(batch), self.joint.zeros(batch))

    def __call__(
        self, encoding: Encoding, state: LRCNState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LRCNState]:
        """Predicts what follows each of the tokens; the two recurrences alone go step by step."""
        lower, language = self.language(self.dropout(self.embedding(tokens), rngs=rngs), state.language)
        image = jnp.broadcast_to(encoding.whole[:, None], (*tokens.shape, encoding.whole.shape[-1]))
        outputs, joint = self.joint(jnp.concatenate([lower, image], axis=-1), state.joint)
        thought = self.dropout(outputs, rngs=rngs)
        logits = self.out(thought).astype(jnp.float32)
        return Output(logits, jnp.zeros((*tokens.shape, 0)), thought, {}), LRCNState(language, joint)

"""Show and Tell: the image is the first input of an LSTM, and is not looked at again."""

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.paper import PaperCaptioner, uniform
from avnet.nn.lstm import LSTM, LSTMState


class ShowAndTell(PaperCaptioner):
    """x_{-1} = W f, x_t = E w_{t-1}, h_t = LSTM(x_t), p = softmax(W h_t); it attends to nothing.

    Reference: Vinyals et al., "Show and Tell", 2015, section 3.1; what it leaves open (no bias of W, forget gate + 1,
        dropout before and after the LSTM, weights of up to 0.08) as its code, tensorflow/models `im2txt`.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        init = uniform(0.08)
        super().__init__(config, config.hidden, init, rngs=rngs)
        self.image = nnx.Linear(config.image_features, config.width, use_bias=False, kernel_init=init, rngs=rngs)
        self.lstm = LSTM(config.width, config.hidden, kernel_init=init, recurrent_init=init, rngs=rngs)
        self.out = nnx.Linear(config.hidden, config.symbols, kernel_init=init, rngs=rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """The image as an input of the LSTM."""
        return encoding._replace(whole=self.dropout(self.image(encoding.whole), rngs=rngs))

    def begin(self, encoding: Encoding) -> LSTMState:
        """The state after the image."""
        return self.lstm.step(encoding.whole, self.lstm.zeros(len(encoding.whole)))

    def __call__(
        self, encoding: Encoding, state: LSTMState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, LSTMState]:
        """Predicts what follows each of the tokens; the recurrence alone goes step by step."""
        outputs, state = self.lstm(self.dropout(self.embedding(tokens), rngs=rngs), state)
        thought = self.dropout(outputs, rngs=rngs)
        logits = self.out(thought).astype(jnp.float32)
        return Output(logits, jnp.zeros((*tokens.shape, 0)), thought, {}), state

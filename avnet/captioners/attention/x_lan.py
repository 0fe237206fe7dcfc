"""X-LAN: an LSTM whose attention multiplies what it knows into what it sees."""

from typing import NamedTuple

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.attention.x_linear import ALPHA, EPSILON, KERNEL, XLinear
from avnet.captioners.attention.x_linear_encoder import XLinearEncoder
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output
from avnet.captioners.paper import PaperCaptioner, uniform
from avnet.nn.lstm import LSTM, LSTMState


class XLANState(NamedTuple):
    """What goes on from step to step.

    Attributes:
        lstm: its cell and output.
        context: what the last logits were made of.
    """

    lstm: LSTMState
    context: Float[Array, "batch width"]


class XLAN(PaperCaptioner):
    """h_t = LSTM([CELU(E w); g + c_{t-1}]), x_t = LN(W [h_t; X-Linear(h_t)]), c_t = GLU(W [x_t; h_t]).

    p = softmax(W c_t). All layers, the LSTM too, are `width` wide; `layers` blocks of X-Linear attention make g and
    refine the cells.

    Reference: Pan et al., "X-Linear Attention Networks for Image Captioning", 2020, section 3.2; what it leaves open
        (dropout, c_{t-1} in the input, the layer before GLU) as its code, JDAI-CV/image-captioning.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width, dropout = config.width, config.dropout
        super().__init__(config, width, nnx.initializers.normal(1.0), rngs=rngs)

        def linear(inputs: int, outputs: int) -> nnx.Linear:
            return nnx.Linear(inputs, outputs, kernel_init=KERNEL, rngs=rngs)

        self.cells = linear(config.image_features, width)
        self.encoder = XLinearEncoder(width, config.heads, config.layers, None, dropout, rngs=rngs)
        init = uniform(width**-0.5)
        self.lstm = LSTM(2 * width, width, open_forget=False, kernel_init=init, recurrent_init=init, rngs=rngs)
        self.attend = XLinear(width, config.heads, dropout, rngs=rngs)
        self.mix = linear(2 * width, width)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, rngs=rngs)
        self.glu = linear(2 * width, 2 * width)
        self.out = linear(width, config.symbols)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """Keys and values of the refined cells, and the image as a whole."""
        cells = self.dropout(nnx.celu(self.cells(encoding.cells), ALPHA), rngs=rngs)
        whole, cells = self.encoder(cells, encoding.mask, rngs)
        keys, values = self.attend.project(cells)
        return encoding._replace(cells=values, whole=whole, extra={"keys": keys})

    def begin(self, encoding: Encoding) -> XLANState:
        """Zeros."""
        zeros = self.lstm.zeros(len(encoding.whole))
        return XLANState(zeros, jnp.zeros_like(zeros.output))

    def step(
        self, encoding: Encoding, state: XLANState, token: Int[Array, "batch"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, XLANState]:
        """Predicts what follows one token."""

        def drop(x: Array) -> Array:
            return self.dropout(x, rngs=rngs)

        previous = drop(nnx.celu(self.embedding(token), ALPHA))
        lstm = self.lstm.step(jnp.concatenate([previous, encoding.whole + drop(state.context)], axis=-1), state.lstm)
        known = lstm.output
        seen, attention = self.attend(
            known[:, None], encoding.extra["keys"], encoding.cells, encoding.mask[:, None], rngs
        )
        x = self.norm(self.mix(jnp.concatenate([known, drop(seen[:, 0])], axis=-1)))
        context = nnx.glu(self.glu(jnp.concatenate([x, known], axis=-1))).astype(jnp.float32)
        thought = drop(context)
        return Output(self.out(thought).astype(jnp.float32), attention[:, 0], thought, {}), XLANState(lstm, context)

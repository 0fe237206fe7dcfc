"""Image2Speech: the translator XNMT, which reads an image as it would the sentence of another language."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import Encoding, Output, masked_softmax
from avnet.captioners.paper import PaperCaptioner
from avnet.captioners.recurrent.pyramidal import PyramidalLSTM, glorot_lstm
from avnet.nn.lstm import LSTMState


class XNMTState(NamedTuple):
    """What goes on from step to step.

    Attributes:
        lstm: its cell and output.
        context: what was seen last.
    """

    lstm: LSTMState
    context: Float[Array, "batch hidden"]


class Kept(NamedTuple):
    """Factors of dropout, the same at all steps of a description.

    Attributes:
        words: of each symbol: 1, or 0 where it is dropped wherever it stands.
        inputs: of the LSTM.
        outputs: of its last output.
    """

    words: Float[Array, "batch symbols"]
    inputs: Float[Array, "batch inputs"]
    outputs: Float[Array, "batch hidden"]


class XNMT(PaperCaptioner):
    """s = pyramidal LSTM over the cells; h_t = LSTM([E w; z_{t-1}]), z_t = sum softmax(w tanh(W s_i + U h_t)) s_i.

    p = softmax(W tanh(W [h_t; z_t])). Embeddings have norm 1; the state begins as that of the encoder ends. Cells are
    read row by row; of three layers the last has a state for four cells, among which its attention is divided evenly.

    Reference: Hasegawa-Johnson et al., "Image2speech: Automatically generating audio descriptions of images", 2017;
        what it leaves open (sizes, dropout, of words too, how weights begin) as its recipes, jhasegaw/image2speech, for
        neulab/xnmt. Dropout takes each word with its rate, not that share of all words exactly.
    """

    def __init__(self, config: CaptionerConfig, *, rngs: nnx.Rngs):
        width, hidden = config.width, config.hidden
        init = nnx.initializers.glorot_uniform()
        super().__init__(config, hidden, init, rngs=rngs)

        def linear(inputs: int, outputs: int, bias: bool = True) -> nnx.Linear:
            return nnx.Linear(inputs, outputs, use_bias=bias, kernel_init=init, rngs=rngs)

        self.encoder = PyramidalLSTM(config.image_features, hidden, config.layers, config.dropout, rngs=rngs)
        self.lstm = glorot_lstm(width + hidden, hidden, rngs=rngs)
        self.keys, self.ask = linear(hidden, config.attention), linear(hidden, config.attention, bias=False)
        self.weigh = linear(config.attention, 1, bias=False)
        self.mix = linear(2 * hidden, hidden)
        self.out = linear(hidden, config.symbols)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """States of the encoder for groups of cells, keys of them, and its last state in place of a mean."""
        groups, end = self.encoder(encoding.cells, encoding.mask, rngs)
        extra = {"keys": self.keys(groups), "cell": end.cell}
        return encoding._replace(cells=groups, whole=end.output, extra=extra)

    def begin(self, encoding: Encoding) -> XNMTState:
        """The last state of the encoder; nothing was seen yet."""
        return XNMTState(LSTMState(encoding.extra["cell"], encoding.whole), jnp.zeros_like(encoding.whole))

    def step(
        self, encoding: Encoding, state: XNMTState, token: Int[Array, "batch"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, XNMTState]:
        """Predicts what follows one token."""
        return self._speak(encoding, state, token, self._keep(len(token), rngs))

    def __call__(
        self, encoding: Encoding, state: XNMTState, tokens: Int[Array, "batch steps"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, XNMTState]:
        """Predicts what follows each of the tokens, with the same dropout at all steps."""
        kept = self._keep(len(tokens), rngs)

        def advance(state: XNMTState, token: Array):
            output, state = self._speak(encoding, state, token, kept)
            return state, output

        if self.remat:
            advance = jax.checkpoint(advance)
        state, outputs = jax.lax.scan(advance, state, tokens.T)
        return jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), outputs), state

    def _keep(self, batch: int, rngs: nnx.Rngs | None) -> Kept:
        config = self.config
        sizes = (config.symbols, config.width + config.hidden, config.hidden)
        words, inputs, outputs = (self.dropout(jnp.ones((batch, size)), rngs=rngs) for size in sizes)
        # Words that are left are not made longer, unlike units.
        return Kept((words > 0).astype(words.dtype), inputs, outputs)

    def _speak(
        self, encoding: Encoding, state: XNMTState, token: Int[Array, "batch"], kept: Kept
    ) -> tuple[Output, XNMTState]:
        word = self.embedding(token)
        word = word * jax.lax.rsqrt(jnp.maximum(jnp.square(word).sum(axis=-1, keepdims=True), 1e-12))
        word = word * jnp.take_along_axis(kept.words, token[:, None], axis=1)
        inputs = jnp.concatenate([word, state.context], axis=-1) * kept.inputs
        lstm = self.lstm.step(inputs, state.lstm, kept.outputs)
        energies = jnp.tanh(encoding.extra["keys"] + self.ask(lstm.output)[:, None])
        members = self._members(encoding)
        weights = masked_softmax(self.weigh(energies)[..., 0].astype(jnp.float32), members.any(axis=-1))
        context = jnp.einsum("bg,bgh->bh", weights, encoding.cells)
        thought = jnp.tanh(self.mix(jnp.concatenate([lstm.output, context], axis=-1)))
        shares = members * (weights / jnp.maximum(members.sum(axis=-1), 1))[..., None]
        attention = shares.reshape(len(token), -1)[:, : encoding.mask.shape[1]]
        return Output(self.out(thought).astype(jnp.float32), attention, thought, {}), XNMTState(lstm, context)

    def _members(self, encoding: Encoding) -> Array:
        """The cells that count, by group."""
        batch, groups, _ = encoding.cells.shape
        missing = groups * self.encoder.reduction - encoding.mask.shape[1]
        return jnp.pad(encoding.mask, ((0, 0), (0, missing))).reshape(batch, groups, -1)

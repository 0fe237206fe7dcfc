"""What all captioners are to their search, their training and their export, and the registry of their kinds.

`encode` is called once an image, `begin` once a description, then `step` for each token; `__call__` does all steps of a
known description at once. State is a tree of arrays with the batch first, so that a search reorders it without knowing
what it holds.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int

from avnet.captioners.config import CaptionerConfig
from avnet.captioners.encoding import CopyGate, Encoding, Output, Retrieval, masked_mean
from avnet.captioners.features import ImageFeatures
from avnet.nn.precision import compute_in
from avnet.nn.standard import Standard

# Kind -> module and class. A new captioner is one file, a preset of `CaptionerConfig` and a line here.
CAPTIONERS = {
    "recurrent": ("avnet.captioners.recurrent.recurrent", "RecurrentCaptioner"),
    "transformer": ("avnet.captioners.attention.transformer", "TransformerCaptioner"),
    "show-and-tell": ("avnet.captioners.recurrent.show_and_tell", "ShowAndTell"),
    "lrcn": ("avnet.captioners.recurrent.lrcn", "LRCN"),
    "show-attend-tell": ("avnet.captioners.recurrent.show_attend_tell", "ShowAttendTell"),
    "show-attend-tell-hard": ("avnet.captioners.recurrent.show_attend_tell_hard", "HardShowAttendTell"),
    "adaptive": ("avnet.captioners.recurrent.adaptive", "AdaptiveAttention"),
    "up-down": ("avnet.captioners.recurrent.up_down", "UpDown"),
    "look-back": ("avnet.captioners.recurrent.look_back", "LookBack"),
    "m2": ("avnet.captioners.attention.meshed_memory", "MeshedMemory"),
    "aoa": ("avnet.captioners.attention.attention_on_attention", "AttentionOnAttention"),
    "x-lan": ("avnet.captioners.attention.x_lan", "XLAN"),
    "x-transformer": ("avnet.captioners.attention.x_transformer", "XTransformer"),
    "xnmt": ("avnet.captioners.recurrent.xnmt", "XNMT"),
}


class Captioner(nnx.Module):
    """A network that predicts the next token of a description.

    A network defines `begin`, one of `step` and `__call__` (each does what the other does), and mostly `look`. Pieces
    can be copied from what was retrieved in any: the copy gate mixes its logits with that.

    Attributes:
        config: its kind and sizes.
        standard: of the features of images; none where the network is given them as they are.
        embedding: of the tokens.
        reader: of retrieved descriptions; none where the network sees none.
        copy_gate: mixes what is generated with what is copied; none where nothing is.
        remat: whether what is large is computed a second time for the gradient.

    Example:
        >>> describer = avnet.load("runs/describer/model")
        >>> captioner = describer.parts.network
        >>> isinstance(captioner, avnet.Captioner), captioner.config.kind
        (True, 'recurrent')
    """

    config: CaptionerConfig
    embedding: nnx.Embed
    reader: Retrieval | None
    copy_gate: CopyGate | None
    standard: Standard | None = None
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
        features: ImageFeatures,
        descriptions: Int[Array, "batch descriptions length"],
        similarity: Float[Array, "batch descriptions"],
        rngs: nnx.Rngs | None = None,
    ) -> Encoding:
        """All that depends on no token, once an image.

        Args:
            features: of the images; places outside of their mask change nothing.
            descriptions: tokens of descriptions of similar images, padded; one of padding alone is none.
            similarity: of the image with each of those, cosine.
            rngs: of dropout, in training.
        """
        cells, mask, batch = jnp.asarray(features.cells), jnp.asarray(features.mask), len(features.cells)
        # Whatever a file holds in places that do not count, even what is not finite.
        cells = jnp.where(mask[..., None], cells if self.standard is None else self.standard(cells), 0.0)
        tokens = descriptions.reshape(batch, -1)
        context = jnp.zeros((batch, 0, self.config.width))
        if self.reader is None:
            tokens = tokens[:, :0]
        else:
            context = self.reader(descriptions, similarity)
        return self.look(Encoding(cells, mask, masked_mean(cells, mask), tokens, context, {}), rngs)

    def look(self, encoding: Encoding, rngs: nnx.Rngs | None) -> Encoding:
        """What the network makes of the cells of an image, such as keys for its attention.

        Args:
            encoding: whose cells are those of the backbone, and whose `whole` is their mean.
            rngs: of dropout, in training.
        """
        return encoding

    def begin(self, encoding: Encoding) -> Any:
        """The state before the first token: a tree of arrays of the network's own, batch first."""
        raise NotImplementedError

    def step(
        self, encoding: Encoding, state: Any, token: Int[Array, "batch"], rngs: nnx.Rngs | None = None
    ) -> tuple[Output, Any]:
        """Predicts what follows one token; it takes as long for the last as for the first.

        Args:
            encoding: the images.
            state: after the tokens before.
            token: the latest; the end symbol before the first.
            rngs: of dropout, in training.
        """
        output, state = self(encoding, state, token[:, None], rngs)
        return jax.tree.map(lambda leaf: leaf[:, 0], output), state

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
        keys = None if rngs is None else jax.random.split(rngs.dropout(), tokens.shape[1])

        def advance(state: Any, inputs: tuple[Array, Array | None]):
            token, key = inputs
            output, state = self.step(encoding, state, token, None if key is None else nnx.Rngs(dropout=key))
            return state, output

        if self.remat:
            advance = jax.checkpoint(advance)
        state, outputs = jax.lax.scan(advance, state, (tokens.T, keys))
        return jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), outputs), state

    def scan(self, advance: Callable[[Any, Any], tuple[Any, Any]], state: Any, inputs: Any) -> tuple[Any, Any]:
        """What has to be done step by step.

        Args:
            advance: the state before a step and its inputs to the state after it and its outputs.
            state: before the first step.
            inputs: of all steps, arrays [batch, steps, ...].

        Returns:
            The state after the last step, and the outputs of all, arrays [batch, steps, ...].
        """
        inputs = jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), inputs)
        state, outputs = jax.lax.scan(jax.checkpoint(advance) if self.remat else advance, state, inputs)
        return state, jax.tree.map(lambda leaf: leaf.swapaxes(0, 1), outputs)

    def log_probability(
        self, encoding: Encoding, output: Output, tokens: Int[Array, "batch steps"]
    ) -> Float[Array, "batch steps"]:
        """Of given tokens, generated or copied, by the output of all steps."""
        if self.copy_gate is None:
            return jnp.take_along_axis(nnx.log_softmax(output.logits), tokens[..., None], axis=-1)[..., 0]
        places, gate = self.copy_gate.places(output.thought, encoding)
        generation = jnp.take_along_axis(nnx.softmax(output.logits), tokens[..., None], axis=-1)[..., 0]
        copy = jnp.sum(places * (encoding.tokens[:, None] == tokens[..., None]), axis=-1)
        return jnp.log(gate * generation + (1 - gate) * copy + 1e-9)

    def log_probabilities(self, encoding: Encoding, output: Output) -> Float[Array, "batch symbols"]:
        """Of every symbol, generated or copied, by the output of one step."""
        if self.copy_gate is None:
            return nnx.log_softmax(output.logits)
        places, gate = self.copy_gate.places(output.thought[:, None], encoding)
        batch = jnp.arange(len(encoding.tokens))[:, None]
        generation = nnx.softmax(output.logits)
        copy = jnp.zeros_like(generation).at[batch, encoding.tokens].add(places[:, 0])
        return jnp.log(gate * generation + (1 - gate) * copy + 1e-9)


def build_captioner(config: CaptionerConfig, *, rngs: nnx.Rngs) -> Captioner:
    """The network that a configuration describes, with fresh weights."""
    module, name = CAPTIONERS[config.kind]
    network: Captioner = getattr(import_module(module), name)(config, rngs=rngs)
    if config.standardized:
        network.standard = Standard(config.image_features)
    return network

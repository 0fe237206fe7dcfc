"""Long short-term memories, over all steps at once or one after the other."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float


class LSTMState(NamedTuple):
    """Cell and output of one LSTM."""

    cell: Float[Array, "batch hidden"]
    output: Float[Array, "batch hidden"]


KERNEL, RECURRENT = nnx.initializers.lecun_normal(), nnx.initializers.orthogonal()


class LSTM(nnx.Module):
    """A long short-term memory; the products of its inputs are made for all steps at once where these are known.

    Reference: Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        *,
        open_forget: bool = True,
        kernel_init: nnx.Initializer = KERNEL,
        recurrent_init: nnx.Initializer = RECURRENT,
        rngs: nnx.Rngs,
    ):
        """Fresh weights.

        Args:
            features: of the input.
            hidden: units.
            open_forget: whether 1 is added to what the forget gate is made of, so that it is open at first.
            kernel_init: of the weights of the input.
            recurrent_init: of the weights of the last output.
            rngs: of the weights.
        """
        self.hidden, self.open_forget = hidden, open_forget
        self.inputs = nnx.Linear(features, 4 * hidden, kernel_init=kernel_init, rngs=rngs)
        self.recurrent = nnx.Linear(hidden, 4 * hidden, use_bias=False, kernel_init=recurrent_init, rngs=rngs)

    def zeros(self, batch: int) -> LSTMState:
        """The state of one that has read nothing."""
        return LSTMState(jnp.zeros((batch, self.hidden)), jnp.zeros((batch, self.hidden)))

    def products(
        self, x: Float[Array, "*batch part"], first: int = 0, *, bias: bool = False
    ) -> Float[Array, "*batch gates"]:
        """What a part of the input adds to the gates; those of all parts together are what `advance` takes.

        A part that is known for all steps, or that is the same at each, is multiplied once in place of step by step.

        Args:
            x: some neighboring features of the input.
            first: number of the first of them.
            bias: whether to add the bias, once for all parts.
        """
        dtype = self.inputs.dtype or x.dtype
        kernel = self.inputs.kernel[...][first : first + x.shape[-1]]
        products = x.astype(dtype) @ kernel.astype(dtype)
        assert self.inputs.bias is not None
        return products + self.inputs.bias[...].astype(dtype) if bias else products

    def advance(self, products: Float[Array, "batch gates"], state: LSTMState) -> LSTMState:
        """The state after one more input, by its products with the weights of the gates."""
        return self._advance(products, self.recurrent.kernel[...].astype(products.dtype), state, None)

    def step(
        self, x: Float[Array, "batch features"], state: LSTMState, keep: Float[Array, "batch hidden"] | None = None
    ) -> LSTMState:
        """The state after one more input.

        Args:
            x: the input.
            state: after the inputs before.
            keep: factors of the last output where the gates see it, such as dropout that is the same at all steps.
        """
        products = self.inputs(x)
        return self._advance(products, self.recurrent.kernel[...].astype(products.dtype), state, keep)

    def __call__(
        self,
        x: Float[Array, "batch steps features"],
        state: LSTMState,
        *,
        mask: Bool[Array, "batch steps"] | None = None,
        keep: Float[Array, "batch hidden"] | None = None,
        reverse: bool = False,
    ) -> tuple[Float[Array, "batch steps hidden"], LSTMState]:
        """Outputs of all steps, and the state after the last.

        Args:
            x: the inputs.
            state: before them.
            mask: the steps that count; over the others the state stays as it is.
            keep: as in `step`.
            reverse: from the last step to the first.
        """
        products = self.inputs(x)
        kernel = self.recurrent.kernel[...].astype(products.dtype)

        def advance(state: LSTMState, inputs: tuple[Array, Array | None]):
            products, counts = inputs
            after = self._advance(products, kernel, state, keep)
            if counts is not None:
                after = LSTMState(*(jnp.where(counts[:, None], *pair) for pair in zip(after, state, strict=True)))
            return after, after.output

        inputs = (products.swapaxes(0, 1), None if mask is None else mask.T)
        state, outputs = jax.lax.scan(advance, state, inputs, reverse=reverse)
        return outputs.swapaxes(0, 1), state

    def _advance(self, products: Array, kernel: Array, state: LSTMState, keep: Array | None) -> LSTMState:
        output = state.output if keep is None else state.output * keep
        recurrent = output.astype(kernel.dtype) @ kernel
        # The state is a sum of many small steps, which bfloat16 would round away.
        update, forget, add, show = jnp.split((products + recurrent).astype(state.cell.dtype), 4, axis=-1)
        forget = forget + float(self.open_forget)
        cell = nnx.sigmoid(forget) * state.cell + nnx.sigmoid(update) * jnp.tanh(add)
        return LSTMState(cell, nnx.sigmoid(show) * jnp.tanh(cell))

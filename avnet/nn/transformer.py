"""The encoder of a transformer: attention between all tokens and a wide layer for each, normalized before either."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from avnet.nn.precision import compute_in

# Of GPUs, from which on cuDNN has flash attention; and of heads, up to which all of these have it.
LEAST_CAPABILITY, LARGEST_HEAD = (8, 0), 128


def attention_kernel(dtype: DTypeLike, head: int) -> Literal["cudnn", "xla"]:
    """The kernel for attention on this machine: flash attention where there is one.

    Flash attention never writes the weights of all pairs of tokens to memory.

    Args:
        dtype: of queries, keys and values.
        head: channels of a head.

    Reference: Dao et al., "FlashAttention: Fast and Memory-Efficient Exact Attention with IO-Awareness", 2022.
    """
    device = jax.devices()[0]
    # AMD's have another form of number ("gfx90a"), and no cuDNN.
    numbers = str(getattr(device, "compute_capability", "")).split(".")
    capable = len(numbers) == 2 and all(map(str.isdigit, numbers)) and tuple(map(int, numbers)) >= LEAST_CAPABILITY
    half = jnp.dtype(dtype) in (jnp.dtype(jnp.bfloat16), jnp.dtype(jnp.float16))
    fits = head <= LARGEST_HEAD and head % 8 == 0
    return "cudnn" if device.platform == "gpu" and capable and half and fits else "xla"


class Attention(nnx.Module):
    """Multi-head attention of all tokens to all."""

    def __init__(self, width: int, heads: int, *, rngs: nnx.Rngs):
        self.heads = heads
        self.qkv = nnx.Linear(width, 3 * width, rngs=rngs)
        self.out = nnx.Linear(width, width, rngs=rngs)

    def __call__(self, x: Float[Array, "batch tokens width"]) -> Float[Array, "batch tokens width"]:
        """What each token takes from all."""
        batch, tokens, width = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        query, key, value = parts[:, :, 0], parts[:, :, 1], parts[:, :, 2]
        kernel = attention_kernel(query.dtype, query.shape[-1])
        mixed = jax.nn.dot_product_attention(query, key, value, implementation=kernel)
        return self.out(mixed.reshape(batch, tokens, width))


class Block(nnx.Module):
    """Attention, then a wide layer, each added to what comes in.

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020, equations 2 and 3; Touvron et al., "Going
    deeper with Image Transformers", 2021, for the factors `scale1` and `scale2`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        *,
        epsilon: float,
        quick_gelu: bool = False,
        layer_scale: bool = False,
        rngs: nnx.Rngs,
    ):
        self.quick_gelu = quick_gelu
        self.norm1 = nnx.LayerNorm(width, epsilon=epsilon, rngs=rngs)
        self.attention = Attention(width, heads, rngs=rngs)
        self.scale1 = nnx.Param(jnp.ones(width)) if layer_scale else None
        self.norm2 = nnx.LayerNorm(width, epsilon=epsilon, rngs=rngs)
        self.wide = nnx.Linear(width, hidden, rngs=rngs)
        self.narrow = nnx.Linear(hidden, width, rngs=rngs)
        self.scale2 = nnx.Param(jnp.ones(width)) if layer_scale else None

    def __call__(self, x: Float[Array, "batch tokens width"]) -> Float[Array, "batch tokens width"]:
        """The tokens after both layers."""
        x = x + _scaled(self.attention(self.norm1(x)), self.scale1)
        hidden = self.wide(self.norm2(x))
        hidden = hidden * nnx.sigmoid(1.702 * hidden) if self.quick_gelu else nnx.gelu(hidden, approximate=False)
        return x + _scaled(self.narrow(hidden), self.scale2)


class Encoder(nnx.Module):
    """Blocks one after the other."""

    def __init__(
        self,
        depth: int,
        width: int,
        heads: int,
        hidden: int,
        *,
        epsilon: float,
        quick_gelu: bool = False,
        layer_scale: bool = False,
        rngs: nnx.Rngs,
    ):
        self.blocks = nnx.List(
            Block(width, heads, hidden, epsilon=epsilon, quick_gelu=quick_gelu, layer_scale=layer_scale, rngs=rngs)
            for _ in range(depth)
        )
        self.compute(None)

    def compute(self, dtype: DTypeLike | None, *, remat: bool = False) -> None:
        """Chooses how tokens are computed; parameters stay float32, as do norms and what layers are added to.

        Args:
            dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what the layers are given.
            remat: keep of each block only what goes in, and make the rest again for the gradient.
        """
        self.remat = remat
        compute_in(self, dtype)

    def __call__(self, x: Float[Array, "batch tokens width"]) -> list[Float[Array, "batch tokens width"]]:
        """The tokens after each block."""
        outputs = []
        for block in self.blocks:
            x = nnx.remat(Block.__call__)(block, x) if self.remat else block(x)
            outputs.append(x)
        return outputs


def _scaled(x: Array, scale: nnx.Param | None) -> Array:
    return x if scale is None else x * scale[...]

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from random_networks import randomize

from avnet.nn.transformer import Attention, Encoder, attention_kernel


def tokens(count=7, width=8):
    return jnp.asarray(np.random.default_rng(0).normal(size=(2, count, width)), jnp.float32)


def test_attention_is_that_of_its_heads_one_by_one():
    @nnx.jit
    def both(layer, x):
        query, key, value = jnp.split(layer.qkv(x), 3, axis=-1)
        heads = []
        for part in (slice(0, 4), slice(4, 8)):
            weights = jax.nn.softmax(query[..., part] @ key[..., part].swapaxes(1, 2) / 2, axis=-1)
            heads.append(weights @ value[..., part])
        return layer(x), layer.out(jnp.concatenate(heads, axis=-1))

    layer = randomize(nnx.eval_shape(lambda: Attention(8, 2, rngs=nnx.Rngs(0))))
    np.testing.assert_allclose(*both(layer, tokens()), atol=1e-5)


@pytest.mark.parametrize(
    ("platform", "capability", "dtype", "head", "kernel"),
    [
        ("gpu", "9.0", jnp.bfloat16, 64, "cudnn"),
        ("gpu", "8.0", jnp.float16, 80, "cudnn"),
        ("gpu", "12.0", jnp.float32, 64, "xla"),
        ("gpu", "9.0", jnp.bfloat16, 60, "xla"),
        ("gpu", "7.5", jnp.bfloat16, 64, "xla"),
        ("gpu", "gfx90a", jnp.bfloat16, 64, "xla"),
        ("cpu", None, jnp.bfloat16, 64, "xla"),
    ],
)
def test_flash_attention_is_taken_where_there_is_one(monkeypatch, platform, capability, dtype, head, kernel):
    device = SimpleNamespace(platform=platform, compute_capability=capability)
    monkeypatch.setattr(jax, "devices", lambda: [device])
    assert attention_kernel(dtype, head) == kernel


def test_half_precision_and_remat_compute_the_same():
    network = randomize(nnx.eval_shape(lambda: Encoder(1, 8, 2, 16, epsilon=1e-6, layer_scale=True, rngs=nnx.Rngs(0))))
    gradient = nnx.jit(nnx.value_and_grad(lambda network, x: jnp.square(network(x)[-1]).mean()))
    plain = gradient(network, tokens())
    assert all(jnp.abs(leaf).max() > 0 for leaf in jax.tree.leaves(plain[1]))
    network.compute(None, remat=True)
    again = gradient(network, tokens())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), plain, again)
    network.compute(jnp.bfloat16)
    half = nnx.jit(lambda network, x: network(x)[-1])(network, tokens())
    assert half.dtype == jnp.float32
    assert abs(jnp.square(half).mean() - plain[0]) < 0.05 * plain[0]

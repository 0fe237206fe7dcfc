"""What holds of every network that can choose how it computes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.typing import DTypeLike


def assert_precisions_agree(
    loss: Callable[[Any, DTypeLike | None, bool], jax.Array], params: Any, half: float, *, rounded: bool = False
) -> None:
    """Features computed twice have the loss and the gradient of those computed once; in bfloat16 nearly that loss.

    Args:
        loss: of parameters, precision, and whether features are computed twice.
        params: of the network.
        half: how far the loss in bfloat16 may be from that in float32, relative.
        rounded: whether the compiler must round wherever it is told to. Else it may leave out all of it, where what is
            rounded is widened again at once, and the loss is that in float32.
    """
    # Compiled whole: one operation after the other takes ten times as long.
    of_params = jax.jit(jax.value_and_grad(loss), static_argnums=(1, 2))
    exact, gradient = of_params(params, None, False)
    again, same = of_params(params, jnp.float32, True)
    assert float(again) == pytest.approx(float(exact), rel=1e-5)
    # Compiled, norms are rounded otherwise; some gradients are nothing but that.
    largest = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient))
    for one, other in zip(jax.tree.leaves(gradient), jax.tree.leaves(same), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=2e-3 * largest)
    options = {"xla_allow_excess_precision": False} if rounded else None
    value = float(jax.jit(loss, static_argnums=(1, 2), compiler_options=options)(params, jnp.bfloat16, False))
    assert value != float(exact) and value == pytest.approx(float(exact), rel=half)

"""The machine's own limit, as JAX reaches it: a product of two large matrices."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from eval.speed import protocol
from eval.speed.workers import on_jax


@dataclass(frozen=True)
class Options:
    """What is multiplied.

    Attributes:
        side: of the matrices.
        repeats: products in a repetition.
        compute: of the numbers: float32 or bfloat16.
    """

    side: int
    repeats: int
    compute: str


def main() -> None:
    """Answers the request "product"; the amount is the number of products."""
    with protocol.line_of_process() as line:
        options = protocol.options_of_process(Options)
        line.device_peak = on_jax.device_peak
        keys = jax.random.split(jax.random.key(0))
        x, y = (jax.random.normal(key, (options.side, options.side), jnp.dtype(options.compute)) for key in keys)
        product = jax.jit(jnp.matmul)

        def work() -> None:
            products = [product(x, y) for _ in range(options.repeats)]
            jax.block_until_ready(products)

        work()
        ways = {"product": protocol.way_of(work, options.repeats)}
        protocol.serve(line, ways, {**on_jax.facts(), "compute": options.compute})


if __name__ == "__main__":
    main()

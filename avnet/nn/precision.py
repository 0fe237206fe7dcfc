"""The precision in which layers compute."""

from flax import nnx
from jax.typing import DTypeLike


def compute_in(module: nnx.Module, dtype: DTypeLike | None) -> None:
    """Lets all linear and convolutional layers of a module compute in one precision; their parameters keep theirs.

    What lies between them, such as norms and softmax, stays in the precision that it is given or promoted to.

    Args:
        module: it is changed.
        dtype: bfloat16 is what GPUs and TPUs are fast at; None is that of what a layer is given.
    """
    for _, layer in nnx.iter_modules(module):
        if isinstance(layer, nnx.Linear | nnx.Conv):
            layer.dtype = dtype

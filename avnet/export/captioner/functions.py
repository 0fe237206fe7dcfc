"""A captioner's two functions as artefacts of `jax.export`, whatever its encoding and state are made of.

Both are flat: arrays in, arrays out. What `encode` gives are the arrays of the encoding and those of the first state;
`step` takes them all with a token, and gives log-probabilities, attention and the arrays of the next state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from flax import nnx
from jax import export

from avnet.captioners.captioner import Captioner
from avnet.captioners.features import ImageFeatures
from avnet.export.stablehlo import PLATFORMS, no_tracebacks

ENCODE, STEP = "encode", "step"


@dataclass(frozen=True)
class Array:
    """An array that goes in or comes out.

    Attributes:
        name: its place in the encoding or the state, or what it is.
        dtype: as NumPy has it.
        shape: the first axis is 'batch', any number from 1; so is 'places', of an image.
    """

    name: str
    dtype: str
    shape: tuple[str | int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Functions:
    """What is exported of a captioner.

    Attributes:
        files: the artefacts by name.
        encoding: arrays of the encoding, in order.
        state: arrays of the state, in order.
    """

    files: dict[str, bytes]
    encoding: tuple[Array, ...]
    state: tuple[Array, ...]


def functions_of(network: Captioner) -> Functions:
    """The two functions of a captioner, for the CPU, NVIDIA GPUs and TPUs.

    Args:
        network: becomes one in evaluation mode.
    """
    network.eval()
    config = network.config
    graph, weights = nnx.split(network)
    batch, places = export.symbolic_shape("batch, places")
    retrieved, length = config.retrieved, config.retrieved_length

    def array(dtype: str, *shape) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct((batch, *shape), jnp.dtype(dtype))

    def encode_one(cells, mask, boxes, descriptions, similarity):
        captioner = nnx.merge(graph, weights)
        encoding = captioner.encode(ImageFeatures(cells, mask, boxes), descriptions, similarity)
        return encoding, captioner.begin(encoding)

    def step_one(encoding, state, token):
        captioner = nnx.merge(graph, weights)
        output, state = captioner.step(encoding, state, token)
        return captioner.log_probabilities(encoding, output), output.attention, state

    inputs = (
        array("float32", places, config.image_features),
        array("bool", places),
        array("float32", places, 4),
        array("int32", retrieved, length),
        array("float32", retrieved),
    )
    encode = _over_batch(encode_one)
    with no_tracebacks():
        shapes = jax.eval_shape(encode, *inputs)
        leaves, tree = jax.tree.flatten(shapes)
        names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in _paths(shapes)]
        arrays = tuple(
            Array(name, str(leaf.dtype), tuple(size if isinstance(size, int) else str(size) for size in leaf.shape))
            for name, leaf in zip(names, leaves, strict=True)
        )
        encoded = len(jax.tree.leaves(shapes[0]))

        def step(*flat):
            encoding, state = jax.tree.unflatten(tree, flat[:-1])
            log_p, attention, state = _over_batch(step_one)(encoding, state, flat[-1])
            return log_p, attention, *jax.tree.leaves(state)

        files = {
            ENCODE: _artefact(lambda *arrays: jax.tree.leaves(encode(*arrays)), inputs),
            STEP: _artefact(step, (*leaves, array("int32"))),
        }
    return Functions(
        files,
        tuple(Array(f"encoding{one.name[1:]}", one.dtype, one.shape) for one in arrays[:encoded]),
        tuple(Array(f"state{one.name[1:]}", one.dtype, one.shape) for one in arrays[encoded:]),
    )


def _over_batch(function: Callable) -> Callable:
    """A function of batches of one, mapped: so the batch is open, though networks ask for its number."""

    def of_one(*inputs):
        outputs = function(*jax.tree.map(lambda leaf: leaf[None], inputs))
        return jax.tree.map(lambda leaf: leaf[0], outputs)

    return jax.vmap(of_one)


def _paths(tree) -> list:
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def _artefact(function: Callable, inputs: Sequence[jax.ShapeDtypeStruct]) -> bytes:
    return bytes(export.export(jax.jit(function), platforms=PLATFORMS)(*inputs).serialize())

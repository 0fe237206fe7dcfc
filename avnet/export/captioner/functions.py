"""A captioner as two functions of flat arrays, whatever its encoding and state are made of.

What `encode` gives are the arrays of the encoding and those of the first state; `step` takes them all with a token, and
gives log-probabilities, attention and the arrays of the next state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from avnet.captioners.captioner import Captioner
from avnet.captioners.config import CaptionerConfig
from avnet.captioners.features import ImageFeatures

ENCODE, STEP = "encode", "step"


@dataclass(frozen=True)
class Array:
    """An array that goes in or comes out.

    Attributes:
        name: its place in the encoding or the state, or what it is.
        dtype: as NumPy has it.
        shape: 'batch' and 'places' are any number from 1; where they are fixed, numbers stand there.
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
        files: the functions by name.
        encoding: arrays of the encoding, in order.
        state: arrays of the state, in order.
        places: of an image, where they are of one image with so many; None where both are open.
    """

    files: dict[str, bytes]
    encoding: tuple[Array, ...]
    state: tuple[Array, ...]
    places: int | None = None


@dataclass(frozen=True)
class FlatFunctions:
    """The two functions, to be traced.

    Attributes:
        encode: arrays to a list of arrays.
        step: likewise.
        inputs: what `encode` takes.
        leaves: what it gives: the arrays of the encoding, and of the state.
        encoding: names of the first of these.
        state: names of the others.
    """

    encode: Callable[..., list[Any]]
    step: Callable[..., list[Any]]
    inputs: tuple[jax.ShapeDtypeStruct, ...]
    leaves: tuple[jax.ShapeDtypeStruct, ...]
    encoding: tuple[Array, ...]
    state: tuple[Array, ...]

    @property
    def token(self) -> jax.ShapeDtypeStruct:
        """What `step` takes behind the leaves."""
        return jax.ShapeDtypeStruct(self.inputs[0].shape[:1], jnp.dtype("int32"))


def inputs_of(config: CaptionerConfig, batch: str | int = "batch", places: str | int = "places") -> tuple[Array, ...]:
    """What `encode` takes of a captioner."""
    return (
        Array("cells", "float32", (batch, places, config.image_features)),
        Array("mask", "bool", (batch, places)),
        Array("boxes", "float32", (batch, places, 4)),
        Array("descriptions", "int32", (batch, config.retrieved, config.retrieved_length)),
        Array("similarity", "float32", (batch, config.retrieved)),
    )


def flat_functions(network: Captioner, batch: Any, places: Any, *, over_batch: bool = False) -> FlatFunctions:
    """The two functions of a captioner.

    Args:
        network: becomes one in evaluation mode.
        batch: number of images, maybe a symbol of `jax.export`.
        places: of each of them, likewise.
        over_batch: map over images, so that the batch can be a symbol though networks ask for its number.
    """
    network.eval()
    graph, weights = nnx.split(network)

    def encode_one(cells, mask, boxes, descriptions, similarity):
        captioner = nnx.merge(graph, weights)
        encoding = captioner.encode(ImageFeatures(cells, mask, boxes), descriptions, similarity)
        return encoding, captioner.begin(encoding)

    def step_one(encoding, state, token):
        captioner = nnx.merge(graph, weights)
        output, state = captioner.step(encoding, state, token)
        return captioner.log_probabilities(encoding, output), output.attention, state

    mapped = _over_batch if over_batch else lambda function: function
    encode = mapped(encode_one)
    sizes: dict[Any, Any] = {"batch": batch, "places": places}
    inputs = tuple(
        jax.ShapeDtypeStruct([sizes.get(size, size) for size in one.shape], jnp.dtype(one.dtype))
        for one in inputs_of(network.config)
    )
    shapes = jax.eval_shape(encode, *inputs)
    leaves, tree = jax.tree.flatten(shapes)
    encoding, state = (_arrays(kind, part) for kind, part in zip(("encoding", "state"), shapes, strict=True))

    def step(*flat):
        encoding, state = jax.tree.unflatten(tree, flat[:-1])
        log_p, attention, state = mapped(step_one)(encoding, state, flat[-1])
        return [log_p, attention, *jax.tree.leaves(state)]

    return FlatFunctions(lambda *arrays: jax.tree.leaves(encode(*arrays)), step, inputs, tuple(leaves), encoding, state)


def _over_batch(function: Callable) -> Callable:
    """A function of batches of one, mapped."""

    def of_one(*inputs):
        outputs = function(*jax.tree.map(lambda leaf: leaf[None], inputs))
        return jax.tree.map(lambda leaf: leaf[0], outputs)

    return jax.vmap(of_one)


def _arrays(kind: str, tree: Any) -> tuple[Array, ...]:
    """The leaves of a part, named by where they lie in it."""
    arrays = []
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        place = jax.tree_util.keystr(path, simple=True, separator="/")
        shape = tuple(size if isinstance(size, int) else str(size) for size in leaf.shape)
        arrays.append(Array(f"{kind}/{place}" if place else kind, str(leaf.dtype), shape))
    return tuple(arrays)

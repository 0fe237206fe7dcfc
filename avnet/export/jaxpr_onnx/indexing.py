"""Elements by their numbers, read and written, as operators of ONNX.

Of a number that lies outside JAX reads NaN, and there it writes nothing; runtimes of ONNX refuse it.
"""

from jax.extend.core import JaxprEqn
from onnx import TensorProto  # pyright: ignore[reportMissingImports]: an extra

from avnet.export.jaxpr_onnx.translation import Operator, Translation, Value, refused, shape


def _gather(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """What lies at places of one axis, as `jnp.take` has it."""
    numbers, operand, indices = equation.params["dimension_numbers"], *map(shape, equation.invars)
    if len(numbers.start_index_map) != 1 or numbers.operand_batching_dims or indices[-1] != 1:
        raise refused("gather", "it reads along more than one axis")
    (axis,) = numbers.start_index_map
    window = tuple(1 if one == axis else length for one, length in enumerate(operand))
    if numbers.collapsed_slice_dims != (axis,) or equation.params["slice_sizes"] != window:
        raise refused("gather", "it reads a part of another axis")
    places = translation.reshape(inputs[1], indices[:-1])
    read = translation.add("Gather", inputs[0], places, axis=axis)
    # ONNX puts the axes of the numbers where the axis was, JAX those of what is read where `offset_dims` says.
    rank, count = len(shape(equation.outvars[0])), len(indices) - 1
    kept = [one if one < axis else one + count - 1 for one in range(len(operand)) if one != axis]
    free = iter(range(axis, axis + count))
    order = [kept[numbers.offset_dims.index(one)] if one in numbers.offset_dims else next(free) for one in range(rank)]
    return [translation.transpose(read, order)]


def _scatter(reduction: str) -> Operator:
    """Writes at places of the first axes all that lies behind them, as `.at[...].set` and `.at[...].add` do."""

    def write(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
        numbers, (operand, indices, updates) = equation.params["dimension_numbers"], map(shape, equation.invars)
        first = tuple(range(indices[-1]))
        window = tuple(range(len(indices) - 1, len(updates)))
        if (
            numbers.scatter_dims_to_operand_dims != first
            or numbers.inserted_window_dims != first
            or numbers.update_window_dims != window
            or numbers.operand_batching_dims
            or updates[len(indices) - 1 :] != operand[len(first) :]
        ):
            raise refused(equation.primitive.name, "it writes elsewhere than at places of the first axes")
        places = translation.add("Cast", inputs[1], to=TensorProto.INT64)
        return [translation.add("ScatterND", inputs[0], places, inputs[2], reduction=reduction)]

    return write


INDEXING: dict[str, Operator] = {"gather": _gather, "scatter": _scatter("none"), "scatter-add": _scatter("add")}

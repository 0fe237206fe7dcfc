"""Operations of each element by itself, as operators of ONNX."""

import numpy as np
from jax.extend.core import JaxprEqn
from onnx import helper  # pyright: ignore[reportMissingImports]: an extra

from avnet.export.jaxpr_onnx.translation import Operator, Translation, Value, dtype, refused, shape


def _named(operator: str, booleans: bool = False) -> Operator:
    """The operator of ONNX that does the same; `booleans` are what it is of, and nothing else."""

    def write(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
        if booleans != (dtype(equation.invars[0]) == "bool"):
            raise refused(equation.primitive.name, f"it is of {dtype(equation.invars[0])}")
        return [translation.add(operator, *map(_smallest, inputs))]

    return write


def _smallest(value: Value) -> Value:
    """A known array of equal elements as one of them: graphs repeat it, and files stay small."""
    if isinstance(value, np.ndarray) and value.size and (value == value.flat[0]).all():
        return value.reshape(-1)[:1].reshape([1] * value.ndim)
    return value


def _rsqrt(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.add("Reciprocal", translation.add("Sqrt", inputs[0]))]


def _square(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.add("Mul", inputs[0], inputs[0])]


def _expm1(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """tanh(x / 2) (exp(x) + 1), which loses no digits near 0."""
    half = translation.add("Tanh", translation.add("Mul", inputs[0], np.full((), 0.5, np.float32)))
    return [translation.add("Mul", half, translation.add("Add", translation.add("Exp", inputs[0]), _ONE))]


def _log1p(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """log(1 + x): near 0 it is exact to the last digit of 1."""
    return [translation.add("Log", translation.add("Add", inputs[0], _ONE))]


_ONE = np.ones((), np.float32)


def _integer_pow(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.add("Pow", inputs[0], np.asarray(equation.params["y"], dtype(equation.invars[0])))]


def _convert(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    to = dtype(equation.outvars[0])
    if to == dtype(equation.invars[0]):
        return [inputs[0]]
    return [translation.add("Cast", inputs[0], to=helper.np_dtype_to_tensor_dtype(np.dtype(to)))]


def _select(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """Where a condition does not hold the first, where it holds the second."""
    if len(inputs) != 3 or dtype(equation.invars[0]) != "bool":
        raise refused("select_n", "it chooses among more than two")
    condition, otherwise, then = inputs
    if dtype(equation.invars[1]) != "bool":
        # The condition alone may have no axes: then the others have to keep theirs.
        if shape(equation.invars[0]) == shape(equation.outvars[0]):
            then, otherwise = _smallest(then), _smallest(otherwise)
        return [translation.add("Where", condition, then, otherwise)]
    # Runtimes do not choose among booleans.
    no = translation.add("Not", condition)
    both = translation.add("And", condition, then), translation.add("And", no, otherwise)
    return [translation.add("Or", *both)]


def _same(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return inputs


def _unequal(translation: Translation, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    return [translation.add("Not", translation.add("Equal", *inputs))]


ELEMENTWISE: dict[str, Operator] = {
    "abs": _named("Abs"),
    "add": _named("Add"),
    "and": _named("And", booleans=True),
    "convert_element_type": _convert,
    "cos": _named("Cos"),
    "div": _named("Div"),
    "eq": _named("Equal"),
    "exp": _named("Exp"),
    "expm1": _expm1,
    "ge": _named("GreaterOrEqual"),
    "gt": _named("Greater"),
    "integer_pow": _integer_pow,
    "le": _named("LessOrEqual"),
    "log": _named("Log"),
    "log1p": _log1p,
    "logistic": _named("Sigmoid"),
    "lt": _named("Less"),
    "max": _named("Max"),
    "min": _named("Min"),
    "mul": _named("Mul"),
    "ne": _unequal,
    "neg": _named("Neg"),
    "not": _named("Not", booleans=True),
    "or": _named("Or", booleans=True),
    "pow": _named("Pow"),
    "rsqrt": _rsqrt,
    "select_n": _select,
    "sin": _named("Sin"),
    "sqrt": _named("Sqrt"),
    "square": _square,
    "stop_gradient": _same,
    "sub": _named("Sub"),
    "tanh": _named("Tanh"),
}

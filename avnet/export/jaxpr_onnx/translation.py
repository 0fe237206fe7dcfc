"""A jaxpr in translation to an ONNX graph.

All shapes are known. What depends on no input is computed here and is an initializer of the graph, weights among it;
calls are inlined, and a scan is written out step by step.

Reference: the documentation of JAX, "JAX internals: the jaxpr language"; the ONNX operator schemas, opset 18.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from avnet.errors import ConfigError
from avnet.export.onnx_format.graph import Graph, value_info

# An array that depends on no input, or the name of a value of the graph.
Value = np.ndarray | str
# The translation so far, an operation and its inputs to its outputs.
Operator = Callable[["Translation", JaxprEqn, list[Value]], list[Value]]

# Operations that call a jaxpr, and the parameter that holds it.
CALLS = {"jit": "jaxpr", "custom_jvp_call": "call_jaxpr"}


class Translation:
    """The graph of a jaxpr, as far as it is translated.

    Attributes:
        graph: to which operators add.
    """

    def __init__(self, operators: Mapping[str, Operator]):
        self.graph, self._operators = Graph(), operators
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def name(self, value: Value) -> str:
        """The name of a value in the graph; a known one becomes an initializer, equal ones a single one."""
        if isinstance(value, str):
            return value
        array = np.ascontiguousarray(value)
        key = (str(array.dtype), np.shape(value), hashlib.sha256(array.tobytes()).digest())
        if key not in self._constants:
            self._constants[key] = self.graph.constant(value, str(array.dtype))
        return self._constants[key]

    def add(self, operator: str, *inputs: Value, **attributes: Any) -> str:
        """Adds an operator of ONNX of one output; returns the name of that."""
        return self.graph.add(operator, *map(self.name, inputs), **attributes)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        """The same numbers in another shape."""
        if isinstance(value, np.ndarray):
            return value.reshape(shape)
        return self.add("Reshape", value, whole(shape))

    def transpose(self, value: Value, order: Sequence[int]) -> Value:
        """The axes in another order."""
        if isinstance(value, np.ndarray):
            return value.transpose(order)
        return value if list(order) == sorted(order) else self.add("Transpose", value, perm=list(order))

    def run(self, jaxpr: ClosedJaxpr, inputs: Sequence[Value]) -> list[Value]:
        """Adds all operations of a jaxpr.

        Raises:
            ConfigError: one is of a primitive that has no translation.
        """
        return self._run(jaxpr.jaxpr, list(map(np.asarray, jaxpr.consts)), inputs)

    def _run(self, jaxpr: Jaxpr, constants: Sequence[Value], inputs: Sequence[Value]) -> list[Value]:
        values: dict[Var, Value] = {}

        def read(atom: Any) -> Value:
            if isinstance(atom, Literal):
                return np.asarray(atom.val, atom.aval.dtype)  # pyright: ignore[reportAttributeAccessIssue]
            return values[atom]

        def write(variables: Sequence[Var], results: Sequence[Value]) -> None:
            for variable, result in zip(variables, results, strict=True):
                # Nothing depends on what is in an array of no elements.
                values[variable] = np.zeros(shape(variable), dtype(variable)) if 0 in shape(variable) else result

        write(jaxpr.constvars, constants)
        write(jaxpr.invars, inputs)
        for equation in jaxpr.eqns:
            write(equation.outvars, self._step(equation, list(map(read, equation.invars))))
        return list(map(read, jaxpr.outvars))

    def _step(self, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
        name = equation.primitive.name
        if name in CALLS:
            return self.run(equation.params[CALLS[name]], inputs)
        if name == "scan":
            return self._scan(equation, inputs)
        if all(isinstance(value, np.ndarray) for value in inputs) or all(0 in shape(one) for one in equation.outvars):
            return _compute(equation, inputs)
        if name not in self._operators:
            raise refused(name, "there is no translation of it")
        return self._operators[name](self, equation, inputs)

    def _scan(self, equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
        """Each step after the one before; the inputs are constants, the state, and arrays with the steps first."""
        params, steps = equation.params, equation.params["length"]
        first, last = params["num_consts"], params["num_consts"] + params["num_carry"]
        constants, state, arrays = inputs[:first], inputs[first:last], inputs[last:]
        outputs: dict[int, list[Value]] = {}
        for step in reversed(range(steps)) if params["reverse"] else range(steps):
            results = self.run(params["jaxpr"], [*constants, *state, *(self._at(array, step) for array in arrays)])
            state, outputs[step] = results[: len(state)], results[len(state) :]
        stacked = [
            self.stack([outputs[step][i] for step in range(steps)], variable)
            for i, variable in enumerate(equation.outvars[len(state) :])
        ]
        return [*state, *stacked]

    def _at(self, array: Value, step: int) -> Value:
        if isinstance(array, np.ndarray):
            return np.asarray(array[step])
        return self.add("Gather", array, np.array(step, np.int64), axis=0)

    def stack(self, values: Sequence[Value], variable: Var, axis: int = 0) -> Value:
        """Arrays of a shape along a new axis, as the variable has them."""
        known = [value for value in values if isinstance(value, np.ndarray)]
        if len(known) == len(values):
            return np.stack(known, axis) if known else np.zeros(shape(variable), dtype(variable))
        size = [*shape(variable)]
        size[axis] = 1
        return self.add("Concat", *(self.reshape(value, size) for value in values), axis=axis)


def translate(
    jaxpr: ClosedJaxpr, name: str, inputs: Sequence[str], outputs: Sequence[str], operators: Mapping[str, Operator]
) -> bytes:
    """The file of the ONNX graph of a function.

    Args:
        jaxpr: of it, from `jax.make_jaxpr`.
        name: of the graph, for people who look at it.
        inputs: a name for each array that goes in.
        outputs: a name for each that comes out; none of them is among the inputs.
        operators: the translation of each primitive, by its name.

    Raises:
        ConfigError: there is no translation of a primitive, or not of the way in which it is used.
    """
    translation = Translation(operators)
    results = translation.run(jaxpr, inputs)
    variables = jaxpr.jaxpr.invars
    given = [value_info(one, dtype(var), shape(var)) for one, var in zip(inputs, variables, strict=True)]
    got = [value_info(one, str(aval.dtype), aval.shape) for one, aval in zip(outputs, jaxpr.out_avals, strict=True)]
    return translation.graph.close(name, given, [*zip(map(translation.name, results), got, strict=True)])


def refused(primitive: str, reason: str) -> ConfigError:
    """Says why a function cannot be an ONNX graph."""
    return ConfigError("--format onnx", f"cannot hold JAX's {primitive!r}: {reason}")


def shape(variable: Any) -> tuple[int, ...]:
    """Of a variable of a jaxpr."""
    return variable.aval.shape


def dtype(variable: Any) -> str:
    """Of a variable of a jaxpr, as NumPy names it."""
    return str(variable.aval.dtype)


def whole(numbers: Iterable[Any]) -> np.ndarray:
    """Sizes, axes and places, as ONNX takes them."""
    return np.array([int(number) for number in numbers], np.int64)


def _compute(equation: JaxprEqn, inputs: list[Value]) -> list[Value]:
    """What an operation gives of known arrays; of arrays without elements only the shape is asked."""
    if all(0 in shape(one) for one in equation.outvars):
        return [np.zeros(shape(one), dtype(one)) for one in equation.outvars]
    results = equation.primitive.bind(*inputs, **equation.params)
    return [np.asarray(one) for one in (results if equation.primitive.multiple_results else [results])]

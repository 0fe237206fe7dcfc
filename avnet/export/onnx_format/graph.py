"""An ONNX graph in the making.

Reference: the ONNX operator schemas, opset 18.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx  # pyright: ignore[reportMissingImports]: an extra
from onnx import TensorProto, helper, numpy_helper  # pyright: ignore[reportMissingImports]

from avnet.export.signature import Signature, Tensor

OPSET = 18
# The format of files that came with that opset: older runtimes refuse files of a newer one.
IR_VERSION = 8
_TYPES = {
    "uint8": TensorProto.UINT8,
    "float32": TensorProto.FLOAT,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
}


class Graph:
    """Operators and constants in order; values go by name, and a graph's inputs by their tensor's."""

    def __init__(self):
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, dtype: str = "float32") -> str:
        """The name of an array that is part of the graph."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds an operator of one output; returns the name of that."""
        name = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def to_bytes(self, name: str, signature: Signature, value: str) -> bytes:
        """The file of the graph.

        Args:
            name: for people who look at it.
            signature: names and shapes of what goes in and comes out.
            value: the name of what comes out.
        """
        inputs = [_value_info(tensor) for tensor in signature.inputs]
        return self.close(name, inputs, [(value, _value_info(signature.output))])

    def close(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[tuple[str, onnx.ValueInfoProto]]
    ) -> bytes:
        """The file of a graph of any number of outputs; nothing can be added any more.

        Args:
            name: for people who look at it.
            inputs: what goes in.
            outputs: names of values in the graph, each with what it comes out as.
        """
        # Values in the graph have names of their own; the last ones take those of the signature.
        for value, output in outputs:
            self._nodes.append(helper.make_node("Identity", [value], [output.name]))
        graph = helper.make_graph(self._nodes, name, inputs, [output for _, output in outputs], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


def value_info(name: str, dtype: str, shape: Sequence[str | int], meaning: str = "") -> onnx.ValueInfoProto:
    """What a graph says of an array that goes in or comes out."""
    return helper.make_tensor_value_info(name, _TYPES[dtype], shape, meaning)


def _value_info(tensor: Tensor) -> onnx.ValueInfoProto:
    return value_info(tensor.name, tensor.dtype, tensor.dimensions, tensor.meaning)

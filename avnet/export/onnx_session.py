"""ONNX graphs that somebody wrote, opened to run on the CPU."""

from collections.abc import Callable

import numpy as np

from avnet.errors import ConfigError

# An array's type, and its shape as text.
ArrayShape = tuple[str, tuple[str, ...]]
_TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int32)": "int32", "tensor(bool)": "bool"}


def open_session(content: bytes) -> tuple[Callable[..., list[np.ndarray]], list[ArrayShape], list[ArrayShape]]:
    """The function of a graph, and the arrays that it takes and gives.

    Raises:
        ConfigError: onnxruntime is not installed.
        Exception: of many kinds, where it cannot read the graph.
    """
    try:
        import onnxruntime  # pyright: ignore[reportMissingImports]: an extra
    except ImportError:
        raise ConfigError("exported ONNX", "needs the extra: pip install 'avnet[onnx]'") from None

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [tensor.name for tensor in session.get_inputs()]
    inputs, outputs = (
        [(_TYPES.get(str(tensor.type), str(tensor.type)), tuple(map(str, tensor.shape))) for tensor in tensors]
        for tensors in (session.get_inputs(), session.get_outputs())
    )

    def run(*arrays: np.ndarray) -> list[np.ndarray]:
        return list(map(np.asarray, session.run(None, dict(zip(names, arrays, strict=True)))))

    return run, inputs, outputs

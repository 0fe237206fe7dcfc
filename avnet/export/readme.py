"""The page that lies beside an exported model: what each file is, and the lines that run it."""

from avnet.export.manifest import Manifest
from avnet.export.signature import Signature, Tensor

_INTRODUCTION = {
    "jax": """Each `.jax` file is StableHLO with the weights in it, for {platforms}. To run it takes `jax` and
`flatbuffers`, no code of avnet. JAX loads what an earlier JAX wrote within six months; this is of JAX {jax}.
Such a file is code: run only what comes from where you would take a program.""",
    "onnx": """Each `.onnx` file is an ONNX graph (opset {opset}) with the weights in it. To run it takes `onnxruntime`.
Its spectrogram is rounded otherwise than JAX's: embeddings of loud pure tones differ in the fourth digit.""",
}
LOADING = {
    "jax": """import jax
import numpy as np
from jax import export


def load(name):
    with open(f"{name}.jax", "rb") as file:
        return jax.jit(export.deserialize(bytearray(file.read())).call)
""",
    "onnx": """import numpy as np
import onnxruntime


def load(name):
    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return lambda *arrays: session.run(None, dict(zip(names, arrays)))[0]
""",
}


def readme(manifest: Manifest) -> str:
    """The page, Markdown; its lines of Python run in the folder."""
    introduction = _INTRODUCTION[manifest.kind].format(platforms=", ".join(manifest.platforms), **manifest.versions)
    tensors: dict[str, Tensor] = {}
    for signature in manifest.parts.values():
        tensors |= {tensor.name: tensor for tensor in (*signature.inputs, signature.output)}
    files = [f"* `{manifest.file(name)}`: {signature}" for name, signature in manifest.parts.items()]
    meanings = [f"* `{tensor.name}`: {tensor.meaning}" for tensor in tensors.values()]
    lines = [f'{name} = load("{name}")' for name in manifest.parts]
    lines += [_zeros(tensors["images"]), _zeros(tensors["waveforms"])]
    lines += [_call(name, signature) for name, signature in manifest.parts.items()]
    return "\n".join(
        [
            f"# {manifest.network}, exported\n",
            f"{introduction}\n",
            *files,
            "",
            *meanings,
            "\nThe batch is any number from 1. `artifact.json` says the same, and of which model this is.\n",
            "```python",
            f"{LOADING[manifest.kind]}",
            "",
            *lines,
            "```\n",
        ]
    )


def _call(name: str, signature: Signature) -> str:
    return f"{signature.output.name} = {name}({', '.join(tensor.name for tensor in signature.inputs)})"


def _zeros(tensor: Tensor) -> str:
    shape = ", ".join(map(str, (2, *tensor.shape)))
    return f"{tensor.name} = np.zeros(({shape}), np.{tensor.dtype})  # yours"

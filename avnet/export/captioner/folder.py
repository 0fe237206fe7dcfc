"""Writes the folder of an exported captioner: two functions, the table of its pieces, and how to run them."""

from dataclasses import asdict
from pathlib import Path

import jax
from flax import nnx
from safetensors.numpy import save as save_safetensors

import avnet
from avnet.captioners.captioner import Captioner
from avnet.captioners.guards import Guards
from avnet.errors import ModelFolderError
from avnet.export.captioner.functions import ENCODE, STEP, Array, Functions, functions_of
from avnet.export.folder import MAX_BYTES, check_replaceable
from avnet.files.artifact import new_artifact
from avnet.files.kinds import EXPORTED_CAPTIONER
from avnet.units.pieces import Pieces

# The describer's name among what an exported captioner requires.
DESCRIBER = "describer"
PIECES = "pieces.safetensors"


def write_captioner(
    path: str | Path, network: Captioner, pieces: Pieces, guards: Guards, fingerprint: str
) -> dict[str, str]:
    """Writes an exported captioner; it becomes visible only when it is whole.

    Args:
        path: the folder; an earlier exported captioner there is replaced.
        network: becomes one in evaluation mode.
        pieces: that it says.
        guards: of its search.
        fingerprint: of the describer.

    Returns:
        What each function takes and gives, by the name of its file.

    Raises:
        ModelFolderError: the folder holds something else or cannot be written; the weights are too large.
    """
    path = Path(path).resolve()
    check_replaceable(path, EXPORTED_CAPTIONER)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(nnx.state(network)))
    if size > MAX_BYTES:
        raise ModelFolderError(path, f"cannot be written: {size:,} bytes of weights are more than {MAX_BYTES:,}")
    functions = functions_of(network)
    with new_artifact(path, EXPORTED_CAPTIONER, _card(network, functions)) as draft:
        draft.config = {
            "captioner": network.config.to_dict(),
            "guards": asdict(guards),
            "encoding": [asdict(array) for array in functions.encoding],
            "state": [asdict(array) for array in functions.state],
            "versions": {"avnet": avnet.__version__, "jax": jax.__version__},
        }
        draft.requires = {DESCRIBER: fingerprint}
        (draft.folder / PIECES).write_bytes(save_safetensors(pieces.arrays))
        for name, content in functions.files.items():
            (draft.folder / file_of(name)).write_bytes(content)
    return _signatures(network, functions)


def file_of(name: str) -> str:
    """The file of a function."""
    return f"{name}.jax"


def _inputs(network: Captioner) -> tuple[Array, ...]:
    config = network.config
    return (
        Array("cells", "float32", ("batch", "places", config.image_features)),
        Array("mask", "bool", ("batch", "places")),
        Array("boxes", "float32", ("batch", "places", 4)),
        Array("descriptions", "int32", ("batch", config.retrieved, config.retrieved_length)),
        Array("similarity", "float32", ("batch", config.retrieved)),
    )


def _signatures(network: Captioner, functions: Functions) -> dict[str, str]:
    listed = [", ".join(map(str, arrays)) for arrays in (_inputs(network), functions.encoding, functions.state)]
    inputs, encoding, state = listed
    token = Array("token", "int32", ("batch",))
    log_p = Array("log_probabilities", "float32", ("batch", network.config.symbols))
    return {
        file_of(ENCODE): f"{inputs} -> {encoding}, {state}",
        file_of(STEP): f"{encoding}, {state}, {token} -> {log_p}, attention float32 [batch, places or 0], {state}",
    }


def _card(network: Captioner, functions: Functions) -> str:
    config, signatures = network.config, _signatures(network, functions)
    files = "\n".join(f"* `{name}`: {signature}" for name, signature in signatures.items())
    return f"""# A captioner of kind {config.kind}, exported

Each `.jax` file is StableHLO with the weights in it, for CPU, NVIDIA GPUs and TPUs. To run it takes `jax` and
`flatbuffers`, no code of avnet. JAX loads what an earlier JAX wrote within six months; this is of
JAX {jax.__version__}. Such a file is code: run only what comes from where you would take a program.

{files}

* `cells`, `mask`, `boxes`: features of the places of an image as the describer's backbone gives them, which places
  count, and where each lies: left, top, right and bottom as shares of the image.
* `descriptions`, `similarity`: pieces of descriptions of similar images, and the cosine of the image with each;
  {config.padding} (padding) everywhere and 0 where there is none.
* `token`: the latest piece, {config.end} (the end) before the first. Pieces are 0 to {config.pieces - 1}.
* `{PIECES}`: the units of each piece. `artifact.json` has names, shapes and the guards of the search.

The lines below describe one image greedily, without the guards; `avnet.load` of this folder heeds them.

```python
import jax
import numpy as np
from jax import export


def load(name):
    with open(f"{{name}}.jax", "rb") as file:
        return jax.jit(export.deserialize(bytearray(file.read())).call)


encode, step = load("encode"), load("step")
cells = np.zeros((1, 49, {config.image_features}), np.float32)  # yours
mask, boxes = np.ones((1, 49), bool), np.zeros((1, 49, 4), np.float32)
descriptions = np.full((1, {config.retrieved}, {config.retrieved_length}), {config.padding}, np.int32)
similarity = np.zeros((1, {config.retrieved}), np.float32)
arrays = encode(cells, mask, boxes, descriptions, similarity)
encoding, state = arrays[:{len(functions.encoding)}], arrays[{len(functions.encoding)}:]
pieces, token = [], {config.end}
while len(pieces) < {config.longest - 1}:
    log_probabilities, attention, *state = step(*encoding, *state, np.full(1, token, np.int32))
    token = int(log_probabilities[0, :{config.end + 1}].argmax())
    if token == {config.end}:
        break
    pieces.append(token)
```
"""

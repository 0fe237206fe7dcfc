"""The page that lies beside an exported captioner: what each file is, and the lines that run it."""

from avnet.captioners.config import CaptionerConfig
from avnet.describer.text_folder import WORDS
from avnet.export.captioner.functions import ENCODE, STEP, Array, Functions, inputs_of
from avnet.export.captioner.parts import REGIONS_OF_FILES, CaptionerParts
from avnet.export.manifest import FormatName
from avnet.export.readme import LOADING

_INTRODUCTION = {
    "jax": """Each `.jax` file is StableHLO with the weights in it, for CPU, NVIDIA GPUs and TPUs. To run it takes
`jax` and `flatbuffers`, no code of avnet. JAX loads what an earlier JAX wrote within six months; this is of JAX
{jax}. Such a file is code: run only what comes from where you would take a program.""",
    "onnx": """Each `.onnx` file is an ONNX graph (opset {opset}) with the weights in it. To run it takes `onnxruntime`.
The graphs are of one image and {places} places{why}: of an image with fewer set `mask` to false for the others,
which then change nothing; one with more does not go in.""",
}
_LOADING = {
    "jax": LOADING["jax"],
    "onnx": """import numpy as np
import onnxruntime


def load(name):
    session = onnxruntime.InferenceSession(f"{name}.onnx", providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return lambda *arrays: session.run(None, dict(zip(names, arrays)))
""",
}
# Why there are so many places in graphs of a fixed number, by the regions of the captioner.
_WHY = {
    "grid": ", the cells of the describer's backbone",
    "snake": ", the cells of the describer's backbone",
    "windows": ", all windows",
    "file": f", since no file says how many regions another will have; {REGIONS_OF_FILES} are usual",
}
# Places of the image in the lines, where any number goes in.
_PLACES = 49


def file_of(name: str, kind: FormatName) -> str:
    """The file of a function."""
    return f"{name}.{kind}"


def signatures_of(config: CaptionerConfig, functions: Functions, kind: FormatName) -> dict[str, str]:
    """What each function takes and gives, by the name of its file."""
    batch, places = ("batch", "places") if functions.places is None else (1, functions.places)
    given = inputs_of(config, batch, places)
    inputs, encoding, state = (", ".join(map(str, arrays)) for arrays in (given, functions.encoding, functions.state))
    token = Array("token", "int32", (batch,))
    log_p = Array("log_probabilities", "float32", (batch, config.symbols))
    attention = Array("attention", "float32", (batch, f"{places} or 0"))
    return {
        file_of(ENCODE, kind): f"{inputs} -> {encoding}, {state}",
        file_of(STEP, kind): f"{encoding}, {state}, {token} -> {log_p}, {attention}, {state}",
    }


def readme(parts: CaptionerParts, functions: Functions, kind: FormatName, versions: dict[str, str]) -> str:
    """The page, Markdown; its lines of Python run in the folder."""
    config, places = parts.network.config, functions.places or _PLACES
    introduction = _INTRODUCTION[kind].format(**versions, places=places, why=_WHY[config.regions])
    signatures = signatures_of(config, functions, kind)
    files = "\n".join(f"* `{name}`: {signature}" for name, signature in signatures.items())
    importing, reading, writing, says = "", "", "", "* `pieces.safetensors`: the units of each piece."
    if parts.words:
        importing = "import json\n\n"
        reading = f'with open("{WORDS}", encoding="utf-8") as file:\n    words = json.load(file)\n'
        writing = 'print(" ".join(words[piece] for piece in pieces))\n'
        says = f"* `{WORDS}`: the word of each piece; {list(parts.never)} stands for rare ones and is never written."
    forbidden = f"    scores[{list(parts.never)}] = -np.inf\n" if parts.never else ""
    return f"""# A captioner of kind {config.kind}, exported

{introduction}

{files}

* `cells`, `mask`, `boxes`: features of the places of an image as the describer's backbone gives them, which places
  count, and where each lies: left, top, right and bottom as shares of the image.
* `descriptions`, `similarity`: pieces of descriptions of similar images, and the cosine of the image with each;
  {config.padding} (padding) everywhere and 0 where there is none.
* `token`: the latest piece, {config.end} (the end) before the first. Pieces are 0 to {config.pieces - 1}.
{says} `artifact.json` has names, shapes and the guards of the search.

The lines below describe one image greedily, without the guards; `avnet.load` of this folder heeds them.

```python
{importing}{_LOADING[kind]}

encode, step = load("encode"), load("step")
{reading}cells = np.zeros((1, {places}, {config.image_features}), np.float32)  # yours
mask, boxes = np.ones((1, {places}), bool), np.zeros((1, {places}, 4), np.float32)
descriptions = np.full((1, {config.retrieved}, {config.retrieved_length}), {config.padding}, np.int32)
similarity = np.zeros((1, {config.retrieved}), np.float32)
arrays = encode(cells, mask, boxes, descriptions, similarity)
encoding, state = arrays[:{len(functions.encoding)}], arrays[{len(functions.encoding)}:]
pieces, token = [], {config.end}
while len(pieces) < {config.longest - 1}:
    log_probabilities, attention, *state = step(*encoding, *state, np.full(1, token, np.int32))
    scores = np.array(log_probabilities[0, :{config.end + 1}])
{forbidden}    token = int(scores.argmax())
    if token == {config.end}:
        break
    pieces.append(token)
{writing}```
"""

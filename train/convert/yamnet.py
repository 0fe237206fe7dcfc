"""`python -m train yamnet`: the public weights of YAMNet become an audio backbone."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.audio.network import abstract_audio
from avnet.backbones.audio.yamnet import YAMNet
from avnet.errors import DataError, ModelFolderError
from avnet.files.artifact import sha256_of
from avnet.files.weights import fill_network, shapes_of
from train.convert import keras_file, tflite_file
from train.convert.config import YamnetConfig

CARD = """# YAMNet

MobileNetV1 over log-mel patches of .96 s, one every .48 s: 1,024 features, and the scores of AudioSet's 521 classes.

* **Origin**: YAMNet by Manoj Plakal and Dan Ellis (Google), trained on AudioSet; Apache License 2.0.
* **Converted from**: `{name}`, SHA-256 `{sha256}`{note}.
* **Limits**: its scores are not calibrated over classes, and its labels are those of YouTube videos.
"""
NOTE = "; its 8-bit weights are multiplied out, and activations are not rounded as they are there"

# A convolution, in our layout, with what its normalisation adds.
Arrays = dict[str, np.ndarray]


def yamnet(config: YamnetConfig) -> str:
    """Runs the whole command.

    Returns:
        The fingerprint of the backbone.

    Raises:
        ConfigError: h5py is missing.
        DataError: the file is missing or damaged, or of another kind.
        ModelFolderError: the arrays are not those of the network, or the folder cannot be written.
    """
    file = config.weights
    backbone = read_yamnet(file)
    note = NOTE if backbone.config.relu6 else ""
    fingerprint = backbone.save(config.out, CARD.format(name=file.name, sha256=sha256_of(file), note=note))
    print(f"weights: {file}")
    print(f"audio backbone: {config.out} (yamnet, {backbone.config.classes} classes, {fingerprint[:12]})")
    return fingerprint


def read_yamnet(file: Path) -> AudioBackbone:
    """The network of a file of public weights.

    Raises:
        ConfigError: h5py is missing.
        DataError: the file is missing or damaged, or of another kind.
        ModelFolderError: the arrays are not those of the network.
    """
    begin = _begin(file)
    if begin.startswith(keras_file.MAGIC):
        config = AudioBackboneConfig.yamnet()
        arrays = _from_keras(file, config)
    elif begin[4:8] == tflite_file.MAGIC:
        arrays, relu6 = _from_tflite(file)
        config = AudioBackboneConfig.yamnet(relu6=relu6)
    else:
        page = begin.lstrip()[:1] == b"<"
        raise DataError(file, "is a web page, not weights" if page else "is neither a .tflite nor an .h5 file")
    return AudioBackbone(config, fill_network(file, abstract_audio(config), arrays))


def _begin(file: Path) -> bytes:
    if not file.is_file():
        raise DataError(file, "is missing or not a regular file")
    try:
        with file.open("rb") as stream:
            return stream.read(64)
    except OSError as error:
        raise DataError(file, f"cannot be read ({error.strerror})") from None


def _names() -> Iterator[str]:
    """Of the convolutions, in order."""
    yield "stem"
    for i in range(26):
        yield f"blocks.{i}"


def _network(classes: int) -> YAMNet:
    network = abstract_audio(AudioBackboneConfig.yamnet(classes))
    assert isinstance(network, YAMNet)
    return network


def _from_tflite(file: Path) -> tuple[Arrays, bool]:
    """Our arrays, and whether activations end at 6.

    Normalisation is multiplied into the weights there. So it has no effect here: a mean of zero, and the variance that
    epsilon makes one.
    """
    layers = tflite_file.read_layers(file)
    network = _network(AudioBackboneConfig.yamnet().classes)
    shapes = shapes_of(network)
    convolutions = [layer for layer in layers if layer.kind != "dense"]
    if len(convolutions) != 27:
        raise ModelFolderError(file, f"is not YAMNet: it has {len(convolutions)} convolutions, not 27")
    if layers[-1].kind != "dense":
        raise ModelFolderError(file, f"is not YAMNet: its last layer is a {layers[-1].kind} layer")
    arrays: Arrays = {}
    for name, ours, layer in zip(_names(), (network.stem, *network.blocks), convolutions, strict=True):
        # Theirs have the outputs first; of a single channel each there is but one input, and it stands there.
        axes = (1, 2, 0, 3) if ours.depthwise else (1, 2, 3, 0)
        kind, strides = "depthwise" if ours.depthwise else "convolution", (ours.stride, ours.stride)
        if (layer.kind, layer.strides) != (kind, strides):
            raise ModelFolderError(file, f"is not YAMNet: {name} is a {layer.kind} layer with strides {layer.strides}")
        arrays[f"{name}.kernel"] = _array(file, f"{name}.kernel", layer.weights, shapes, axes)
        arrays[f"{name}.norm.bias"] = _array(file, f"{name}.norm.bias", layer.bias, shapes, (0,))
        arrays[f"{name}.norm.mean"] = np.zeros(shapes[f"{name}.norm.mean"], np.float32)
        arrays[f"{name}.norm.var"] = np.full(shapes[f"{name}.norm.var"], 1 - ours.norm.epsilon, np.float32)
    arrays["classifier.kernel"] = _array(file, "classifier.kernel", layers[-1].weights, shapes, (1, 0))
    arrays["classifier.bias"] = _array(file, "classifier.bias", layers[-1].bias, shapes, (0,))
    activations = {layer.activation for layer in convolutions}
    if activations not in ({"relu"}, {"relu6"}):
        raise ModelFolderError(file, f"is not YAMNet: its activations are {', '.join(sorted(activations))}")
    return arrays, activations == {"relu6"}


def _array(
    file: Path,
    name: str,
    tensor: tflite_file.Tensor | None,
    shapes: dict[str, tuple[int, ...]],
    axes: tuple[int, ...],
) -> np.ndarray:
    shape = tensor.values.shape if tensor else ()
    expected = tuple(shapes[name][axes.index(axis)] for axis in range(len(axes)))
    # Compared before anything is allocated.
    if tensor is None or shape != expected:
        raise ModelFolderError(file, f"is not YAMNet: {name} has the shape {shape}, not {expected}")
    return np.ascontiguousarray(tensor.array().transpose(axes))


def _from_keras(file: Path, config: AudioBackboneConfig) -> Arrays:
    network, shapes = _network(config.classes), shapes_of(abstract_audio(config))
    names = {"classifier.kernel": "dense/kernel:0", "classifier.bias": "dense/bias:0"}
    for name, ours in zip(_names(), (network.stem, *network.blocks), strict=True):
        theirs = _keras_layer(name)
        names[f"{name}.kernel"] = f"{theirs}/{'depthwise_kernel' if ours.depthwise else 'kernel'}:0"
        for part, of_keras in {"bias": "beta", "mean": "moving_mean", "var": "moving_variance"}.items():
            names[f"{name}.norm.{part}"] = f"{theirs}/bn/{of_keras}:0"

    def swapped(name: str) -> bool:
        return "/depthwise_kernel" in names[name]

    # Keras has the multiplier of each channel last, which is one.
    theirs = {
        names[name]: (*shape[:2], shape[3], shape[2]) if swapped(name) else shape for name, shape in shapes.items()
    }
    arrays = keras_file.read_arrays(file, theirs)
    return {name: arrays[names[name]].swapaxes(2, 3) if swapped(name) else arrays[names[name]] for name in shapes}


def _keras_layer(name: str) -> str:
    """'layer1/conv' for the stem, then 'layer2/depthwise_conv', 'layer2/pointwise_conv' and so on."""
    if name == "stem":
        return "layer1/conv"
    number = int(name.removeprefix("blocks."))
    return f"layer{2 + number // 2}/{'pointwise' if number % 2 else 'depthwise'}_conv"

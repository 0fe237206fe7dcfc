"""Weights of torchaudio's `Tacotron2`, which are those of NVIDIA's, become ours.

A mapping of arrays; PyTorch is not needed.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import fill_network
from avnet.nn.abstract import abstract_network
from avnet.synthesizers.mel.acoustics import BANDS
from avnet.synthesizers.tacotron2.config import Tacotron2Config
from avnet.synthesizers.tacotron2.network import Tacotron2

StateDict = Mapping[str, np.ndarray]

# Layers of theirs, and of ours.
_LAYERS = {
    "embedding": "encoder.embedding",
    "decoder.attention_layer.query_layer": "decoder.attention.query",
    "decoder.attention_layer.memory_layer": "decoder.attention.memory",
    "decoder.attention_layer.v": "decoder.attention.energy",
    "decoder.attention_layer.location_layer.location_conv": "decoder.attention.location_conv",
    "decoder.attention_layer.location_layer.location_dense": "decoder.attention.location",
    "decoder.linear_projection": "decoder.frames",
    "decoder.gate_layer": "decoder.stop",
}
# LSTMs of theirs, what ends the names of their arrays, and LSTMs of ours.
_LSTMS = (
    ("encoder.lstm", "_l0", "encoder.forward"),
    ("encoder.lstm", "_l0_reverse", "encoder.backward"),
    ("decoder.attention_rnn", "", "decoder.asking"),
    ("decoder.decoder_rnn", "", "decoder.saying"),
)
_BLOCK = re.compile(r"(encoder|postnet)\.convolutions\.(\d+)\.([01])")
_NORM = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}


def config_of(state_dict: StateDict, source: str | Path = "state dict") -> Tacotron2Config:
    """What the arrays are the weights of: sizes by their shapes, with the dropout of the published network.

    Args:
        state_dict: arrays by name.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: they are of no Tacotron 2, or of one with other bands than 80.
    """

    def shape(name: str, axes: int) -> tuple[int, ...]:
        if name not in state_dict or state_dict[name].ndim != axes:
            raise ModelFolderError(source, f"is no Tacotron 2 of torchaudio: it lacks {name!r}, with {axes} axes")
        return state_dict[name].shape

    def count(part: str) -> int:
        return sum(re.fullmatch(rf"{part}\.convolutions\.\d+\.0\.weight", name) is not None for name in state_dict)

    tokens, width = shape("embedding.weight", 2)
    filters, _, location_kernel = shape("decoder.attention_layer.location_layer.location_conv.weight", 3)
    postnet, bands, postnet_kernel = shape("postnet.convolutions.0.0.weight", 3)
    frames = shape("decoder.linear_projection.weight", 2)[0]
    if bands != BANDS or frames % BANDS:
        raise ModelFolderError(source, f"says spectra of {bands} bands, and must of {BANDS}")
    try:
        return Tacotron2Config(
            tokens,
            frames_per_step=frames // BANDS,
            width=width,
            convolutions=count("encoder"),
            kernel=shape("encoder.convolutions.0.0.weight", 3)[2],
            prenet=shape("decoder.prenet.layers.0.weight", 2)[0],
            attention_hidden=shape("decoder.attention_rnn.weight_hh", 2)[1],
            decoder_hidden=shape("decoder.decoder_rnn.weight_hh", 2)[1],
            attention=shape("decoder.attention_layer.query_layer.weight", 2)[0],
            location_filters=filters,
            location_kernel=location_kernel,
            postnet=postnet,
            postnet_convolutions=count("postnet"),
            postnet_kernel=postnet_kernel,
        )
    except ConfigError as error:
        raise ModelFolderError(source, f"is no Tacotron 2, or damaged ({error})") from None


def from_state_dict(config: Tacotron2Config, state_dict: StateDict, source: str | Path = "state dict") -> Tacotron2:
    """A network with the weights of its PyTorch namesake, whose spectra are as they say them: not normalized.

    Args:
        config: as `config_of` reads it; rates of dropout may be others.
        state_dict: float32 arrays by name; `num_batches_tracked` is passed over.
        source: where they come from, for refusals.

    Raises:
        ModelFolderError: arrays are missing, too many, of another shape or type, or not finite.
    """
    abstract = abstract_network(lambda rngs: Tacotron2(config, rngs=rngs))
    return fill_network(source, abstract, our_arrays(state_dict))


def our_arrays(state_dict: StateDict) -> dict[str, np.ndarray]:
    """The arrays by our names, laid out as ours; those that are unknown keep their names.

    Of the two biases of an LSTM ours has the sum.

    Args:
        state_dict: arrays by name.
    """
    rest = {name: array for name, array in state_dict.items() if not name.endswith("num_batches_tracked")}
    arrays = {"scale.mean": np.zeros(BANDS, np.float32), "scale.deviation": np.ones(BANDS, np.float32)}
    for theirs, end, ours in _LSTMS:
        names = [f"{theirs}.{part}{end}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        if all(name in rest for name in names):
            inputs, recurrent, *biases = (rest.pop(name) for name in names)
            arrays[f"{ours}.inputs.kernel"], arrays[f"{ours}.recurrent.kernel"] = inputs.T, recurrent.T
            arrays[f"{ours}.inputs.bias"] = biases[0] + biases[1]
    for name, array in rest.items():
        arrays[_our_name(name)] = array if name == "embedding.weight" else array.T
    return arrays


def _our_name(theirs: str) -> str:
    layer, _, part = theirs.rpartition(".")
    if block := _BLOCK.fullmatch(layer):
        room, number, place = block.groups()
        inner = f"conv.{'kernel' if part == 'weight' else part}" if place == "0" else f"norm.{_NORM.get(part, part)}"
        return f"{room}.blocks.{number}.{inner}"
    if layer == "embedding":
        return f"{_LAYERS[layer]}.embedding"
    layer = _LAYERS.get(layer, layer)
    # What is neither is not ours, and is refused by the name that it has.
    return f"{layer}.{'kernel' if part == 'weight' else part}"

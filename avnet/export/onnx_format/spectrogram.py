"""The log spectrogram as operators of an ONNX graph.

The discrete Fourier transform is a convolution of the waveform with windowed cosines and sines, so that every runtime
and device that has convolutions has the sound encoder. It is as near to the exact transform as JAX's fast one is. Where
a loud tone leaves a band silent, either holds rounding alone, which the logarithm makes a thousand times larger: unit
embeddings of pure tones differ by up to 2e-4.
"""

import numpy as np
from jaxtyping import Float

from avnet.audio.config import SpectrogramConfig
from avnet.audio.spectrogram import PREEMPHASIS, hann, mel_filterbank
from avnet.export.onnx_format.graph import Graph


def log_spectrogram(graph: Graph, config: SpectrogramConfig, waveforms: str) -> str:
    """[batch, samples] to [batch, 1, bins, frames]."""
    bins = config.n_fft // 2 + 1
    # A whole number of turns less leaves the angle small enough to be exact.
    turns = np.outer(np.arange(bins), np.arange(config.win_length)) % config.n_fft / config.n_fft
    waves = np.concatenate([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)]) @ _window(config)
    alone = graph.add("Unsqueeze", waveforms, graph.constant([1], "int64"))
    parts = graph.add("Conv", alone, graph.constant(waves[:, None]), strides=[config.hop_length])
    halves = graph.add("Reshape", parts, graph.constant([0, 2, bins, -1], "int64"))
    power = graph.add("ReduceSumSquare", halves, graph.constant([1], "int64"), keepdims=0)
    logarithm = graph.add("Log", _bands(graph, config, power))
    return graph.add("Unsqueeze", logarithm, graph.constant([1], "int64"))


def _window(config: SpectrogramConfig) -> Float[np.ndarray, "win_length win_length"]:
    """All that is done to the samples under a window before the transform, which is linear."""
    length = config.win_length
    if config.mel != "kaldi":
        return np.diag(hann(length))
    # The sample before each, and before the first itself.
    before = np.eye(length, k=-1)
    before[0, 0] = 1.0
    emphasized = (np.eye(length) - PREEMPHASIS * before) @ (np.eye(length) - 1 / length)
    return np.append(hann(length - 1), 0.0)[:, None] * emphasized


def _bands(graph: Graph, config: SpectrogramConfig, power: str) -> str:
    """What the logarithm is taken of."""

    def mel(spectrum: str) -> str:
        if config.n_mels is None:
            return spectrum
        return graph.add("MatMul", graph.constant(mel_filterbank(config).T), spectrum)

    floor = graph.constant(config.floor)
    if config.mel == "kaldi":
        return graph.add("Max", mel(power), floor)
    if config.mel == "magnitude":
        return graph.add("Add", mel(graph.add("Sqrt", power)), floor)
    return graph.add("Add", graph.add("Sqrt", mel(power)), floor)

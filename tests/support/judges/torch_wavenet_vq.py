"""The encoder and the WaveNet of a WaveNet-VQ in PyTorch, with its own dilated convolutions."""

import numpy as np
import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]


class Encoder(nn.Module):
    """Of channels first, one recording without padding."""

    def __init__(self, cepstra, width, features):
        super().__init__()
        self.entry, self.context = nn.Conv1d(cepstra, width, 3, padding=1), nn.Conv1d(width, width, 3, padding=1)
        self.halve = nn.Conv1d(width, width, 4, 2)
        self.residual = nn.ModuleList([nn.Conv1d(width, width, 3, padding=1) for _ in range(2)])
        self.wide = nn.ModuleList([nn.Linear(width, width) for _ in range(4)])
        self.head = nn.Linear(width, features)

    def forward(self, x):
        x = self.entry(x.mT).relu()
        x = x + self.context(x).relu()
        x = self.halve(functional.pad(x, (1, 2))).relu()
        for conv in self.residual:
            x = x + conv(x).relu()
        x = x.mT
        for layer in self.wide:
            x = x + layer(x).relu()
        return self.head(x)


class Layer(nn.Module):
    def __init__(self, config, dilation, last):
        super().__init__()
        width = config.width
        self.past = 2 * dilation
        self.taps = nn.Conv1d(width, 2 * width, 3, dilation=dilation)
        self.condition = nn.Conv1d(config.condition, 2 * width, 1, bias=False)
        self.skip = nn.Conv1d(width, config.skip, 1)
        self.residual = None if last else nn.Conv1d(width, width, 1)

    def forward(self, x, told):
        gates = self.taps(functional.pad(x, (self.past, 0))) + self.condition(told)
        value, gate = gates.chunk(2, dim=1)
        y = value.tanh() * gate.sigmoid()
        return (x if self.residual is None else x + self.residual(y)), self.skip(y)


class WaveNet(nn.Module):
    """Codes are brought to the rate of samples first, as published; ours are told at their own rate."""

    def __init__(self, config, features, speakers):
        super().__init__()
        self.rate = config.samples_per_code
        self.entry, self.speaker = nn.Embedding(256, config.width), nn.Embedding(speakers, config.condition)
        self.condition = nn.Conv1d(features, config.condition, 3, padding=1)
        layers = len(config.dilations)
        self.layers = nn.ModuleList([Layer(config, d, i == layers - 1) for i, d in enumerate(config.dilations)])
        self.hidden, self.head = nn.Conv1d(config.skip, config.skip, 1), nn.Conv1d(config.skip, 256, 1)

    def forward(self, codes, samples, speaker):
        told = self.condition(codes.mT) + self.speaker(speaker)[:, :, None]
        told = told.repeat_interleave(self.rate, dim=2)
        x = self.entry(functional.pad(samples[:, :-1], (1, 0), value=128)).mT
        skips = []
        for layer in self.layers:
            x, skip = layer(x, told)
            skips.append(skip)
        return self.head(self.hidden(torch.stack(skips).sum(dim=0).relu()).relu()).mT


def their_arrays(arrays):
    """Ours, or gradients of ours, by the names and in the layout of the twins."""
    return {_name(name): torch.tensor(_layout(name, array)) for name, array in arrays.items()}


def fill(twin, arrays):
    state = their_arrays(arrays)
    shapes = {name: value.shape for name, value in twin.state_dict().items()}
    twin.load_state_dict({name: value.reshape(shapes[name]) for name, value in state.items()})
    return twin


def _name(name):
    return name.replace(".kernel", ".weight").replace(".embedding", ".weight")


def _layout(name, array):
    if not name.endswith("kernel"):
        return array
    if name.endswith("taps.kernel"):
        array = array.reshape(3, -1, array.shape[-1])
    return np.ascontiguousarray(array.transpose())

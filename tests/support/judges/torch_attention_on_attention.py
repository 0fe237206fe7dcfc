"""AoANet in PyTorch, from its equations: a twin of `judges.torch_captioners`."""

import math

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from judges.torch_lstm import Cell, zeros


def attend(heads, query, keys, values):
    """Softmax(q k / sqrt d) v of each head side by side, and the mean weights."""
    outputs, weights = [], []
    for q, k, v in zip(*(part.chunk(heads, 2) for part in (query, keys, values)), strict=True):
        weights.append(torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[2]), 2))
        outputs.append(weights[-1] @ v)
    return torch.cat(outputs, 2), torch.stack(weights).mean(0)


class Gate(nn.Module):
    """The information of attention on attention times its gate."""

    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(2 * width, 2 * width)

    def forward(self, attended, query):
        information, gate = self.linear(torch.cat([attended, query], -1)).chunk(2, -1)
        return information * torch.sigmoid(gate)


class Refiner(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.norm, self.gate = heads, nn.LayerNorm(width, eps=1e-6), Gate(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x):
        normal = self.norm(x)
        attended, _ = attend(self.heads, self.query(normal), self.key(normal), self.value(normal))
        return x + self.gate(attended, normal)


class AttentionOnAttention(nn.Module):
    """Huang et al., 2019."""

    def __init__(self, config):
        super().__init__()
        width = config.hidden
        self.heads = config.heads
        self.embedding = nn.Embedding(config.symbols, config.width)
        self.project = nn.Linear(config.image_features, width)
        self.refiners = nn.ModuleList(Refiner(width, config.heads) for _ in range(config.layers))
        self.cells_norm, self.ask_norm = (nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.keys, self.values, self.ask = (nn.Linear(width, width) for _ in range(3))
        self.lstm = Cell(config.width + width, width, open_forget=False)
        self.gate, self.out = Gate(width), nn.Linear(width, config.symbols)

    def forward(self, cells, tokens):
        a = torch.relu(self.project(cells))
        for refiner in self.refiners:
            a = refiner(a)
        a = self.cells_norm(a)
        (h, c), context = zeros(cells, self.lstm.hidden_size), torch.zeros(len(cells), self.lstm.hidden_size)
        keys, values = self.keys(a), self.values(a)
        layers = {"keys": keys, "values": values, "whole": a.mean(1), "attention": [], "logits": []}
        for t in range(tokens.shape[1]):
            word = torch.relu(self.embedding(tokens[:, t]))
            h, c = self.lstm(torch.cat([word, a.mean(1) + context], 1), (h, c))
            attended, weights = attend(self.heads, self.ask(self.ask_norm(h))[:, None], keys, values)
            context = self.gate(attended[:, 0], h)
            layers["attention"].append(weights[:, 0])
            layers["logits"].append(self.out(context))
        return layers

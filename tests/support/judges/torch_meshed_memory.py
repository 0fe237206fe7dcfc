"""The meshed-memory Transformer in PyTorch, from its equations: a twin of `judges.torch_captioners`."""

import math

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]


def sines(count, width):
    """Of places 1 to `count`; channels 2 i and 2 i + 1 are sine and cosine of one frequency."""
    table = torch.zeros(count, width)
    for place in range(count):
        for channel in range(0, width, 2):
            angle = (place + 1) / 10_000 ** (channel / width)
            table[place, channel], table[place, channel + 1] = math.sin(angle), math.cos(angle)
    return table


class Attention(nn.Module):
    """Softmax(q k / sqrt d) v of each head, and the weights of all heads."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, of, hidden=None, memory=None):
        """`hidden` [steps, places] is what no head may see; `memory` are more keys and values."""
        keys, values = self.key(of), self.value(of)
        if memory is not None:
            keys = torch.cat([keys, memory[0].expand(len(x), -1, -1)], 1)
            values = torch.cat([values, memory[1].expand(len(x), -1, -1)], 1)
        outputs, weights = [], []
        parts = (part.chunk(self.heads, 2) for part in (self.query(x), keys, values))
        for q, k, v in zip(*parts, strict=True):
            scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[2])
            weights.append(torch.softmax(scores if hidden is None else scores.masked_fill(hidden, -torch.inf), 2))
            outputs.append(weights[-1] @ v)
        return self.out(torch.cat(outputs, 2)), torch.stack(weights).mean(0)


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.wide, self.narrow = nn.Linear(config.width, config.hidden), nn.Linear(config.hidden, config.width)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, x):
        return self.norm(x + self.narrow(torch.relu(self.wide(x))))


class MemoryLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config.width, config.heads)
        self.memory_keys, self.memory_values = (
            nn.Parameter(torch.zeros(config.memory, config.width)) for _ in range(2)
        )
        self.norm, self.feed = nn.LayerNorm(config.width), FeedForward(config)
        self.scales = math.sqrt(config.width / config.heads), math.sqrt(config.memory)

    def forward(self, x):
        memory = self.scales[0] * self.memory_keys, self.scales[1] * self.memory_values
        context, weights = self.attention(x, x, memory=memory)
        return self.feed(self.norm(x + context)), weights[:, :, x.shape[1] :].sum(2)


class MeshedLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.own, self.across = Attention(config.width, config.heads), Attention(config.width, config.heads)
        self.own_norm, self.across_norm = nn.LayerNorm(config.width), nn.LayerNorm(config.width)
        self.gates = nn.ModuleList(nn.Linear(2 * config.width, config.width) for _ in range(config.layers))
        self.feed = FeedForward(config)

    def forward(self, x, levels, future):
        s = self.own_norm(x + self.own(x, x, future)[0])
        total, gates, looks = 0, [], []
        for gate, level in zip(self.gates, levels, strict=True):
            context, weights = self.across(s, level)
            c = self.across_norm(s + context)
            gates.append(torch.sigmoid(gate(torch.cat([s, c], 2))))
            looks.append(weights)
            total = total + gates[-1] * c
        share = torch.stack(gates).mean(3)
        share = share / share.sum(0)
        return self.feed(total / math.sqrt(len(gates))), share[..., None] * torch.stack(looks)


class MeshedMemory(nn.Module):
    """Cornia et al., 2020."""

    def __init__(self, config):
        super().__init__()
        self.embedding = nn.Embedding(config.symbols, config.width)
        self.project, self.norm = nn.Linear(config.image_features, config.width), nn.LayerNorm(config.width)
        self.encoder = nn.ModuleList(MemoryLayer(config) for _ in range(config.layers))
        self.decoder = nn.ModuleList(MeshedLayer(config) for _ in range(config.layers))
        self.out = nn.Linear(config.width, config.symbols, bias=False)

    def forward(self, cells, tokens):
        x, levels, memory = self.norm(torch.relu(self.project(cells))), [], []
        for layer in self.encoder:
            x, mass = layer(x)
            levels.append(x)
            memory.append(mass)
        y, looks = self.embedding(tokens) + sines(tokens.shape[1], self.embedding.embedding_dim), None
        future = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool).triu(1)
        for layer in self.decoder:
            y, looks = layer(y, levels, future)
        assert looks is not None
        return {
            "levels": torch.stack(levels, 1),
            "memory": torch.stack(memory, 1),
            "attention": looks.sum(0),
            "memory of a step": (looks * torch.stack(memory)[:, :, None]).sum((0, 3)),
            "logits": self.out(y),
        }

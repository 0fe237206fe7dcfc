"""Image2Speech (Hasegawa-Johnson et al., 2017), as XNMT computes it, in PyTorch, state by state."""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from judges.torch_lstm import Cell, zeros


class Pyramid(nn.Module):
    def __init__(self, config):
        super().__init__()
        sizes = [config.image_features] + [2 * config.hidden] * (config.layers - 1)
        half = config.hidden // 2
        self.forwards = nn.ModuleList(Cell(size, half, open_forget=True) for size in sizes)
        self.backwards = nn.ModuleList(Cell(size, half, open_forget=True) for size in sizes)

    def forward(self, cells):
        """States of groups, and the last output and cell; only whole groups are read."""
        states = list(cells.unbind(1))
        for number, (forward, backward) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            if number:
                states = [torch.cat(pair, 1) for pair in zip(states[::2], states[1::2], strict=True)]
            one = two = zeros(cells, forward.hidden_size)
            there, back = [], []
            for x, y in zip(states, states[::-1], strict=True):
                one, two = forward(x, one), backward(y, two)
                there.append(one[0])
                back.append(two[0])
            states = [torch.cat(pair, 1) for pair in zip(there, back[::-1], strict=True)]
        return torch.stack(states, 1), torch.cat([one[0], two[0]], 1), torch.cat([one[1], two[1]], 1)


class XNMT(nn.Module):
    def __init__(self, config):
        super().__init__()
        hidden = config.hidden
        self.embedding = nn.Embedding(config.symbols, config.width)
        self.encoder, self.lstm = Pyramid(config), Cell(config.width + hidden, hidden, open_forget=True)
        self.keys, self.ask = nn.Linear(hidden, config.attention), nn.Linear(hidden, config.attention, bias=False)
        self.weigh = nn.Linear(config.attention, 1, bias=False)
        self.mix, self.out = nn.Linear(2 * hidden, hidden), nn.Linear(hidden, config.symbols)

    def forward(self, cells, tokens):
        groups, h, c = self.encoder(cells)
        keys, context = self.keys(groups), torch.zeros_like(h)
        layers = {"cells": groups, "whole": h, "begin": h, "keys": keys, "logits": [], "attention": []}
        for t in range(tokens.shape[1]):
            word = nn.functional.normalize(self.embedding(tokens[:, t]), dim=1)
            h, c = self.lstm(torch.cat([word, context], 1), (h, c))
            alpha = torch.softmax(self.weigh(torch.tanh(keys + self.ask(h)[:, None]))[..., 0], 1)
            context = (alpha[..., None] * groups).sum(1)
            size = cells.shape[1] // groups.shape[1]
            layers["attention"].append(alpha.repeat_interleave(size, 1) / size)
            layers["logits"].append(self.out(torch.tanh(self.mix(torch.cat([h, context], 1)))))
        return layers

"""X-LAN and X-Transformer (Pan et al., 2020) in PyTorch, head by head and step by step, without masks or caches."""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from judges.torch_lstm import Cell, zeros


def celu(x):
    return nn.functional.celu(x, 1.3)


class Projection(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.linear, self.norm = nn.Linear(width, width), nn.GroupNorm(heads, width)

    def forward(self, x):
        return self.norm(celu(self.linear(x)).flatten(0, -2)).view(x.shape)


class Normed(nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.linear, self.norm = nn.Linear(features, width), nn.LayerNorm(width)

    def forward(self, x):
        return self.norm(celu(self.linear(x)))


class XLinear(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.gain, self.value = (Projection(width, heads) for _ in range(4))
        head = width // heads
        self.map, self.weigh, self.gate = (
            nn.Linear(head, head // 2),
            nn.Linear(head // 2, 1),
            nn.Linear(head // 2, head),
        )

    def forward(self, q, places):
        """What one query [batch, width] sees of places [batch, places, width], and the mean weights of the heads."""
        projected = self.query(q), self.key(places), self.gain(q), self.value(places)
        seen, weights = [], []
        for query, keys, gain, values in zip(*(part.chunk(self.heads, -1) for part in projected), strict=True):
            inner = torch.relu(self.map(query[:, None] * keys))
            alpha = torch.softmax(self.weigh(inner)[..., 0], 1)
            gate = torch.sigmoid(self.gate(inner.mean(1)))
            seen.append(
                torch.stack([alpha[:, i, None] * gain * values[:, i] for i in range(values.shape[1])]).sum(0) * gate
            )
            weights.append(alpha)
        return torch.cat(seen, 1), torch.stack(weights).mean(0)


class Refinement(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.mix, self.norm = nn.Linear(2 * width, width), nn.LayerNorm(width)

    def forward(self, whole, x):
        return self.norm(torch.relu(self.mix(torch.cat([whole, x], -1))) + x)


class FeedForward(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.wide, self.narrow, self.norm = nn.Linear(width, hidden), nn.Linear(hidden, width), nn.LayerNorm(width)

    def forward(self, x):
        return self.norm(x + self.narrow(torch.relu(self.wide(x))))


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attend, self.refine = XLinear(width, heads), Refinement(width)
        self.feed_forward = FeedForward(width, hidden) if hidden else nn.Identity()

    def forward(self, g, places):
        g, _ = self.attend(g, places)
        return g, self.feed_forward(self.refine(g[:, None].expand_as(places), places))


class Encoder(nn.Module):
    def __init__(self, config, hidden):
        super().__init__()
        width = config.width
        self.layers = nn.ModuleList(EncoderLayer(width, config.heads, hidden) for _ in range(config.layers))
        self.out, self.norm = nn.Linear((config.layers + 1) * width, width), nn.LayerNorm(width)

    def forward(self, places):
        wholes = [places.mean(1)]
        for layer in self.layers:
            g, places = layer(wholes[-1], places)
            wholes.append(g)
        return self.norm(self.out(torch.cat(wholes, 1))), places


class XLAN(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.width
        self.embedding = nn.Embedding(config.symbols, width)
        self.cells, self.encoder = nn.Linear(config.image_features, width), Encoder(config, None)
        self.lstm, self.attend = Cell(2 * width, width, open_forget=False), XLinear(width, config.heads)
        self.mix, self.norm, self.glu = (
            nn.Linear(2 * width, width),
            nn.LayerNorm(width),
            nn.Linear(2 * width, 2 * width),
        )
        self.out = nn.Linear(width, config.symbols)

    def forward(self, cells, tokens):
        g, places = self.encoder(celu(self.cells(cells)))
        h, c = zeros(cells, self.lstm.hidden_size)
        context = torch.zeros_like(h)
        layers = {"whole": g, "keys": self.attend.key(places), "cells": self.attend.value(places)}
        layers |= {"logits": [], "attention": []}
        for t in range(tokens.shape[1]):
            h, c = self.lstm(torch.cat([celu(self.embedding(tokens[:, t])), g + context], 1), (h, c))
            seen, alpha = self.attend(h, places)
            x = self.norm(self.mix(torch.cat([h, seen], 1)))
            context = nn.functional.glu(self.glu(torch.cat([x, h], 1)))
            layers["attention"].append(alpha)
            layers["logits"].append(self.out(context))
        return layers


class DecoderLayer(nn.Module):
    def __init__(self, config, last):
        super().__init__()
        width = config.width
        self.own, self.across = XLinear(width, config.heads), XLinear(width, config.heads)
        self.norm_across, self.norm_query = nn.LayerNorm(width), nn.LayerNorm(width)
        if not last:
            self.refine, self.feed_forward = Refinement(width), FeedForward(width, config.hidden)

    def forward(self, query, words, places):
        """The next query of the last of some words [batch, words, width], its next features, and where it looks."""
        word = words[:, -1]
        said = word + self.own(query, words)[0]
        seen, alpha = self.across(self.norm_across(said), places)
        query = self.norm_query(said + seen)
        return query, self.feed_forward(self.refine(query, word)) if hasattr(self, "refine") else None, alpha


class XTransformer(nn.Module):
    def __init__(self, config):
        super().__init__()
        width, layers = config.width, config.layers
        self.embedding = nn.Embedding(config.symbols, width)
        self.cells, self.encoder = Normed(config.image_features, width), Encoder(config, config.hidden)
        self.norm_words = nn.LayerNorm(width)
        self.of_image, self.of_words = Normed(width, width), Normed(width, width)
        self.layers = nn.ModuleList(DecoderLayer(config, number == layers - 1) for number in range(layers))
        self.glu, self.norm = nn.Linear((layers + 1) * width, 2 * width), nn.LayerNorm(width)
        self.out = nn.Linear(width, config.symbols)

    def forward(self, cells, tokens):
        g, places = self.encoder(self.cells(cells))
        layers = {
            "whole": g,
            "cells": places,
            "keys": [layer.get_submodule("across.key")(places) for layer in self.layers],
        }
        layers |= {"logits": [], "attention": []}
        width = g.shape[1]
        # Features of all words so far, before each layer.
        words = [[] for _ in self.layers]
        for t in range(tokens.shape[1]):
            place = torch.tensor(
                [[torch.sin, torch.cos][i % 2](torch.tensor(t / 10_000 ** (i // 2 * 2 / width))) for i in range(width)]
            )
            word = self.norm_words(width**0.5 * self.embedding(tokens[:, t]) + place)
            mean = torch.stack([*words[0], word]).mean(0)
            queries = [self.of_image(g) * self.of_words(mean)]
            for layer, before in zip(self.layers, words, strict=True):
                before.append(word)
                query, word, alpha = layer(queries[-1], torch.stack(before, 1), places)
                queries.append(query)
            layers["attention"].append(alpha)
            layers["logits"].append(self.out(self.norm(nn.functional.glu(self.glu(torch.cat(queries, 1))))))
        return layers

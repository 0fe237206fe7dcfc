"""Published captioners once more, in PyTorch, written from their equations: the judge of the parity tests.

Names of modules are those of `avnet.captioners`, so that weights are carried over by name. A twin takes cells
[batch, cells, features] and tokens [batch, steps], and gives its layers by name: what is made of the image, and of each
step the weights of attention, states and logits.
"""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from judges.torch_attention_on_attention import AttentionOnAttention
from judges.torch_look_back import LookBack
from judges.torch_lstm import Cell, gradient_of, zeros
from judges.torch_meshed_memory import MeshedMemory
from judges.torch_x_linear import XLAN, XTransformer
from judges.torch_xnmt import XNMT


class ShowAndTell(nn.Module):
    """Vinyals et al., 2015: x_{-1} = W f, then the words."""

    def __init__(self, config):
        super().__init__()
        self.embedding = nn.Embedding(config.symbols, config.width)
        self.image = nn.Linear(config.image_features, config.width, bias=False)
        self.lstm = Cell(config.width, config.hidden, open_forget=True)
        self.out = nn.Linear(config.hidden, config.symbols)

    def forward(self, cells, tokens):
        h, c = self.lstm(self.image(cells.mean(1)), zeros(cells, self.lstm.hidden_size))
        layers = {"begin": h, "logits": []}
        for t in range(tokens.shape[1]):
            h, c = self.lstm(self.embedding(tokens[:, t]), (h, c))
            layers["logits"].append(self.out(h))
        return layers


class LRCN(nn.Module):
    """Donahue et al., 2015: two LSTMs, factored; the image at each step of the second."""

    def __init__(self, config):
        super().__init__()
        self.embedding = nn.Embedding(config.symbols, config.width)
        self.language = Cell(config.width, config.hidden, open_forget=False)
        self.joint = Cell(config.hidden + config.image_features, config.hidden, open_forget=False)
        self.out = nn.Linear(config.hidden, config.symbols)

    def forward(self, cells, tokens):
        image = cells.mean(1)
        one, two = (zeros(cells, self.joint.hidden_size) for _ in range(2))
        layers = {"logits": []}
        for t in range(tokens.shape[1]):
            one = self.language(self.embedding(tokens[:, t]), one)
            two = self.joint(torch.cat([one[0], image], 1), two)
            layers["logits"].append(self.out(two[0]))
        return layers


class ShowAttendTell(nn.Module):
    """Xu et al., 2015, soft attention; `looks` [batch, steps] are the cells to see instead of their expectation."""

    def __init__(self, config):
        super().__init__()
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        self.embedding = nn.Embedding(config.symbols, width)
        self.start, self.start_cell = nn.Linear(features, inner), nn.Linear(inner, hidden)
        self.start_output = nn.Linear(inner, hidden)
        self.keys, self.deep_keys = nn.Linear(features, inner), nn.Linear(inner, inner)
        self.ask, self.weigh = nn.Linear(hidden, inner, bias=False), nn.Linear(inner, 1)
        self.gate = nn.Linear(hidden, 1)
        self.lstm = Cell(width + features, hidden, open_forget=False)
        self.deep_output, self.deep_seen = nn.Linear(hidden, width), nn.Linear(features, width)
        self.out = nn.Linear(width, config.symbols)

    def forward(self, cells, tokens, looks=None):
        start = torch.relu(self.start(cells.mean(1)))
        h, c = torch.tanh(self.start_output(start)), torch.tanh(self.start_cell(start))
        keys = torch.tanh(self.deep_keys(self.keys(cells)))
        layers = {"keys": keys, "begin": h, "logits": [], "attention": []}
        for t in range(tokens.shape[1]):
            alpha = torch.softmax(self.weigh(torch.tanh(keys + self.ask(h)[:, None]))[..., 0], 1)
            seen = (alpha[..., None] * cells).sum(1) if looks is None else cells[range(len(cells)), looks[:, t]]
            seen = torch.sigmoid(self.gate(h)) * seen
            word = self.embedding(tokens[:, t])
            h, c = self.lstm(torch.cat([word, seen], 1), (h, c))
            deep = torch.tanh(self.deep_output(h) + word + self.deep_seen(seen))
            layers["attention"].append(alpha)
            layers["logits"].append(self.out(deep))
        return layers


class AdaptiveAttention(nn.Module):
    """Lu et al., 2017, with the layers of its code."""

    def __init__(self, config):
        super().__init__()
        features, width, hidden = config.image_features, config.width, config.hidden
        self.embedding = nn.Embedding(config.symbols, width)
        self.cells, self.whole = nn.Linear(features, width), nn.Linear(features, width)
        self.keys = nn.Linear(width, width)
        self.lstm = Cell(2 * width, hidden, open_forget=False)
        self.sentinel_inputs = nn.Linear(2 * width, hidden)
        self.sentinel_recurrent = nn.Linear(hidden, hidden, bias=False)
        self.sentinel, self.sentinel_key = nn.Linear(hidden, width), nn.Linear(width, width)
        self.known, self.ask, self.weigh = nn.Linear(hidden, width), nn.Linear(width, width), nn.Linear(width, 1)
        self.deep, self.out = nn.Linear(width, width), nn.Linear(width, config.symbols)

    def forward(self, cells, tokens):
        v, v_g = torch.relu(self.cells(cells)), torch.relu(self.whole(cells.mean(1)))
        h, c = zeros(cells, self.lstm.hidden_size)
        layers = {"keys": self.keys(v), "whole": v_g, "logits": [], "attention": [], "beta of a step": []}
        for t in range(tokens.shape[1]):
            x = torch.cat([torch.relu(self.embedding(tokens[:, t])), v_g], 1)
            gate = torch.sigmoid(self.sentinel_inputs(x) + self.sentinel_recurrent(h))
            h, c = self.lstm(x, (h, c))
            s = torch.relu(self.sentinel(gate * torch.tanh(c)))
            known = torch.tanh(self.known(h))
            places = torch.cat([s[:, None], v], 1)
            keys = torch.cat([self.sentinel_key(s)[:, None], self.keys(v)], 1)
            weights = torch.softmax(self.weigh(torch.tanh(keys + self.ask(known)[:, None]))[..., 0], 1)
            context = (weights[..., None] * places).sum(1)
            layers["beta of a step"].append(weights[:, 0])
            layers["attention"].append(weights[:, 1:] / (1 - weights[:, :1]))
            layers["logits"].append(self.out(torch.tanh(self.deep(context + known))))
        return layers


class UpDown(nn.Module):
    """Anderson et al., 2018."""

    def __init__(self, config):
        super().__init__()
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        self.embedding = nn.Embedding(config.symbols, width)
        self.looking = Cell(hidden + features + width, hidden, open_forget=True)
        self.speaking = Cell(features + hidden, hidden, open_forget=True)
        self.keys, self.ask = nn.Linear(features, inner, bias=False), nn.Linear(hidden, inner, bias=False)
        self.weigh = nn.Linear(inner, 1, bias=False)
        self.out = nn.Linear(hidden, config.symbols)

    def forward(self, cells, tokens):
        one, two = (zeros(cells, self.speaking.hidden_size) for _ in range(2))
        keys = self.keys(cells)
        layers = {"keys": keys, "logits": [], "attention": []}
        for t in range(tokens.shape[1]):
            one = self.looking(torch.cat([two[0], cells.mean(1), self.embedding(tokens[:, t])], 1), one)
            alpha = torch.softmax(self.weigh(torch.tanh(keys + self.ask(one[0])[:, None]))[..., 0], 1)
            two = self.speaking(torch.cat([(alpha[..., None] * cells).sum(1), one[0]], 1), two)
            layers["attention"].append(alpha)
            layers["logits"].append(self.out(two[0]))
        return layers


TWINS = {
    "show-and-tell": ShowAndTell,
    "lrcn": LRCN,
    "show-attend-tell": ShowAttendTell,
    "show-attend-tell-hard": ShowAttendTell,
    "adaptive": AdaptiveAttention,
    "up-down": UpDown,
    "look-back": LookBack,
    "m2": MeshedMemory,
    "aoa": AttentionOnAttention,
    "x-lan": XLAN,
    "x-transformer": XTransformer,
    "xnmt": XNMT,
}


# Arrays of a layer, by PyTorch's names, and their names in avnet; those of other modules are called the same there.
NAMES = {
    nn.Linear: {"weight": "kernel", "bias": "bias"},
    nn.Embedding: {"weight": "embedding"},
    nn.LayerNorm: {"weight": "scale", "bias": "bias"},
    nn.GroupNorm: {"weight": "scale", "bias": "bias"},
}


def parts_of(twin):
    """Modules with parameters of their own, by the path of their names in avnet ("layers/0/keys")."""
    return {
        path.replace(".", "/"): module
        for path, module in twin.named_modules()
        if next(module.parameters(recurse=False), None) is not None
    }


def parameters_of(module, path):
    """Parameters by the names of avnet, each with whether it is the other way round there."""
    names = NAMES.get(type(module), {})
    return {
        "/".join(filter(None, (path, names.get(name, name)))): (
            parameter,
            isinstance(module, nn.Linear) and name == "weight",
        )
        for name, parameter in module.named_parameters(recurse=False)
    }


def twin_of(config, arrays):
    """The twin of a configuration, with the arrays of avnet's network by name ("out/kernel")."""
    twin = TWINS[config.kind](config)
    tensors = {name: torch.as_tensor(array) for name, array in arrays.items()}
    for path, module in parts_of(twin).items():
        if isinstance(module, Cell):
            inputs = {name: tensors[f"{path}/inputs/{name}"] for name in ("kernel", "bias")}
            module.fill(inputs, {"kernel": tensors[f"{path}/recurrent/kernel"]})
            continue
        for name, (parameter, turned) in parameters_of(module, path).items():
            values = tensors[name].T if turned else tensors[name]
            assert parameter.shape == values.shape, name
            parameter.data.copy_(values)
    return twin


def gradients_of(twin):
    """By the names of avnet."""
    gradients = {}
    for path, module in parts_of(twin).items():
        if isinstance(module, Cell):
            gradients |= {f"{path}/{name}": value for name, value in module.gradients().items()}
            continue
        for name, (parameter, turned) in parameters_of(module, path).items():
            gradients[name] = gradient_of(parameter).T if turned else gradient_of(parameter)
    return gradients


def layers_of(twin, cells, tokens, *looks):
    """Layers of a twin by name, those of steps with these second."""
    layers = twin(*map(torch.as_tensor, (cells, tokens, *looks)))
    return {name: torch.stack(part, 1) if isinstance(part, list) else part for name, part in layers.items()}


def run(twin, cells, tokens, targets):
    """Layers of a twin as NumPy, and the gradients of the mean log-probability of the targets."""
    layers = layers_of(twin, cells, tokens)
    log_p = torch.log_softmax(layers["logits"], 2).gather(2, torch.as_tensor(targets)[..., None])
    log_p.mean().backward()
    return {name: part.detach().numpy() for name, part in layers.items()}, gradients_of(twin)

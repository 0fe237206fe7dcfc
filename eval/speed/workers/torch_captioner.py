"""Show, Attend and Tell in PyTorch with the beam search that tutorials have: what ours is measured beside.

Image after image: it is encoded once, its encoding is repeated for each hypothesis, and these are the batch of a step.
"""

import numpy as np
import torch  # pyright: ignore[reportMissingImports]: an extra
from flax import nnx
from torch import nn  # pyright: ignore[reportMissingImports]

from avnet.captioners.config import CaptionerConfig


class TorchCaptioner(nn.Module):
    """The network of kind 'show-attend-tell', for use alone.

    Reference: Xu et al., "Show, Attend and Tell", 2015, section 3.1.2.
    """

    def __init__(self, config: CaptionerConfig):
        super().__init__()
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        self.config = config
        self.embedding = nn.Embedding(config.symbols, width)
        self.start, self.start_cell, self.start_output = (
            nn.Linear(features, inner),
            nn.Linear(inner, hidden),
            nn.Linear(inner, hidden),
        )
        self.keys, self.deep_keys = nn.Linear(features, inner), nn.Linear(inner, inner)
        self.ask, self.weigh, self.gate = (
            nn.Linear(hidden, inner, bias=False),
            nn.Linear(inner, 1),
            nn.Linear(hidden, 1),
        )
        self.lstm = nn.LSTMCell(width + features, hidden)
        self.deep_output, self.deep_seen = nn.Linear(hidden, width), nn.Linear(features, width)
        self.out = nn.Linear(width, config.symbols)

    @classmethod
    def of(cls, network: nnx.Module, config: CaptionerConfig) -> "TorchCaptioner":
        """With the weights of a network of avnet."""
        twin = cls(config)
        weights = {}
        for path, value in nnx.to_flat_state(nnx.state(network, nnx.Param)):
            array = torch.from_numpy(np.array(value[...]))
            name = ".".join(map(str, path))
            for ours, theirs in _NAMES.items():
                name = name.replace(ours, theirs)
            weights[name] = array.T.contiguous() if "weight" in name and "embedding" not in name else array
        # PyTorch's cell has a second bias.
        weights["lstm.bias_hh"] = torch.zeros_like(weights["lstm.bias_ih"])
        twin.load_state_dict(weights)
        return twin.eval()

    def encode(self, cells):
        """[1, cells, features] to keys and the first state."""
        start = torch.relu(self.start(cells.mean(1)))
        state = torch.tanh(self.start_output(start)), torch.tanh(self.start_cell(start))
        return torch.tanh(self.deep_keys(self.keys(cells))), state

    def step(self, cells, keys, tokens, state):
        """Log-probabilities of the next symbol, where it looked, and the next state."""
        alpha = torch.softmax(self.weigh(torch.tanh(keys + self.ask(state[0])[:, None]))[..., 0], 1)
        seen = torch.sigmoid(self.gate(state[0])) * (alpha[..., None] * cells).sum(1)
        word = self.embedding(tokens)
        state = self.lstm(torch.cat([word, seen], 1), state)
        deep = torch.tanh(self.deep_output(state[0]) + word + self.deep_seen(seen))
        return torch.log_softmax(self.out(deep), 1), alpha, state

    @torch.inference_mode()
    def describe(self, cells, beams):
        """The best descriptions of one image: pieces, log-probability and attention of each.

        Args:
            cells: of the image, [cells, features].
            beams: hypotheses that are followed.
        """
        config, cells = self.config, cells[None]
        keys, state = self.encode(cells)
        # One hypothesis before the first word: the others would be the same.
        pieces, totals, looks = [()], torch.zeros(1), torch.zeros(1, 0, cells.shape[1])
        tokens, complete = torch.full((1,), config.end), []
        for t in range(config.longest):
            count = len(pieces)
            log_p, alpha, state = self.step(cells.expand(count, -1, -1), keys.expand(count, -1, -1), tokens, state)
            log_p[:, config.padding] = -torch.inf
            if t == 0:
                log_p[:, config.end] = -torch.inf
            if t == config.longest - 1:
                log_p[:, : config.pieces] = -torch.inf
            looks = torch.cat([looks, alpha[:, None]], 1)
            scores, places = (totals[:, None] + log_p).flatten().topk(2 * beams)
            children = []
            for rank, (score, place) in enumerate(zip(scores.tolist(), places.tolist(), strict=True)):
                parent, symbol = divmod(place, config.symbols)
                if score == -torch.inf or len(children) == beams:
                    break
                if symbol == config.end:
                    if rank < beams:
                        complete.append((pieces[parent], score, looks[parent, :-1]))
                else:
                    children.append((parent, symbol, score))
            if len(complete) >= beams or not children:
                break
            parents = [parent for parent, _, _ in children]
            pieces = [(*pieces[parent], symbol) for parent, symbol, _ in children]
            tokens = torch.tensor([symbol for _, symbol, _ in children])
            totals = torch.tensor([score for _, _, score in children])
            state, looks = (state[0][parents], state[1][parents]), looks[parents]
        return sorted(complete, key=lambda one: -one[1] / (len(one[0]) + 1))[:beams]


# Of parameters, in avnet and in PyTorch.
_NAMES = {
    "lstm.inputs.kernel": "lstm.weight_ih",
    "lstm.inputs.bias": "lstm.bias_ih",
    "lstm.recurrent.kernel": "lstm.weight_hh",
    "embedding.embedding": "embedding.weight",
    "kernel": "weight",
}

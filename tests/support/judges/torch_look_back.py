"""Look Back and Predict Forward in PyTorch, from its equations: a twin of `judges.torch_captioners`."""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from judges.torch_lstm import Cell, zeros


class LookBack(nn.Module):
    """Qin et al., 2019, over the decoder of Anderson et al., 2018.

    With `apart`, logits are those of p_t and "next" those of p'_t, as in training; without, of their mixture.
    """

    def __init__(self, config):
        super().__init__()
        features, width, hidden, inner = config.image_features, config.width, config.hidden, config.attention
        self.embedding = nn.Embedding(config.symbols, width)
        self.looking = Cell(hidden + features + width, hidden, open_forget=True)
        self.speaking = Cell(features + hidden, hidden, open_forget=True)
        self.foreseeing = Cell(width + hidden, hidden, open_forget=True)
        self.keys = nn.Linear(features, inner, bias=False)
        self.ask = nn.Linear(hidden + features, inner, bias=False)
        self.weigh = nn.Linear(inner, 1, bias=False)
        self.out = nn.Linear(hidden, config.symbols)

    def forward(self, cells, tokens, apart=None):
        one, two, three = (zeros(cells, self.speaking.hidden_size) for _ in range(3))
        mean = seen = cells.mean(1)
        keys, p_ahead = self.keys(cells), None
        layers = {"keys": keys, "logits": [], "attention": [], "next": []}
        for t in range(tokens.shape[1]):
            one = self.looking(torch.cat([two[0], mean, self.embedding(tokens[:, t])], 1), one)
            ask = self.ask(torch.cat([one[0], seen], 1))
            alpha = torch.softmax(self.weigh(torch.tanh(keys + ask[:, None]))[..., 0], 1)
            seen = (alpha[..., None] * cells).sum(1)
            two = self.speaking(torch.cat([seen, one[0]], 1), two)
            p = torch.softmax(self.out(two[0]), 1)
            three = self.foreseeing(torch.cat([p @ self.embedding.weight, two[0]], 1), three)
            # Up to a factor, which softmax divides away.
            mixture = p if p_ahead is None else p + 0.5 * p_ahead
            p_ahead = torch.softmax(self.out(three[0]), 1)
            layers["attention"].append(alpha)
            layers["logits"].append(self.out(two[0]) if apart is not None else torch.log(mixture))
            layers["next"].append(self.out(three[0]))
        if apart is None:
            del layers["next"]
        return layers

"""A long short-term memory in PyTorch with the weights of avnet's: part of the twins of captioners."""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]


class Cell(nn.LSTMCell):
    """PyTorch's own cell, whose second bias is zero; plus one in the forget gate where that is asked for."""

    def __init__(self, features, hidden, open_forget):
        super().__init__(features, hidden)
        self.open_forget = open_forget

    def fill(self, inputs, recurrent):
        """Takes the weights of an `avnet.nn.lstm.LSTM`, whose gates are in the same order."""
        with torch.no_grad():
            self.weight_ih.copy_(inputs["kernel"].T)
            self.weight_hh.copy_(recurrent["kernel"].T)
            self.bias_ih.copy_(inputs["bias"])
            self.bias_hh.zero_()
            if self.open_forget:
                self.bias_hh[self.hidden_size : 2 * self.hidden_size] = 1.0

    def gradients(self):
        """By the names of avnet."""
        kernel, bias, recurrent = map(gradient_of, (self.weight_ih, self.bias_ih, self.weight_hh))
        return {"inputs/kernel": kernel.T, "inputs/bias": bias, "recurrent/kernel": recurrent.T}


def gradient_of(parameter):
    assert parameter.grad is not None
    return parameter.grad.numpy()


def zeros(cells, hidden):
    return cells.new_zeros(len(cells), hidden), cells.new_zeros(len(cells), hidden)

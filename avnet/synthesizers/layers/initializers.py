"""How the weights of a Tacotron 2 begin: as those of its published code in PyTorch."""

import numpy as np
from flax import nnx

# By what follows a layer (`torch.nn.init.calculate_gain`).
GAINS = {"linear": 1.0, "sigmoid": 1.0, "relu": float(np.sqrt(2)), "tanh": 5 / 3}


def xavier(gain: str = "linear") -> nnx.Initializer:
    """Evenly from -a to a, with a = gain * sqrt(6 / (inputs + outputs)).

    Args:
        gain: what follows the layer, a name in `GAINS`.
    """
    return nnx.initializers.variance_scaling(GAINS[gain] ** 2, "fan_avg", "uniform")


# Evenly from -1 / sqrt(hidden) to 1 / sqrt(hidden), with four times as many outputs as hidden units.
LSTM_KERNEL = nnx.initializers.variance_scaling(4 / 3, "fan_out", "uniform")

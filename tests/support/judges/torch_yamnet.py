"""YAMNet's layers once more, in PyTorch: each is judged on what the one before it gives."""

import numpy as np
import torch  # pyright: ignore[reportMissingImports]: an extra
from torch.nn import functional  # pyright: ignore[reportMissingImports]

STRIDES = [2, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]


def twin_layers(arrays, spectrograms, relu6):
    """What each convolution gives, [batch, time, frequency, channel].

    Args:
        arrays: of our network, by name.
        spectrograms: [batch, bands, frames, 1].
        relu6: whether activations end at 6.
    """
    x = torch.tensor(np.transpose(spectrograms, (0, 3, 2, 1)))
    for name, stride in zip(["stem", *(f"blocks.{i}" for i in range(26))], STRIDES, strict=True):
        kernel = torch.tensor(arrays[f"{name}.kernel"]).permute(3, 2, 0, 1)
        size = kernel.shape[-1]
        if stride == 2:
            # Even sizes: TensorFlow adds one row below and one column to the right, PyTorch one on each side.
            x = functional.pad(x, (0, 1, 0, 1))
        groups = len(kernel) if kernel.shape[1] == 1 and name != "stem" else 1
        x = functional.conv2d(x, kernel, stride=stride, padding=(size // 2 if stride == 1 else 0), groups=groups)
        mean, var, bias = (torch.tensor(arrays[f"{name}.norm.{part}"]) for part in ("mean", "var", "bias"))
        x = functional.batch_norm(x, mean, var, bias=bias, eps=1e-4)
        x = functional.relu6(x) if relu6 else functional.relu(x)
        yield x.permute(0, 2, 3, 1).numpy()

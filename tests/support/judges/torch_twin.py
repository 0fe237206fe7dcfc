"""The three networks once more, in PyTorch, written from the paper's table: the judge of the parity tests.

AVE-Net and the towers are those that the speed program measures. Names of modules are those of `avnet`, so that weights
are carried over by name. Channels first inside.
"""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from eval.speed.workers.twin import Ave, Projection, Tower


def tower_layers(tower, x):
    """Outputs of the eight blocks, before pooling."""
    outputs = []
    for i, block in enumerate(tower.blocks):
        x = block(x)
        outputs.append(x)
        if i in (1, 3, 5):
            x = nn.functional.max_pool2d(x, 2)
    return outputs


class Avol(nn.Module):
    def __init__(self, widths, features):
        super().__init__()
        self.vision, self.audio = Tower(3, widths), Tower(1, widths)
        self.vision_projection, self.audio_projection = (Projection(widths[-1], features) for _ in range(2))
        self.scale, self.shift = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))

    def forward(self, images, sounds):
        grid = self.vision_projection(self.vision(images).permute(0, 2, 3, 1))
        vector = self.audio_projection(self.audio(sounds).amax(dim=(2, 3)))
        return self.scale * (grid * vector[:, None, None, :]).sum(dim=-1) + self.shift


class L3(nn.Module):
    def __init__(self, widths, features):
        super().__init__()
        self.vision, self.audio = Tower(3, widths), Tower(1, widths)
        self.fc1, self.fc2 = nn.Linear(2 * widths[-1], features), nn.Linear(features, 2)

    def forward(self, images, sounds):
        fused = torch.cat([self.vision(images).amax(dim=(2, 3)), self.audio(sounds).amax(dim=(2, 3))], dim=1)
        return self.fc2(torch.relu(self.fc1(fused)))


TWINS = {"ave": Ave, "avol": Avol, "l3": L3}


def torch_name(name):
    """The twin's name of one of avnet's arrays."""
    for ours, theirs in [
        ("kernel", "weight"),
        ("norm.scale", "norm.weight"),
        ("norm.mean", "norm.running_mean"),
        ("norm.var", "norm.running_var"),
    ]:
        name = name.replace(ours, theirs)
    return name


def torch_layout(array):
    """Convolutions from [height, width, in, out] to [out, in, height, width], matrices to [out, in]."""
    tensor = torch.as_tensor(array)
    return {4: lambda: tensor.permute(3, 2, 0, 1), 2: lambda: tensor.T}.get(tensor.ndim, lambda: tensor)().clone()


def twin_of(network, arrays, widths, features):
    """A twin that holds avnet's arrays, given by name."""
    twin = TWINS[network](widths, features)
    state = {torch_name(name): torch_layout(array) for name, array in arrays.items()}
    counters = {name: value for name, value in twin.state_dict().items() if name.endswith("num_batches_tracked")}
    twin.load_state_dict(state | counters)
    return twin

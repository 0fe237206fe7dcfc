"""The three networks once more, in PyTorch, written from the paper's table: the judge of the parity tests.

AVE-Net and the towers are those that the speed program measures. Names of modules are those of `avnet`, so that weights
are carried over by name. Channels first inside.
"""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

from eval.speed.workers.twin import Ave, Block, Projection, Tower


def tower_layers(tower, x):
    """Outputs of the eight blocks, before pooling."""
    outputs = []
    for i, block in enumerate(tower.blocks):
        x = block(x)
        outputs.append(x)
        if i in (1, 3, 5):
            x = nn.functional.max_pool2d(x, 2)
    return outputs


class Block3d(nn.Module):
    """3x3x3 convolution with SAME padding, batch normalisation, ReLU."""

    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels_out, 3, stride)
        self.norm = nn.BatchNorm3d(channels_out, eps=1e-5, momentum=0.1)

    def forward(self, x):
        pads = []
        for size in reversed(x.shape[2:]):
            stride = self.conv.stride[0]
            missing = max((-(-size // stride) - 1) * stride + 3 - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return torch.relu(self.norm(self.conv(nn.functional.pad(x, pads))))


class FramesTower(nn.Module):
    """AVE+MF's: [batch, 3 * frames, height, width], frame after frame."""

    def __init__(self, frames, widths):
        super().__init__()
        a, b, c, d = widths
        sizes = [(3, a), (a, a), (a, b), (b, b), (b, c), (c, c), (c, d), (d, d)]
        self.frames = frames
        self.blocks = nn.ModuleList(Block3d(*size, stride=1 if i else 2) for i, size in enumerate(sizes))

    def forward(self, x):
        x = x.reshape(x.shape[0], self.frames, 3, *x.shape[2:]).transpose(1, 2)
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in (1, 3, 5):
                x = nn.functional.max_pool3d(x, 2)
        return x.amax(dim=2)


class Stream(nn.Module):
    """conv1_1 to pool3."""

    def __init__(self, channels, widths):
        super().__init__()
        a, b, c = widths
        sizes = [(channels, a), (a, a), (a, b), (b, b), (b, c), (c, c)]
        self.blocks = nn.ModuleList(Block(*size, stride=1 if i else 2) for i, size in enumerate(sizes))

    def forward(self, x):
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i % 2:
                x = nn.functional.max_pool2d(x, 2)
        return x


class FlowTower(nn.Module):
    """AVE+OF's: [batch, 3 + 2 * fields, height, width]."""

    def __init__(self, fields, widths):
        super().__init__()
        self.image, self.flow = Stream(3, widths[:3]), Stream(2 * fields, widths[:3])
        self.blocks = nn.ModuleList([Block(2 * widths[2], widths[3]), Block(widths[3], widths[3])])

    def forward(self, x):
        x = torch.cat([self.image(x[:, :3]), self.flow((x[:, 3:] * 255 - 128) / 127)], dim=1)
        for block in self.blocks:
            x = block(x)
        return x


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
    """Convolutions from [(time,) height, width, in, out] to [out, in, (time,) height, width], matrices to [out, in]."""
    tensor = torch.as_tensor(array)
    return {5: lambda: tensor.permute(4, 3, 0, 1, 2), 4: lambda: tensor.permute(3, 2, 0, 1), 2: lambda: tensor.T}.get(
        tensor.ndim, lambda: tensor
    )().clone()


def twin_of(network, arrays, widths, features, frames=1, flow_fields=0):
    """A twin that holds avnet's arrays, given by name."""
    twin = TWINS[network](widths, features)
    if frames > 1:
        twin.vision = FramesTower(frames, widths)
    if flow_fields:
        twin.vision = FlowTower(flow_fields, widths)
    state = {torch_name(name): torch_layout(array) for name, array in arrays.items()}
    counters = {name: value for name, value in twin.state_dict().items() if name.endswith("num_batches_tracked")}
    twin.load_state_dict(state | counters)
    return twin

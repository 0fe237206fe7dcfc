"""WaveGlow in PyTorch, from its equations, in the layout of PyTorch's convolutions: [batch, channels, time]."""

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn.utils.parametrizations import weight_norm  # pyright: ignore[reportMissingImports]

BANDS, HOP = 80, 160


class Coupling(nn.Module):
    def __init__(self, half, config):
        super().__init__()
        width, layers = config.width, config.layers
        self.width = width
        self.start = weight_norm(nn.Conv1d(half, width, 1))
        self.condition = weight_norm(nn.Conv1d(BANDS * config.group, 2 * width * layers, 1))
        self.convs = nn.ModuleList(
            weight_norm(nn.Conv1d(width, 2 * width, 3, dilation=2**i, padding=2**i)) for i in range(layers)
        )
        self.outputs = nn.ModuleList(
            weight_norm(nn.Conv1d(width, (1 + (i < layers - 1)) * width, 1)) for i in range(layers)
        )
        self.end = nn.Conv1d(width, 2 * half, 1)

    def forward(self, x, condition):
        h, skips = self.start(x), 0
        for conv, output, told in zip(
            self.convs, self.outputs, self.condition(condition).split(2 * self.width, 1), strict=True
        ):
            a, b = (conv(h) + told).chunk(2, 1)
            result = output(torch.tanh(a) * torch.sigmoid(b))
            skips = skips + result[:, -self.width :]
            if result.shape[1] > self.width:
                h = h + result[:, : self.width]
        return self.end(skips).chunk(2, 1)


class WaveGlow(nn.Module):
    """Prenger et al., 2018, of the released code's form: learned upsampling, scales without a bound."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        channels = [config.group - config.early_size * (i // config.early_every) for i in range(config.steps)]
        self.upsampling = nn.ConvTranspose1d(BANDS, BANDS, config.upsampling_kernel, stride=HOP)
        self.mixers = nn.ModuleList(nn.Conv1d(size, size, 1, bias=False) for size in channels)
        self.couplings = nn.ModuleList(Coupling(size // 2, config) for size in channels)

    def condition(self, mel):
        """[batch, bands * group, groups], band after band."""
        samples = self.upsampling(mel)[..., : mel.shape[2] * HOP]
        parts = samples.unfold(2, self.config.group, self.config.group)
        return parts.permute(0, 1, 3, 2).flatten(1, 2)

    def forward(self, waveform, mel):
        """Noise [batch, channels, groups] and the logarithm of the determinant, by slogdet and sums."""
        condition, early, log_det = self.condition(mel), [], 0
        x = waveform.unfold(1, self.config.group, self.config.group).transpose(1, 2)
        for i, (mixer, coupling) in enumerate(zip(self.mixers, self.couplings, strict=True)):
            if i and i % self.config.early_every == 0:
                early.append(x[:, : self.config.early_size])
                x = x[:, self.config.early_size :]
            x = mixer(x)
            log_det = log_det + x.shape[2] * torch.linalg.slogdet(mixer.get_parameter("weight")[..., 0])[1]
            told, other = x.chunk(2, 1)
            shift, log_scale = coupling(told, condition)
            x = torch.cat([told, log_scale.exp() * other + shift], 1)
            log_det = log_det + log_scale.sum((1, 2))
        return torch.cat([*early, x], 1), log_det


def parameters_of(twin):
    """Its parameters by our names, each with how our array is brought into its layout."""
    for name, value in twin.named_parameters():
        ours = name.replace("parametrizations.weight.original1", "kernel")
        ours = ours.replace("parametrizations.weight.original0", "scale").replace("weight", "kernel")
        if ours.endswith("scale"):
            yield ours, value, lambda array: array[:, None, None]
        elif ours.startswith("upsampling") or value.ndim == 1:
            yield ours, value, lambda array: array
        else:
            # [taps * inputs, outputs] to [outputs, inputs, taps].
            taps = value.shape[2]
            yield (
                ours,
                value,
                lambda array, taps=taps: array.reshape(taps, -1, array.shape[-1]).transpose(2, 1, 0),
            )


def twin_of(config, arrays):
    """A twin that holds avnet's arrays, given by name."""
    twin = WaveGlow(config)
    with torch.no_grad():
        for name, value, layout in parameters_of(twin):
            value.copy_(torch.tensor(layout(arrays[name])))
    return twin

"""The two ImageNet networks once more, in PyTorch, under the names of the published state dicts: the parity's judge.

Channels first; images are normalised by the caller.
"""

import math

import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]

# (expansion, channels, repeats, stride), and the kernel's size for EfficientNet.
MOBILENET = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
EFFICIENTNET = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
]


def bounded(channels_in, channels_out, kernel_size=3, stride=1, groups=1):
    conv = nn.Conv2d(channels_in, channels_out, kernel_size, stride, kernel_size // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU6())


class MobileBlock(nn.Module):
    def __init__(self, channels_in, channels_out, expansion, stride):
        super().__init__()
        inside = channels_in * expansion
        layers = [bounded(channels_in, inside, 1)] if expansion > 1 else []
        layers += [bounded(inside, inside, 3, stride, groups=inside)]
        layers += [nn.Conv2d(inside, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x):
        return x + self.conv(x) if self.shortcut else self.conv(x)


class MobileNetV2(nn.Module):
    mean, spread = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def __init__(self):
        super().__init__()
        layers: list[nn.Module] = [bounded(3, 32, 3, 2)]
        channels = 32
        for expansion, width, repeats, stride in MOBILENET:
            for i in range(repeats):
                layers.append(MobileBlock(channels, width, expansion, 1 if i else stride))
                channels = width
        self.features = nn.Sequential(*layers, bounded(channels, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))

    def layers(self, x):
        outputs = []
        for layer in self.features:
            x = layer(x)
            outputs.append(x)
        return outputs


class SameConv(nn.Conv2d):
    def forward(self, x):
        (top, bottom), (left, right) = (self.sides(size) for size in x.shape[2:])
        return super().forward(nn.functional.pad(x, (left, right, top, bottom)))

    def sides(self, size):
        kernel_size, stride = self.kernel_size[0], self.stride[0]
        total = max((math.ceil(size / stride) - 1) * stride + kernel_size - size, 0)
        return total // 2, total - total // 2


def same(channels_in, channels_out, kernel_size=1, stride=1, groups=1):
    return SameConv(channels_in, channels_out, kernel_size, stride, groups=groups, bias=False)


class LiteBlock(nn.Module):
    def __init__(self, channels_in, channels_out, expansion, stride, kernel_size):
        super().__init__()
        inside = channels_in * expansion
        self.expansion, self.shortcut = expansion, stride == 1 and channels_in == channels_out
        if expansion > 1:
            self._expand_conv, self._bn0 = same(channels_in, inside), nn.BatchNorm2d(inside, eps=1e-3)
        self._depthwise_conv = same(inside, inside, kernel_size, stride, groups=inside)
        self._bn1 = nn.BatchNorm2d(inside, eps=1e-3)
        self._project_conv, self._bn2 = same(inside, channels_out), nn.BatchNorm2d(channels_out, eps=1e-3)

    def forward(self, x):
        inside = nn.functional.relu6(self._bn0(self._expand_conv(x))) if self.expansion > 1 else x
        inside = nn.functional.relu6(self._bn1(self._depthwise_conv(inside)))
        out = self._bn2(self._project_conv(inside))
        return out + x if self.shortcut else out


class EfficientNetLite0(nn.Module):
    mean, spread = torch.full((3,), 127 / 255), torch.full((3,), 128 / 255)

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = same(3, 32, 3, 2), nn.BatchNorm2d(32, eps=1e-3)
        blocks, channels = [], 32
        for expansion, width, repeats, stride, kernel_size in EFFICIENTNET:
            for i in range(repeats):
                blocks.append(LiteBlock(channels, width, expansion, 1 if i else stride, kernel_size))
                channels = width
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = same(channels, 1280), nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, 1000)

    def layers(self, x):
        x = nn.functional.relu6(self._bn0(self._conv_stem(x)))
        outputs = [x]
        for block in self._blocks:
            x = block(x)
            outputs.append(x)
        return [*outputs, nn.functional.relu6(self._bn1(self._conv_head(x)))]


TWINS = {"mobilenetv2": MobileNetV2, "efficientnet-lite0": EfficientNetLite0}


def random_twin(name, seed=0):
    """A twin in evaluation mode whose every array is random, its running statistics too."""
    twin = TWINS[name]().eval()
    generator = torch.Generator().manual_seed(seed)
    for key, value in twin.state_dict().items():
        if value.ndim == 4:
            value.normal_(0.0, math.sqrt(2 / value[0].numel()), generator=generator)
        elif key.endswith("running_var"):
            value.uniform_(0.5, 2.0, generator=generator)
        elif value.is_floating_point():
            scale = value.ndim == 1 and key.endswith("weight")
            value.normal_(float(scale), 0.2, generator=generator)
    return twin


@torch.no_grad()
def twin_layers(twin, images):
    """What each layer gives for images [batch, height, width, 3] in [0, 1], channels last."""
    x = (torch.as_tensor(images) - twin.mean) / twin.spread
    return [layer.permute(0, 2, 3, 1).numpy() for layer in twin.layers(x.permute(0, 3, 1, 2))]


@torch.no_grad()
def twin_logits(twin, images):
    """What the whole classifier answers for images [batch, height, width, 3] in [0, 1]."""
    classifier = twin.classifier if hasattr(twin, "classifier") else twin._fc
    return classifier(torch.as_tensor(twin_layers(twin, images)[-1]).mean((1, 2))).numpy()


def arrays_of(twin):
    return {name: value.numpy() for name, value in twin.state_dict().items()}

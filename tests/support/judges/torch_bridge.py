"""Networks of correspondence on backbones once more, in PyTorch: public networks as towers, layers above them.

Every array comes from an exported state dict, and all of it is used: modules are loaded strictly.
"""

from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports]: an extra
from torch import nn  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from avnet.names.groups import image_matrix, narrower, sound_matrix
from judges.torch_backbones import TWINS
from judges.torch_yamnet import STRIDES
from judges.transformers_judge import transformers


def loaded(module, arrays):
    module.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()}, strict=True)
    return module.eval()


def from_hub(kind, config, arrays):
    """A model of transformers with the arrays of a file on the Hub."""
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    model, report = kind.from_pretrained(None, config=config, state_dict=state, output_loading_info=True)
    assert not any(report.values()), report
    return model.eval()


class Convolutional:
    """EfficientNet-Lite0 or MobileNetV2."""

    def __init__(self, config, arrays):
        self.twin = TWINS[config.network]()
        if not config.classes:
            self.twin._fc = self.twin.classifier = nn.Identity()
        loaded(self.twin, arrays)

    def __call__(self, images):
        x = (images - self.twin.mean) / self.twin.spread
        return self.twin.layers(x.permute(0, 3, 1, 2))[-1].permute(0, 2, 3, 1)

    def classify(self, grids):
        return (self.twin.classifier if hasattr(self.twin, "classifier") else self.twin._fc)(grids)


class Transformer:
    """DINOv2, CLIP or MAE."""

    def __init__(self, config, arrays):
        self.config, vit = config, config.vit
        sizes = {
            "hidden_size": vit.width,
            "num_hidden_layers": vit.depth,
            "num_attention_heads": vit.heads,
            "patch_size": vit.patch_size,
            "image_size": vit.grid * vit.patch_size,
            "layer_norm_eps": vit.epsilon,
        }
        if config.network == "dinov2":
            sizes["mlp_ratio"] = vit.hidden // vit.width
            kind, of_kind = transformers.Dinov2Model, transformers.Dinov2Config
            if vit.registers:
                kind, of_kind = transformers.Dinov2WithRegistersModel, transformers.Dinov2WithRegistersConfig
                sizes["num_register_tokens"] = vit.registers
        elif config.network == "clip":
            kind, of_kind = transformers.CLIPVisionModelWithProjection, transformers.CLIPVisionConfig
            sizes |= {"intermediate_size": vit.hidden, "projection_dim": vit.projection, "hidden_act": "quick_gelu"}
        else:
            kind, of_kind = transformers.ViTMAEModel, transformers.ViTMAEConfig
            sizes |= {"intermediate_size": vit.hidden, "mask_ratio": 0.0}
        self.model = from_hub(kind, of_kind(**sizes), arrays)

    def __call__(self, images):
        vit = self.config.vit
        pixels = ((images - torch.tensor(vit.mean)) / torch.tensor(vit.spread)).permute(0, 3, 1, 2)
        if self.config.network == "dinov2":
            last = self.model(pixels).last_hidden_state
        elif self.config.network == "clip":
            inner = self.model.vision_model
            last = inner(pixels, interpolate_pos_encoding=True).last_hidden_state
            last = self.model.visual_projection(inner.post_layernorm(last))
        else:
            # Without noise the order of the patches would be a random one.
            count = (pixels.shape[2] // vit.patch_size) * (pixels.shape[3] // vit.patch_size)
            noise = torch.arange(count, dtype=torch.float32).expand(len(pixels), count)
            last = self.model(pixels, noise=noise, interpolate_pos_encoding=True).last_hidden_state
        rows = pixels.shape[2] // vit.patch_size
        return last[:, 1 + vit.registers :].reshape(len(pixels), rows, -1, last.shape[-1])


class Yamnet(nn.Module):
    def __init__(self, config, arrays):
        super().__init__()
        self.relu6 = config.relu6
        kernels = [arrays[f"{name}.conv.weight"] for name in ("stem", *(f"blocks.{i}" for i in range(26)))]
        layers = []
        for kernel, stride in zip(kernels, STRIDES, strict=True):
            outputs, inputs, size, _ = kernel.shape
            groups = outputs if inputs == 1 and layers else 1
            conv = nn.Conv2d(
                inputs * groups, outputs, size, stride, (size // 2) * (stride == 1), groups=groups, bias=False
            )
            layers.append(nn.ModuleDict({"conv": conv, "norm": nn.BatchNorm2d(outputs, eps=1e-4)}))
        self.stem: Any = layers[0]
        self.blocks: Any = nn.ModuleList(layers[1:])
        if config.classes:
            self.classifier = nn.Linear(1024, config.classes)
        loaded(self, arrays)

    def forward(self, patches):
        x = patches.transpose(1, 2)[:, None]  # height is time
        for layer in (self.stem, *self.blocks):
            if layer["conv"].stride == (2, 2):
                x = functional.pad(x, (0, 1, 0, 1))
            x = layer["norm"](layer["conv"](x))
            x = functional.relu6(x) if self.relu6 else functional.relu(x)
        return x.mean((2, 3))


class Ast:
    def __init__(self, config, arrays):
        self.config, ast = config.ast, config.ast
        sizes = transformers.ASTConfig(
            hidden_size=ast.width,
            num_hidden_layers=ast.depth,
            num_attention_heads=ast.heads,
            intermediate_size=ast.hidden,
            layer_norm_eps=ast.epsilon,
            max_length=10 * ast.columns + 6,
            num_labels=config.classes or 2,
        )
        kind = transformers.ASTForAudioClassification if config.classes else transformers.ASTModel
        self.whole = from_hub(kind, sizes, arrays)
        self.model = self.whole.audio_spectrogram_transformer if config.classes else self.whole

    def __call__(self, patches):
        values = ((patches - self.config.mean) / self.config.spread).transpose(1, 2)
        assert values.shape[1] == self.model.config.max_length  # other lengths take other positions
        return self.model(values).pooler_output

    def classifier(self, vectors):
        return self.whole.classifier(vectors)


class Branch(nn.Module):
    """CAV-MAE's for sounds, in the names of timm's `VisionTransformer`."""

    def __init__(self, config, arrays):
        super().__init__()
        self.config, ast = config.ast, config.ast
        self.pos_embed = nn.Parameter(torch.zeros(arrays["pos_embed"].shape))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, ast.width, ast.tile, ast.stride)})
        self.blocks: Any = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm1": nn.LayerNorm(ast.width, ast.epsilon),
                    "attn": nn.ModuleDict(
                        {"qkv": nn.Linear(ast.width, 3 * ast.width), "proj": nn.Linear(ast.width, ast.width)}
                    ),
                    "norm2": nn.LayerNorm(ast.width, ast.epsilon),
                    "mlp": nn.ModuleDict(
                        {"fc1": nn.Linear(ast.width, ast.hidden), "fc2": nn.Linear(ast.hidden, ast.width)}
                    ),
                }
            )
            for _ in range(ast.depth)
        )
        self.norm = nn.LayerNorm(ast.width, ast.epsilon)
        loaded(self, arrays)

    def forward(self, patches):
        x = self.patch_embed["proj"](((patches - self.config.mean) / self.config.spread)[:, None])
        assert x.shape[2] * x.shape[3] == self.pos_embed.shape[1]
        x = x.flatten(2).transpose(1, 2) + self.pos_embed
        for block in self.blocks:
            parts = block["attn"]["qkv"](block["norm1"](x)).reshape(*x.shape[:2], 3, self.config.heads, -1)
            mixed = functional.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4))
            x = x + block["attn"]["proj"](mixed.transpose(1, 2).reshape(x.shape))
            x = x + block["mlp"]["fc2"](functional.gelu(block["mlp"]["fc1"](block["norm2"](x))))
        return self.norm(x).mean(1)


IMAGES = {"efficientnet-lite0": Convolutional, "mobilenetv2": Convolutional}
SOUNDS = {"yamnet": Yamnet, "ast": Ast, "cav-mae": Branch}


class Projection(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm = nn.LayerNorm(inputs, eps=1e-6)
        self.fc1, self.fc2 = nn.Linear(inputs, outputs), nn.Linear(outputs, outputs)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(self.norm(x))))


class Heads(nn.Module):
    """All that is no tower, made by the names in the state dict's tables."""

    scale: Any
    shift: Any
    agreement: Any
    evidence: Any

    def __init__(self, config, features, arrays):
        super().__init__()
        images, sounds = features
        size, network = config.embedding_size, config.network
        if network in ("ave", "avol", "joint"):
            self.vision_projection, self.audio_projection = Projection(images, size), Projection(sounds, size)
        if network in ("ave", "joint"):
            self.fc3 = nn.Linear(1, 2)
        if network == "l3":
            self.fc1, self.fc2 = nn.Linear(images + sounds, size), nn.Linear(size, 2)
        scalars = {
            "avol": ("scale", "shift"),
            "zero-shot": ("scale", "shift"),
            "joint": ("agreement", "evidence", "shift"),
        }
        for name in scalars.get(network, ()):
            setattr(self, name, nn.Parameter(torch.zeros(())))
        loaded(self, arrays)


def cut(spectrograms, length):
    """As many patches as fit, each half a patch after the one before, in the middle."""
    frames, hop = spectrograms.shape[2], length // 2
    starts = range(0, frames - length + 1, hop)
    first = (frames - length - starts[-1]) // 2
    return [spectrograms[:, :, first + start : first + start + length] for start in starts]


def evidence_of(groups, sounds):
    """The weighted probabilities of groups of an image's classes and of a sound's."""
    matrix = torch.tensor(image_matrix())
    shares = matrix.mean(0) * torch.tensor(sound_matrix()).mean(0)
    return groups * (shares**-0.5 * sounds)[:, None, None]


def image_groups(logits):
    return torch.softmax(logits / 2, dim=-1) @ torch.tensor(image_matrix())


def sound_groups(logits):
    """Of the logits of patches, [batch, patches, classes]."""
    probabilities = torch.sigmoid(logits.amax(1))
    own = torch.stack(
        [
            probabilities[:, column > 0].amax(1) if column.any() else torch.zeros(len(logits))
            for column in sound_matrix(logits.shape[-1]).T
        ],
        dim=1,
    )
    included = [own[:, row].amax(1) if row.any() else torch.zeros(len(own)) for row in narrower()]
    return torch.clamp(own - torch.stack(included, dim=1), min=0)


@torch.no_grad()
def twin_answers(config, state_dict, images, spectrograms):
    """What a network answers: logits of pairs, or log-odds of cells; of a joint network both.

    Args:
        config: of the model.
        state_dict: as exported.
        images: [batch, height, width, 3] in [0, 1].
        spectrograms: [batch, bins, frames].
    """
    below = {
        side: {name.removeprefix(f"{side}."): x for name, x in state_dict.items() if name.startswith(f"{side}.")}
        for side in ("vision", "audio")
    }
    others = {name: x for name, x in state_dict.items() if not name.startswith(("vision.", "audio."))}
    vision: Any = IMAGES.get(config.vision.network, Transformer)(config.vision, below["vision"])
    audio: Any = SOUNDS[config.audio.network](config.audio, below["audio"])

    grids = vision(torch.tensor(images))
    patches = [audio(patch) for patch in cut(torch.tensor(spectrograms), config.audio.patch_frames)]
    image, sound = grids.mean((1, 2)), torch.stack(patches).mean(0)
    heads = Heads(config, (image.shape[-1], sound.shape[-1]), others)
    if config.network == "l3":
        return [heads.fc2(torch.relu(heads.fc1(torch.cat([image, sound], dim=1)))).numpy()]
    if config.network == "avol":
        products = torch.einsum("brcf,bf->brc", heads.vision_projection(grids), heads.audio_projection(sound))
        return [(heads.scale * products + heads.shift).numpy()]
    if config.network == "zero-shot":
        evidence = evidence_of(image_groups(vision.classify(grids)), sound_groups(_logits(audio, patches))).sum(-1)
        return [(heads.scale * torch.log(evidence + 0.01) + heads.shift).numpy()]
    pair = [functional.normalize(heads.vision_projection(image)), functional.normalize(heads.audio_projection(sound))]
    if config.network == "ave":
        return [heads.fc3((pair[0] - pair[1]).norm(dim=1)[:, None]).numpy()]

    groups, names = image_groups(vision.classify(grids)), sound_groups(_logits(audio, patches))
    evidence = torch.log(evidence_of(groups, names).sum(-1) + 0.01)
    cosine = (pair[0] * pair[1]).sum(1)[:, None, None]
    # A whole sound is named by the mean of its patches.
    both = [groups.amax((1, 2)), sound_groups(audio.classifier(sound)[:, None])]
    weights = evidence_of(torch.ones(1, 1, 1, groups.shape[-1]), torch.ones(1, groups.shape[-1]))[0, 0].sqrt()
    embedded = []
    for learned, named, nameless in zip(pair, both, np.eye(2, dtype=np.float32), strict=True):
        rest = torch.tensor(nameless).expand(len(named), 2)
        named = functional.normalize(torch.cat([weights * named, rest], dim=1))
        embedded.append(torch.cat([learned, named], dim=1) * 0.5**0.5)
    logits = heads.fc3((embedded[0] - embedded[1]).norm(dim=1)[:, None])
    return [logits.numpy(), (heads.agreement * cosine + heads.evidence * evidence + heads.shift).numpy()]


def _logits(audio, patches):
    return torch.stack([audio.classifier(patch) for patch in patches], dim=1)

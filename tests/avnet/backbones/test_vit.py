import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import numpy as np
import pytest
from extras import need
from flax import nnx
from media.forged import forge_config
from random_networks import random_backbone, random_network, randomize, small_config

from avnet.backbones.backbone import Backbone
from avnet.backbones.config import VITS, BackboneConfig
from avnet.backbones.image.config import ViTConfig
from avnet.backbones.image.vit_weights import config_of, from_state_dict
from avnet.backbones.network import abstract
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import arrays_of

EACH = pytest.mark.parametrize("name", VITS)
# In the words of each network's authors, what the Hub calls otherwise; of the attention's three matrices the first.
AUTHORS = {
    "dinov2": {
        r"embeddings\.cls_token": "cls_token",
        r"embeddings\.mask_token": "mask_token",
        r"embeddings\.register_tokens": "register_tokens",
        r"embeddings\.position_embeddings": "pos_embed",
        r"embeddings\.patch_embeddings\.projection": "patch_embed.proj",
        r"encoder\.layer": "blocks",
        r"attention\.attention\.query": "attn.qkv",
        r"attention\.output\.dense": "attn.proj",
        r"layer_scale(\d)\.lambda1": r"ls\1.gamma",
        r"^layernorm": "norm",
    },
    "clip": {
        r"vision_model\.embeddings\.class_embedding": "visual.class_embedding",
        r"vision_model\.embeddings\.position_embedding\.weight": "visual.positional_embedding",
        r"vision_model\.embeddings\.patch_embedding": "visual.conv1",
        r"vision_model\.pre_layrnorm": "visual.ln_pre",
        r"vision_model\.post_layernorm": "visual.ln_post",
        r"vision_model\.encoder\.layers": "visual.transformer.resblocks",
        r"self_attn\.q_proj\.": "attn.in_proj_",
        r"self_attn\.out_proj": "attn.out_proj",
        r"layer_norm": "ln_",
        r"fc1": "c_fc",
        r"fc2": "c_proj",
        r"visual_projection\.weight": "visual.proj",
    },
    "mae": {
        r"^decoder\.": "decoder_",
        r"vit\.embeddings\.cls_token": "cls_token",
        r"vit\.embeddings\.position_embeddings": "pos_embed",
        r"vit\.embeddings\.patch_embeddings\.projection": "patch_embed.proj",
        r"vit\.encoder\.layer": "blocks",
        r"attention\.attention\.query": "attn.qkv",
        r"attention\.output\.dense": "attn.proj",
        r"layernorm_before": "norm1",
        r"layernorm_after": "norm2",
        r"intermediate\.dense": "mlp.fc1",
        r"output\.dense": "mlp.fc2",
        r"vit\.layernorm": "norm",
    },
}
QUERY, OTHERS = r"\b(q_proj|query)\b", [(r"k_proj", r"key"), (r"v_proj", r"value")]


@cache
def twin_and_arrays(name, registers=0):
    """A twin of `transformers` with random arrays, and those of the file that it is saved in."""
    need("transformers")
    from judges.torch_transformers import random_vit, saved_arrays

    twin = random_vit(name, registers)
    with TemporaryDirectory() as folder:
        return twin, saved_arrays(twin, Path(folder))


def network_of(arrays, **options):
    config = config_of(arrays, 64, heads=4, **options)
    return from_state_dict(config, arrays)


def random_images(*size):
    return np.random.default_rng(1).uniform(size=(2, *size, 3)).astype(np.float32)


@pytest.mark.parametrize(("name", "registers"), [*((name, 0) for name in VITS), ("dinov2", 4)])
# The size for which positions were learned (of DINOv2 that and 8 pixels), and one of 5 by 6 patches and a rest.
@pytest.mark.parametrize("size", [(64, 64), (80, 103)])
def test_every_layer_agrees_with_transformers(name, registers, size):
    twin, arrays = twin_and_arrays(name, registers)
    from judges.torch_transformers import vit_tokens

    network, images = network_of(arrays), random_images(*size)
    assert network.config.registers == registers
    config = network.config
    normal = (images - np.array(config.mean, np.float32)) / np.array(config.spread, np.float32)
    last, layers = vit_tokens(twin, normal)
    grids, tokens, ours = nnx.jit(lambda net, x: (net(x), net.tokens(x), net.layers(x)))(network, images)
    for layer, expected in zip([tokens, *ours], [last, *layers], strict=True):
        assert layer.shape == expected.shape
        assert np.abs(layer - expected).max() <= 1e-5 * np.abs(expected).max()
    rows, columns = (side // config.patch_size for side in size)
    assert grids.shape == (2, rows, columns, network.features) and network.cells(size[0]) == rows
    np.testing.assert_array_equal(grids.reshape(2, rows * columns, -1), tokens[:, 1 + registers :])


def in_the_words_of_the_authors(name, arrays):
    """The same arrays as the Hub's, as the authors name and lay them out."""
    result = {}
    for key, array in arrays.items():
        if re.search(r"\b(k_proj|v_proj|key|value)\b", key):
            continue
        if re.search(QUERY, key):
            parts = [re.sub(QUERY, lambda m, i=i: OTHERS[i][m[1] == "query"], key) for i in range(2)]
            array = np.concatenate([array, *(arrays[part] for part in parts)])
        new = key
        for pattern, words in AUTHORS[name].items():
            new = re.sub(pattern, words, new)
        result[new] = array.T if new == "visual.proj" else array
    return result


@pytest.mark.parametrize(("name", "registers"), [*((name, 0) for name in VITS), ("dinov2", 4)])
def test_files_of_the_authors_give_the_same_network(name, registers):
    _, arrays = twin_and_arrays(name, registers)
    others = in_the_words_of_the_authors(name, arrays)
    assert len(others) < len(arrays) and not set(others) & set(arrays)
    # What else a file holds: of CLIP the encoder of texts, of others a head.
    others["logit_scale" if name == "clip" else "head.weight"] = np.ones(3, np.float32)
    assert config_of(others, 64, heads=4) == config_of(arrays, 64, heads=4)
    jax.tree.map(np.testing.assert_array_equal, *(nnx.state(network_of(file)) for file in (arrays, others)))


def test_activation_of_clip_can_be_chosen_and_a_model_of_more_than_the_encoder_is_read():
    _, arrays = twin_and_arrays("clip")
    assert network_of(arrays).config.quick_gelu and not network_of(arrays, quick_gelu=False).config.quick_gelu
    whole = {**arrays, "text_model.final_layer_norm.weight": np.ones(2, np.float32)}
    assert config_of(whole) == config_of(arrays)
    # A CLIPVisionModel has no projection.
    alone = {name: array for name, array in arrays.items() if name != "visual_projection.weight"}
    assert network_of(alone).features == 32


# Without the token that stands for what is hidden in training: transformers counts 384 and 768 more.
@pytest.mark.parametrize(
    ("config", "count"),
    [
        (BackboneConfig.dinov2(), 22_056_192),
        (BackboneConfig.dinov2(vit=ViTConfig.dinov2_base(4)), 86_582_784),
        (BackboneConfig.clip(), 86_192_640),
        (BackboneConfig.mae(), 85_798_656),
    ],
)
def test_number_of_parameters_is_that_of_the_published_networks(config, count):
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(abstract(config), nnx.Param))) == count


def test_the_grid_of_a_larger_image_is_finer():
    backbone = random_backbone("dinov2", 56)
    images = [np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)]
    assert backbone.cells == 4 and backbone.grids(images).shape == (1, 4, 4, 32)
    larger = Backbone(replace(backbone.config, image_size=112), backbone.network)
    assert larger.grids(images).shape == (1, 8, 8, 32)


def test_heatmaps_of_a_network_on_it_have_a_cell_for_each_patch(tmp_path):
    vision = small_config("clip", 64)
    front = ModelConfig.small().spectrogram
    config = ModelConfig("avol", 64, widths=(4, 4, 4, 4), embedding_size=8, spectrogram=front, vision=vision)
    model = Model(config, random_network(config))
    images = [np.random.default_rng(0).integers(0, 256, shape, np.uint8) for shape in ((64, 96, 3), (64, 64, 3))]
    sounds = np.random.default_rng(0).normal(0, 0.1, (2, config.clip_samples)).astype(np.float32)
    maps = model.heatmaps(images, sounds)
    assert [heatmap.shape for heatmap in maps] == [(4, 6), (4, 4)]
    model.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    assert again.config == config and again.fingerprint == model.fingerprint


def authors_arrays(name):
    """Arrays of a random network as its authors would name them; needs no PyTorch."""
    from avnet.backbones.image.vit_weights import DIALECTS
    from avnet.nn.torch_layout import torch_layout

    dialect = next(each for each in DIALECTS[name] if each.name == name)
    network = randomize(abstract(small_config(name, 64)))
    return {
        dialect.theirs(ours)[0]: torch_layout(array) if ours.endswith("kernel") else array[None]
        for ours, array in arrays_of(network).items()
    }


def test_a_random_network_comes_back():
    arrays = authors_arrays("dinov2")
    expected = arrays_of(random_backbone("dinov2", 64).network)
    actual = arrays_of(from_state_dict(config_of(arrays, 64, heads=4), arrays))
    jax.tree.map(np.testing.assert_array_equal, actual, expected)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("blocks.1.attn.qkv.bias"), "lacks 1 of 34 arrays, first 'blocks.1.attn.qkv.bias'"),
        (lambda a: a.pop("pos_embed"), "lacks 'pos_embed'"),
        (lambda a: a.update(more=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'more'"),
        (lambda a: a.update({"patch_embed.proj.weight": np.zeros(4)}), r"shape \(4,\), not one of 4 axes"),
        (lambda a: a.update(pos_embed=a["pos_embed"][:, :-1]), "'pos_embed' has 1368 positions, which make no square"),
        (lambda a: a["norm.weight"].fill(np.nan), "'norm.weight' holds values that are not finite"),
        (lambda a: a.update({"norm.bias": np.zeros(3, np.float32)}), r"'norm.bias' is float32\(3,\), not float32\(32"),
        (
            lambda a: a.update({"patch_embed.proj.weight": np.zeros((30, 3, 14, 14), np.float32)}),
            r"is not dinov2, or damaged \(width: must be a multiple of the 4 heads",
        ),
        (lambda a: a.pop("blocks.0.ls1.gamma"), "holds 3 arrays too many, first 'blocks.0.ls2.gamma'"),
        (lambda a: [a.pop(name) for name in list(a) if ".norm1" in name or "ls1" in name], "known, DINOv2, CLIP and"),
    ],
)
def test_arrays_of_another_network_are_refused_in_one_line(change, reason):
    arrays = authors_arrays("dinov2")
    change(arrays)
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        from_state_dict(config_of(arrays, 64, heads=4, source="file.pth"), arrays, "file.pth")
    assert refusal.value.subject == "file.pth" and "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"heads": 5},
        {"depth": 1000},
        {"mean": (0.5, 0.5)},
        {"spread": (1.0, 1.0, 0.0)},
        {"mean": ("a", "b", "c")},
        {"epsilon": 0.0},
        {"registers": -1},
        {"pre_norm": 1},
    ],
)
def test_sizes_that_cannot_be_are_refused(change, tmp_path):
    with pytest.raises(ConfigError, match=next(iter(change))):
        replace(ViTConfig.dinov2_small(), **change)
    random_backbone("mae", 64).save(tmp_path / "backbone")
    forge_config(tmp_path / "backbone", lambda config: config["vit"].update(change))
    with pytest.raises(ModelFolderError, match="is not a backbone, or damaged"):
        Backbone.load(tmp_path / "backbone")


@EACH
def test_a_vision_transformer_has_sizes_and_no_classifier(name):
    with pytest.raises(ConfigError, match="vit: must be given"):
        BackboneConfig(name, 224)
    with pytest.raises(ConfigError, match=f"classes: must be 0: {name} has no classifier"):
        replace(BackboneConfig.preset(name), classes=1000)
    with pytest.raises(ConfigError, match="vit: must be given for dinov2, clip, mae and for no other"):
        BackboneConfig("mobilenetv2", 224, vit=ViTConfig())

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from extras import need
from flax import nnx
from media.forged import forge_config
from random_networks import random_ast_backbone, random_network

from avnet.audio.spectrogram import log_spectrogram
from avnet.backbones.audio.ast_weights import DIALECTS, config_of, from_state_dict
from avnet.backbones.audio.backbone import AudioBackbone
from avnet.backbones.audio.config import ASTConfig, AudioBackboneConfig
from avnet.backbones.audio.network import abstract_audio
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.model import Model
from avnet.correspondence.zero_shot import sound_groups
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import arrays_of
from avnet.names.audioset import vocabulary
from avnet.names.groups import GROUPS
from avnet.nn.torch_layout import torch_layout

FRONT = AudioBackboneConfig.ast_base().spectrogram
# Of the positions of the small twin: 12 columns of 12 squares.
FRAMES = 128
AUTHORS = {
    "audio_spectrogram_transformer.": "v.",
    "embeddings.cls_token": "cls_token",
    "embeddings.distillation_token": "dist_token",
    "embeddings.position_embeddings": "pos_embed",
    "embeddings.patch_embeddings.projection": "patch_embed.proj",
    "encoder.layer": "blocks",
    "attention.attention.query": "attn.qkv",
    "attention.output.dense": "attn.proj",
    "layernorm_before": "norm1",
    "layernorm_after": "norm2",
    "intermediate.dense": "mlp.fc1",
    "output.dense": "mlp.fc2",
    "v.layernorm": "v.norm",
    "classifier.layernorm": "mlp_head.0",
    "classifier.dense": "mlp_head.1",
}


@cache
def twin_and_arrays():
    """A twin of `transformers` with random arrays, and those of the file that it is saved in."""
    need("transformers")
    from judges.torch_transformers import random_ast, saved_arrays

    twin = random_ast(FRAMES)
    with TemporaryDirectory() as folder:
        return twin, saved_arrays(twin, Path(folder))


def network_of(arrays, **options):
    config = config_of(arrays, heads=4, trained_frames=FRAMES, **options)
    return from_state_dict(config, arrays)


def spectrograms(frames):
    return np.random.default_rng(0).normal(-4, 4, (2, 128, frames, 1)).astype(np.float32)


def positions_as_the_authors_cut_them(positions, columns):
    """Those of AST's `ast_models.py` for another length."""
    torch = need("torch")
    own = torch.as_tensor(positions)
    native = (own.shape[1] - 2) // 12
    grid = own[:, 2:].transpose(1, 2).reshape(1, -1, 12, native)
    if columns <= native:
        grid = grid[..., native // 2 - columns // 2 : native // 2 - columns // 2 + columns]
    else:
        grid = torch.nn.functional.interpolate(grid, size=(12, columns), mode="bilinear")
    return torch.cat([own[:, :2], grid.flatten(2).transpose(1, 2)], dim=1).numpy()


@pytest.mark.parametrize("frames", [FRAMES, 67, 203])
def test_every_layer_agrees_with_transformers(frames):
    twin, arrays = twin_and_arrays()
    from judges.torch_transformers import ast_outputs

    network, x = network_of(arrays), spectrograms(frames)
    columns = network.config.places(frames)
    own = arrays["audio_spectrogram_transformer.embeddings.position_embeddings"]
    normal = ((x[..., 0] - network.config.mean) / network.config.spread).swapaxes(1, 2).astype(np.float32)
    last, vectors, logits, layers = ast_outputs(twin, normal, positions_as_the_authors_cut_them(own, columns))

    @nnx.jit
    def ours(net, x):
        embedded = net.embed(x)
        return net.last_tokens(x), embedded, net.classify(embedded), *net.layers(x), net(x)

    *parts, grids = ours(network, x)
    for part, expected in zip(parts, [last, vectors, logits, *layers], strict=True):
        assert part.shape == expected.shape
        assert np.abs(part - expected).max() <= 2e-5 * np.abs(expected).max()
    # Rows are time, and squares stand band by band.
    assert grids.shape == (2, columns, 12, 32)
    np.testing.assert_array_equal(grids[:, 1, 3], parts[0][:, 2 + 3 * columns + 1])


def test_files_of_the_authors_give_the_same_network():
    _, arrays = twin_and_arrays()
    others = {}
    for key, array in arrays.items():
        if re.search(r"attention\.(key|value)", key):
            continue
        if "attention.query" in key:
            array = np.concatenate([array, *(arrays[key.replace("query", part)] for part in ("key", "value"))])
        for theirs, name in AUTHORS.items():
            key = key.replace(theirs, name)
        others[key] = array
    # Of the image classifier that it was before.
    others["v.head_dist.bias"] = np.ones(3, np.float32)
    jax.tree.map(np.testing.assert_array_equal, *(nnx.state(network_of(file)) for file in (arrays, others)))
    without = network_of(others, classifier=False)
    assert without.classifier is None and without.classifier_norm is None
    others["mlp_head.1.weight"] = np.zeros((50, 32), np.float32)
    with pytest.raises(ModelFolderError, match="classifies 50 classes, not AudioSet's 527; leave its classifier out"):
        network_of(others)


def test_spectrogram_agrees_with_kaldi():
    need("transformers")
    from judges.torch_transformers import kaldi_spectrogram

    random = np.random.default_rng(0)
    tone = 0.1 * np.sin(np.arange(4000) / 5) + random.normal(0, 0.01, 4000)
    waveform = np.concatenate([random.normal(0, 0.3, 4000), tone, np.zeros(4000)])
    waveform = (waveform + 0.1).astype(np.float32)
    ours = np.asarray(log_spectrogram(waveform[None], FRONT))[0, :, :, 0].T
    expected = kaldi_spectrogram(waveform)
    assert ours.shape == expected.shape and np.isclose(ours.min(), np.log(2.0**-23))
    # As the network takes it.
    np.testing.assert_allclose(ours / ASTConfig().spread, expected / ASTConfig().spread, atol=1e-4)
    assert np.median(np.abs(ours - expected)) < 1e-5


@pytest.mark.parametrize(
    ("config", "count"),
    # Those of AST are as many as in transformers; CAV-MAE has no tokens beside the squares, and fewer squares.
    [(AudioBackboneConfig.ast_base(), 86_594_063), (AudioBackboneConfig.cav_mae(), 85_646_592)],
)
def test_number_of_parameters_is_that_of_the_published_networks(config, count):
    assert sum(leaf.size for leaf in jax.tree.leaves(nnx.state(abstract_audio(config), nnx.Param))) == count


def cav_mae_arrays():
    """A whole CAV-MAE of small sizes with random arrays, as its authors name them, and its branch for sounds alone."""
    random, width = np.random.default_rng(0), 32

    def array(*shape):
        return random.normal(size=shape).astype(np.float32)

    def layers(block, norms):
        sizes = {"attn.qkv": (96, 32), "attn.proj": (32, 32), "mlp.fc1": (64, 32), "mlp.fc2": (32, 64)}
        weights = {f"{block}.{name}.weight": array(*shape) for name, shape in sizes.items()}
        biases = {f"{block}.{name}.bias": array(shape[0]) for name, shape in sizes.items()}
        return {
            **weights,
            **biases,
            **{f"{block}.{x}.{part}": array(width) for x in norms for part in ("weight", "bias")},
        }

    norms = [f"norm{i}{x}" for i in (1, 2) for x in ("", "_a", "_v")]
    arrays = {
        f"patch_embed_{x}.proj.{part}": array(*shape)
        for x in "av"
        for part, shape in (("weight", (32, 1, 16, 16)), ("bias", (32,)))
    }
    arrays |= {f"modality_{x}": array(1, 1, width) for x in "av"} | {
        f"pos_embed_{x}": array(1, 64, width) for x in "av"
    }
    arrays |= layers("blocks_a.0", norms) | layers("blocks_v.0", norms) | layers("blocks_u.0", norms)
    arrays |= {f"{x}.{part}": array(width) for x in ("norm_a", "norm_v", "norm") for part in ("weight", "bias")}
    return arrays | {"decoder_embed.weight": array(8, 32), "mask_token": array(1, 1, 8)}


def test_branch_of_cav_mae_is_that_of_its_authors():
    torch = need("torch")
    functional = torch.nn.functional
    arrays = cav_mae_arrays()
    network = network_of(arrays)
    x = spectrograms(FRAMES)

    # `CAVMAE.forward_feat`, written out.
    a = {name: torch.as_tensor(array) for name, array in arrays.items()}

    def block(x, name, norms):
        def norm(x, number):
            return functional.layer_norm(
                x, (32,), *(a[f"{name}.{norms}".format(number) + part] for part in (".weight", ".bias"))
            )

        def linear(x, layer):
            return functional.linear(x, a[f"{name}.{layer}.weight"], a[f"{name}.{layer}.bias"])

        query, key, value = linear(norm(x, 1), "attn.qkv").reshape(2, -1, 3, 4, 8).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(x.shape)
        x = x + linear(mixed, "attn.proj")
        return x + linear(functional.gelu(linear(norm(x, 2), "mlp.fc1")), "mlp.fc2")

    normal = torch.as_tensor((x[..., 0] + 5.081) / 4.4849)[:, None]
    y = functional.conv2d(normal, a["patch_embed_a.proj.weight"], a["patch_embed_a.proj.bias"], stride=16)
    y = y.flatten(2).transpose(1, 2) + a["pos_embed_a"] + a["modality_a"]
    y = block(block(y, "blocks_a.0", "norm{}"), "blocks_u.0", "norm{}_a")
    expected = functional.layer_norm(y, (32,), a["norm_a.weight"], a["norm_a.bias"]).numpy()
    tokens, vectors = nnx.jit(lambda net, x: (net.last_tokens(x), net.embed(x)))(network, x)
    assert np.abs(tokens - expected).max() <= 2e-5 * np.abs(expected).max()
    np.testing.assert_allclose(vectors, expected.mean(axis=1), atol=1e-4)


def authors_arrays(network):
    """Arrays of a random network as the authors of AST would name them; needs no PyTorch."""
    (dialect, *_), arrays = DIALECTS["ast"], {}
    for ours, array in arrays_of(network).items():
        names = dialect.theirs(ours)
        parts = np.split(array, len(names)) if len(names) > 1 else [array]
        arrays |= {
            n: torch_layout(p) if ours.endswith("kernel") else p[None] for n, p in zip(names, parts, strict=True)
        }
    return arrays


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda a: a.pop("v.blocks.1.attn.qkv.bias"), "lacks 1 of 31 arrays, first 'v.blocks.1.attn.qkv.bias'"),
        (lambda a: a.update(more=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'more'"),
        (lambda a: a.update({"v.pos_embed": a["v.pos_embed"][:, 1:]}), "has 1211 positions, not those of 1024 frames"),
        (lambda a: a.update({"v.patch_embed.proj.weight": np.zeros(3)}), r"shape \(3,\), not one of 4 axes"),
        (lambda a: a["v.norm.weight"].fill(np.inf), "'v.norm.weight' holds values that are not finite"),
        (
            lambda a: a.pop("v.dist_token"),
            "has none of the networks that are known, AST and CAV-MAE; its first array is",
        ),
    ],
)
def test_arrays_of_another_network_are_refused_in_one_line(change, reason):
    arrays = authors_arrays(random_ast_backbone().network)
    change(arrays)
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        from_state_dict(config_of(arrays, heads=4, source="file.pth"), arrays, "file.pth")
    assert refusal.value.subject == "file.pth" and "\n" not in str(refusal.value)


def test_a_random_network_comes_back_in_a_folder_too(tmp_path):
    backbone = random_ast_backbone(classes=527)
    arrays = authors_arrays(backbone.network)
    assert config_of(arrays, heads=4) == backbone.config
    jax.tree.map(
        np.testing.assert_array_equal, arrays_of(from_state_dict(backbone.config, arrays)), arrays_of(backbone.network)
    )
    fingerprint = backbone.save(tmp_path / "backbone")
    copy = AudioBackbone.load(tmp_path / "backbone")
    assert (copy.config, copy.fingerprint) == (backbone.config, fingerprint)
    assert copy.classes == vocabulary(527).classes
    forge_config(tmp_path / "backbone", lambda config: config["ast"].update(heads=5))
    with pytest.raises(ModelFolderError, match="is not an audio backbone, or damaged"):
        AudioBackbone.load(tmp_path / "backbone")


@pytest.mark.parametrize(("network", "frames"), [("ast", 96), ("cav-mae", 40)])
def test_sounds_of_any_length_have_a_vector_for_each_patch(network, frames):
    backbone = random_ast_backbone(network, frames)
    patch, hop = 160 * (frames - 1) + 400, 160 * (frames // 2)
    sounds = np.random.default_rng(0).normal(0, 0.1, (1, patch + hop)).astype(np.float32)
    vectors = backbone.embed(sounds)
    assert vectors.shape == (1, 2, 32)
    alone = nnx.jit(lambda net, x: net.embed(x))(backbone.network, log_spectrogram(sounds[:, hop:], FRONT))
    np.testing.assert_allclose(vectors[:, 1], alone, atol=1e-4)


def test_heatmaps_and_names_of_a_network_on_it():
    audio = random_ast_backbone(classes=527)
    config = ModelConfig("avol", 32, widths=(4, 4, 4, 4), embedding_size=8, spectrogram=FRONT, audio=audio.config)
    model = Model(config, random_network(config))
    sounds = np.random.default_rng(0).normal(0, 0.1, (1, config.clip_samples)).astype(np.float32)
    assert model.heatmaps(np.zeros((1, 32, 48, 3), np.uint8), sounds)[0].shape == (2, 3)
    assert all(set(names) <= set(vocabulary(527).classes) for names in model.audible_classes(sounds))


def test_groups_of_sounds_are_those_of_whole_audioset():
    scores = np.zeros((1, 527), np.float32)
    scores[0, vocabulary(527).index["Bark"]] = 0.9
    groups = sound_groups(jnp.asarray(scores))[0]
    assert GROUPS[int(groups.argmax())].name == "dog" and np.isclose(groups.max(), 0.9)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"ast": None}, "ast"),
        ({"network": "yamnet"}, "ast"),
        ({"classes": 521}, "classes: must be 527 or 0"),
        ({"relu6": True}, "relu6"),
        ({"spectrogram": replace(FRONT, n_mels=8)}, "spectrogram"),
    ],
)
def test_what_does_not_go_together_is_refused(change, name):
    with pytest.raises(ConfigError, match=name):
        replace(AudioBackboneConfig.ast_base(), **change)


@pytest.mark.parametrize("change", [{"frames": 15}, {"width": 0}, {"heads": 7}, {"spread": 0.0}, {"tokens": -1}])
def test_sizes_that_cannot_be_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change)) if "heads" not in change else "width"):
        replace(ASTConfig(), **change)


def test_a_clip_shorter_than_a_patch_is_refused():
    whole = AudioBackboneConfig.ast_base(0, ASTConfig(frames=1024))
    config = ModelConfig("ave", 32, spectrogram=FRONT, audio=AudioBackboneConfig.ast_base(0))
    with pytest.raises(ConfigError, match=r"clip_s: must be at least 10\.255, what the audio backbone"):
        replace(config, audio=whole)

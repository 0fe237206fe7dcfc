from dataclasses import replace
from functools import cache

import jax
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import random_ast_backbone, random_network, small_config

from avnet.backbones.audio import ast_weights
from avnet.backbones.audio.config import AudioBackboneConfig
from avnet.backbones.config import BackboneConfig
from avnet.backbones.image import imagenet, vit_weights
from avnet.backbones.torch_names import Counterpart
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.state_dict import from_state_dict, to_state_dict
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.weights import arrays_of

# Every network and every backbone, with a classifier and without.
PAIRS = {
    "ave": ("clip", "cav-mae"),
    "avol": ("dinov2", "ast"),
    "l3": ("mae", "ast"),
    "joint": ("efficientnet-lite0", "yamnet"),
    "zero-shot": ("mobilenetv2", "ast"),
}
EACH = pytest.mark.parametrize("name", PAIRS)


def config_on(name, vision, audio):
    """A network on small backbones; named ones keep their classifiers."""
    named = name in ("joint", "zero-shot")
    images = small_config(vision, 64)
    if named:
        images = replace(images, classes=1000)
    if vision == "dinov2":
        assert images.vit is not None
        images = replace(images, vit=replace(images.vit, registers=2, antialias=True))
    if audio == "yamnet":
        sounds = AudioBackboneConfig.yamnet(521 if named else 0, relu6=True)
    else:
        sounds = random_ast_backbone(audio, 96, 527 if named else 0).config
        assert sounds.ast is not None
        # Positions of a patch's own length: PyTorch takes no others.
        sounds = replace(sounds, ast=replace(sounds.ast, columns=sounds.ast.places(96)))
    return replace(ModelConfig.on_backbones(name, images, sounds, 12), clip_s=1.6)


@cache
def network_on(name):
    return random_network(config_on(name, *PAIRS[name]))


@cache
def smallest_on_yamnet():
    return random_network(config_on("l3", "mae", "yamnet"))


@EACH
def test_networks_on_backbones_survive_the_way_there_and_back(name):
    network = network_on(name)
    state = to_state_dict(network)
    assert all(array.flags.c_contiguous for array in state.values())
    again = from_state_dict(network.config, state)
    assert again.config == network.config
    same(again, network)
    # What only PyTorch has may be missing, and changes nothing.
    fillers = ("num_batches_tracked", "mask_token")
    less = {key: array for key, array in state.items() if not key.endswith(fillers)}
    same(from_state_dict(network.config, less), network)


def test_a_tower_of_the_papers_has_its_names_as_a_backbone_too():
    vision = BackboneConfig.tower(32, (4, 4, 4, 4))
    network = random_network(ModelConfig.on_backbones("avol", vision, AudioBackboneConfig.yamnet(), 8))
    state = to_state_dict(network)
    assert state["vision.blocks.7.norm.running_mean"].shape == (4,)
    assert state["audio.classifier.weight"].shape == (521, 1024)
    same(from_state_dict(network.config, state), network)


def below(side, state):
    """What follows `vision.` or `audio.`."""
    return {name.removeprefix(f"{side}."): array for name, array in state.items() if name.startswith(f"{side}.")}


def test_names_and_shapes_are_those_of_the_tables():
    shapes = {name: {key: x.shape for key, x in to_state_dict(network_on(name)).items()} for name in PAIRS}
    clip = shapes["ave"]
    assert clip["vision.vision_model.embeddings.class_embedding"] == (32,)
    assert clip["vision.vision_model.embeddings.position_embedding.weight"] == (1 + 14 * 14, 32)
    assert clip["vision.visual_projection.weight"] == (24, 32)
    assert clip["audio.pos_embed"] == (1, 8 * 6, 32) and clip["audio.blocks.1.attn.qkv.weight"] == (96, 32)
    assert (clip["vision_projection.norm.weight"], clip["audio_projection.fc1.weight"]) == ((24,), (12, 32))
    dinov2 = shapes["avol"]
    assert dinov2["vision.embeddings.cls_token"] == (1, 1, 32)
    assert dinov2["vision.embeddings.register_tokens"] == (1, 2, 32)
    assert dinov2["vision.embeddings.mask_token"] == (1, 32)
    for part in ("query", "key", "value"):
        assert dinov2[f"vision.encoder.layer.1.attention.attention.{part}.weight"] == (32, 32)
    assert dinov2["audio.embeddings.distillation_token"] == (1, 1, 32) and dinov2["scale"] == ()
    yamnet = shapes["joint"]
    assert yamnet["audio.stem.conv.weight"] == (32, 1, 3, 3)
    assert yamnet["audio.blocks.0.conv.weight"] == (32, 1, 3, 3)
    assert yamnet["audio.blocks.25.conv.weight"] == (1024, 1024, 1, 1)
    for end in ("weight", "bias", "running_mean", "running_var"):
        assert yamnet[f"audio.blocks.25.norm.{end}"] == (1024,)
    assert not any("mask_token" in name for name in shapes["l3"])
    assert shapes["joint"]["vision._conv_stem.weight"] == (32, 3, 3, 3)
    assert shapes["joint"]["vision._fc.weight"] == (1000, 1280) and shapes["joint"]["agreement"] == ()
    assert shapes["zero-shot"]["vision.features.18.1.num_batches_tracked"] == ()
    assert shapes["zero-shot"]["audio.classifier.dense.weight"] == (527, 32)


def test_queries_keys_and_values_stand_one_after_the_other():
    qkv = Counterpart(("q", "k", "v"), (2, 6), turned=True, axes=2)
    array = np.arange(12, dtype=np.float32).reshape(2, 6)  # [in, out]
    there = qkv.write(array)
    assert qkv.shapes == {"q": (2, 2), "k": (2, 2), "v": (2, 2)}
    np.testing.assert_array_equal(there["k"], [[2, 8], [3, 9]])  # [out, in]
    np.testing.assert_array_equal(qkv.read(there), array)
    tokens = Counterpart(("class", "distillation"), (2, 3), turned=False, axes=3)
    there = tokens.write(array[:, :3])
    np.testing.assert_array_equal(there["distillation"], [[[6, 7, 8]]])
    np.testing.assert_array_equal(tokens.read(there), array[:, :3])
    with pytest.raises(ConfigError, match="class: must be one of 2 equal parts of 3"):
        Counterpart(("class", "distillation"), (3, 4), turned=False, axes=3)


@EACH
def test_towers_are_files_of_published_weights(name):
    network, config = network_on(name), network_on(name).config
    state = to_state_dict(network)
    images, sounds = below("vision", state), below("audio", state)
    read = imagenet.from_state_dict if config.vision.vit is None else vit_weights.from_state_dict
    same(read(config.vision, images), network.vision)
    if config.vision.vit is not None:
        assert vit_weights.config_of(images, 64, heads=4) == config.vision
    # YAMNet is published otherwise, and CAV-MAE with a branch for images.
    if PAIRS[name][1] == "ast":
        assert ast_weights.config_of(sounds, 96, heads=4, trained_frames=96) == config.audio
        same(ast_weights.from_state_dict(config.audio, sounds), network.audio)


def same(network, expected):
    jax.tree.map(np.testing.assert_array_equal, nnx.state(network), nnx.state(expected))


@pytest.mark.parametrize("name", ["joint", "zero-shot"])
def test_published_classifiers_of_images_take_the_state_dict(name):
    torch = need("torch")
    from judges.torch_backbones import TWINS

    arrays = below("vision", to_state_dict(network_on(name)))
    with torch.device("meta"):
        twin = TWINS[PAIRS[name][0]]()
    twin.load_state_dict({key: torch.tensor(array) for key, array in arrays.items()}, strict=True, assign=True)


def test_yamnet_of_the_state_dict_agrees_with_the_twin_of_ours():
    torch = need("torch")
    from judges.torch_bridge import Yamnet
    from judges.torch_yamnet import twin_layers

    network = smallest_on_yamnet()
    patches = np.random.default_rng(2).normal(-3.0, 2.0, (2, 64, 96)).astype(np.float32)
    with torch.no_grad():
        vectors = Yamnet(network.config.audio, below("audio", to_state_dict(network)))(torch.tensor(patches)).numpy()
        *_, last = twin_layers(arrays_of(network.audio), patches[..., None], relu6=True)
    np.testing.assert_allclose(vectors, last.mean((1, 2)), rtol=1e-4, atol=1e-5)


# Convolutional networks take long to compile; that they agree with their twins other tests show too.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in ("joint", "zero-shot"))) for name in PAIRS]
)
def test_answers_of_public_networks_with_the_state_dict_are_ours(name):
    need("torch")
    need("transformers")
    from judges.torch_bridge import twin_answers

    network = network_on(name)
    network.eval()
    config, random = network.config, np.random.default_rng(1)
    images = random.uniform(size=(2, 64, 64, 3)).astype(np.float32)
    frames = config.spectrogram.frames(config.clip_samples)
    sounds = random.normal(-3.0, 2.0, (2, config.spectrogram.bins, frames)).astype(np.float32)
    theirs = twin_answers(config, to_state_dict(network), images, sounds)

    @nnx.jit
    def ours(network, images, sounds):
        if name != "joint":
            return [network(images, sounds)]
        # Towers are compiled once.
        grids = network.vision(images)
        embedded = network.project_images(grids), network.encode_sounds(sounds)
        return [
            network.classify(*embedded),
            network.response(network.project_cells(grids), network.encode_sources(sounds)),
        ]

    for answer, expected in zip(ours(network, images, sounds[..., None]), theirs, strict=True):
        assert answer.shape == expected.shape and np.ptp(expected) > 1e-3
        assert np.abs(answer - expected).max() <= 1e-4 * np.abs(expected).max()


CLASS, CONV = "vision.embeddings.cls_token", "audio.blocks.3.conv.weight"
KEY = "vision.encoder.layer.1.attention.attention.key.bias"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.pop(KEY), rf"lacks 1 of \d+ arrays, first '{KEY}'"),
        (lambda s: s.pop(CONV), rf"lacks 1 of \d+ arrays, first '{CONV}'"),
        (
            lambda s: s.update({"vision.pooler.bias": np.zeros(2, np.float32)}),
            "1 arrays too many, first 'vision.pooler",
        ),
        (lambda s: s.update({CLASS: s[CLASS][0]}), rf"'{CLASS}' is float32\(1, 32\), not float32\(1, 1, 32\)"),
        (
            lambda s: s.update({CONV: s[CONV][:, :, 0, 0]}),
            rf"'{CONV}' is float32\(128, 64\), not float32\(128, 64, 1, 1\)",
        ),
        (lambda s: s.update({"fc1.bias": s["fc1.bias"] * np.nan}), "'fc1.bias' holds values that are not finite"),
        (
            lambda s: s.update({"audio.stem.norm.weight": np.full(32, 2, np.float32)}),
            "'audio.stem.norm.weight' must be 1 all over, as it was written",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_named(change, reason):
    network = smallest_on_yamnet()
    state = to_state_dict(network)
    change(state)
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        from_state_dict(network.config, state, "file.pth")
    assert refusal.value.subject == "file.pth" and "\n" not in str(refusal.value)

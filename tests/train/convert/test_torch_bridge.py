import dataclasses
import os
import sys

import jax
import numpy as np
import pytest
from extras import need
from flax import nnx
from random_networks import random_ast_backbone, random_network, small_config
from safetensors.numpy import load_file, save_file

import train.__main__
from avnet import load
from avnet.correspondence.config import ModelConfig
from avnet.correspondence.kinds import NETWORKS
from avnet.correspondence.model import Model
from avnet.correspondence.state_dict import config_of, from_state_dict, to_state_dict
from avnet.errors import ConfigError, ModelFolderError
from avnet.files.artifact import CARD, HEADER, WEIGHTS
from avnet.nn.torch_layout import our_layout, torch_layout, torch_shape
from train.convert.config import FromTorchConfig, ToTorchConfig
from train.convert.torch_bridge import from_torch, to_torch

EACH = pytest.mark.parametrize("name", NETWORKS)
SUFFIXES = pytest.mark.parametrize("suffix", [".pth", ".safetensors"])


def tiny(name):
    """A network of a few arrays, all of them random; its widths are of no preset."""
    return random_network(dataclasses.replace(ModelConfig.small(name), widths=(4, 6, 8, 10), embedding_size=12))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Model folders by network."""
    place = tmp_path_factory.mktemp("models")
    for name in NETWORKS:
        Model(tiny(name).config, tiny(name)).save(place / name, "card")
    return place


def back(name, arrays, preset=None):
    """The network of a state dict, as `from-torch` makes it where no model is named."""
    return from_state_dict(config_of(name, arrays, preset), arrays)


def assert_same(network, expected):
    assert network.config == expected.config
    ours, theirs = nnx.state(network), nnx.state(expected)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(
        lambda x, y: np.testing.assert_array_equal(np.asarray(x).view("u4"), np.asarray(y).view("u4")), ours, theirs
    )


@pytest.mark.parametrize("preset", ["small-frames", "small-flow"])
def test_networks_of_moments_survive_the_way_there_and_back(preset):
    sizes = {"widths": (4, 6, 8, 10), "embedding_size": 12}
    network = random_network(dataclasses.replace(ModelConfig.preset("ave", preset), **sizes))
    arrays = to_state_dict(network)
    assert_same(back("ave", arrays, preset), network)
    with pytest.raises(ConfigError, match=f"must be given .paper-{preset[6:]} or {preset}."):
        back("ave", arrays)
    with pytest.raises(ModelFolderError):
        back("ave", arrays, "small")


def test_layout_is_worked_out_by_hand():
    kernel = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)  # height, width, in, out
    assert torch_layout(kernel)[4, 3, 1, 2] == kernel[1, 2, 3, 4]
    assert torch_layout(kernel).shape == torch_shape(kernel.shape) == (5, 4, 2, 3)
    assert torch_shape((4, 5)) == (5, 4) and torch_shape((5,)) == (5,) and torch_shape(()) == ()
    for array in (kernel, kernel[0, 0], kernel[0, 0, 0], kernel[0, 0, 0, :0], np.array(3.0)):
        there = torch_layout(array)
        assert there.flags.c_contiguous and there.shape == torch_shape(array.shape)
        np.testing.assert_array_equal(our_layout(there), array)


def test_names_and_shapes_are_those_of_the_table():
    shapes = {name: array.shape for name, array in to_state_dict(tiny("ave")).items()}
    assert len(shapes) == 2 * 8 * 7 + 2 * 4 + 2
    assert shapes["vision.blocks.0.conv.weight"] == (4, 3, 3, 3)
    assert shapes["audio.blocks.7.conv.weight"] == (10, 10, 3, 3)
    for end in ("weight", "bias", "running_mean", "running_var"):
        assert shapes[f"audio.blocks.4.norm.{end}"] == (8,)
    assert shapes["audio.blocks.4.norm.num_batches_tracked"] == ()
    assert shapes["vision_projection.fc1.weight"] == (12, 10)
    assert (shapes["fc3.weight"], shapes["fc3.bias"]) == ((2, 1), (2,))
    assert to_state_dict(tiny("avol"))["scale"].shape == to_state_dict(tiny("avol"))["shift"].shape == ()
    l3 = to_state_dict(tiny("l3"))
    assert (l3["fc1.weight"].shape, l3["fc2.weight"].shape) == ((12, 20), (2, 12))


@EACH
@SUFFIXES
def test_model_goes_to_torch_and_comes_back_bit_for_bit(models, tmp_path, capsys, name, suffix):
    if suffix == ".pth":
        need("torch")
    file = tmp_path / f"towers{suffix}"
    to_torch(ToTorchConfig(models / name, file))
    fingerprint = from_torch(FromTorchConfig(file, tmp_path / "model", name, "small"))
    for file_name in (HEADER, WEIGHTS):
        assert (tmp_path / "model" / file_name).read_bytes() == (models / name / file_name).read_bytes()
    assert load(tmp_path / "model").fingerprint == fingerprint
    assert f"towers{suffix}" in (tmp_path / "model" / CARD).read_text()
    assert "widths 4, 6, 8, 10, embedding 12" in capsys.readouterr().out


@EACH
def test_answers_of_a_torch_network_with_the_state_dict_are_ours(name):
    torch = need("torch")
    from judges.torch_twin import TWINS

    network = tiny(name)
    config = network.config
    twin = TWINS[name](config.widths, config.embedding_size).eval()
    twin.load_state_dict({key: torch.tensor(array) for key, array in to_state_dict(network).items()}, strict=True)
    random, front = np.random.default_rng(1), config.spectrogram
    images = random.uniform(size=(2, 48, 32, 3)).astype(np.float32)
    sounds = random.normal(-3.0, 2.0, (2, front.bins, front.frames(config.clip_samples), 1)).astype(np.float32)
    with torch.no_grad():
        theirs = twin(*(torch.tensor(x).permute(0, 3, 1, 2) for x in (images, sounds))).numpy()
    network.eval()
    ours = np.asarray(nnx.jit(lambda network, *inputs: network(*inputs))(network, images, sounds))
    assert ours.shape == theirs.shape and np.ptp(theirs) > 1e-3
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()

    weights = {key: tensor.numpy() for key, tensor in twin.state_dict().items()}
    assert_same(back(name, weights, "small"), network)


@EACH
def test_checkpoint_of_parallel_training_is_imported(tmp_path, name):
    torch = need("torch")
    network = tiny(name)
    state = {f"module.{key}": torch.tensor(array).double() for key, array in to_state_dict(network).items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "checkpoint.pt")
    from_torch(FromTorchConfig(tmp_path / "checkpoint.pt", tmp_path / "model", name, "small"))
    assert_same(Model.load(tmp_path / "model").network, network)


@EACH
@pytest.mark.parametrize("preset", ["paper", "small"])
def test_preset_is_known_by_the_widths(name, preset):
    config = ModelConfig.preset(name, preset)
    state = to_state_dict(random_network(dataclasses.replace(config, embedding_size=12)))
    assert back(name, state).config == dataclasses.replace(config, embedding_size=12)


def test_widths_of_no_preset_want_one():
    with pytest.raises(ConfigError, match=r"preset: must be given \(paper or small\), as the widths \(4, 6, 8, 10\)"):
        back("ave", to_state_dict(tiny("ave")))


def test_counters_of_batches_may_be_missing():
    network = tiny("l3")
    state = {key: array for key, array in to_state_dict(network).items() if "num_batches" not in key}
    assert_same(back("l3", state, "small"), network)


KERNEL, FIRST = "audio.blocks.2.conv.weight", "vision.blocks.1.conv.weight"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.pop(KERNEL), rf"lacks 1 of \d+ arrays, first '{KERNEL}'"),
        (lambda s: s.pop(FIRST), rf"lacks '{FIRST}'; its names must be those that `to-torch` writes"),
        (lambda s: s.clear(), rf"lacks '{FIRST}'"),
        (lambda s: s.update(fc4=np.zeros(2, np.float32)), "holds 1 arrays too many, first 'fc4'"),
        (lambda s: s.update({"fc9.num_batches_tracked": np.zeros(())}), "too many, first 'fc9"),
        (lambda s: s.update({KERNEL: s[KERNEL].swapaxes(0, 1)}), rf"'{KERNEL}' is float32\(4, 6, 3, 3\), not float32"),
        (lambda s: s.update({FIRST: np.zeros((), np.float32)}), f"'{FIRST}' is a single number"),
        (lambda s: s.update({FIRST: np.zeros((0, 4, 3, 3), np.float32)}), "has impossible sizes .*widths"),
        (lambda s: s.update({KERNEL: s[KERNEL].astype(np.int64)}), f"'{KERNEL}' is int64"),
        (lambda s: s["fc3.bias"].fill(np.nan), "'fc3.bias' holds values that are not finite"),
        (lambda s: s["fc3.bias"].fill(np.inf), "'fc3.bias' holds values that are not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_leave_no_folder(models, tmp_path, change, reason):
    file = tmp_path / "towers.safetensors"
    to_torch(ToTorchConfig(models / "ave", file))
    state = load_file(file)
    change(state)
    save_file(state, file)
    with pytest.raises(ModelFolderError, match=reason) as refusal:
        from_torch(FromTorchConfig(file, tmp_path / "model", "ave", "small"))
    assert refusal.value.subject == str(file) and "\n" not in str(refusal.value)
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def on_backbones(tmp_path_factory):
    """A model folder: AVOL-Net on two transformers."""
    config = ModelConfig.on_backbones("avol", small_config("dinov2", 64), random_ast_backbone().config, 12)
    folder = tmp_path_factory.mktemp("models") / "avol"
    Model(config, random_network(config)).save(folder, "card")
    return folder


@SUFFIXES
def test_model_on_backbones_comes_back_bit_for_bit_where_a_model_is_named(on_backbones, tmp_path, capsys, suffix):
    if suffix == ".pth":
        need("torch")
    file = tmp_path / f"towers{suffix}"
    to_torch(ToTorchConfig(on_backbones, file))
    fingerprint = from_torch(FromTorchConfig(file, tmp_path / "model", like=on_backbones))
    assert load(on_backbones).fingerprint == fingerprint
    for file_name in (HEADER, WEIGHTS):
        assert (tmp_path / "model" / file_name).read_bytes() == (on_backbones / file_name).read_bytes()
    assert fingerprint[:12] in (tmp_path / "model" / CARD).read_text()
    assert "AVOL-Net, 64 pixels, dinov2 (images), ast (sounds), embedding 12" in capsys.readouterr().out


def test_model_that_is_named_tells_what_a_preset_would(models, tmp_path):
    file = tmp_path / "towers.safetensors"
    to_torch(ToTorchConfig(models / "l3", file))
    for network in (None, "l3"):
        from_torch(FromTorchConfig(file, tmp_path / "model", network, like=models / "l3"))
        assert_same(Model.load(tmp_path / "model").network, tiny("l3"))


def test_checkpoint_that_is_not_like_the_model_is_refused(models, on_backbones, tmp_path):
    file = tmp_path / "towers.safetensors"
    to_torch(ToTorchConfig(models / "avol", file))
    with pytest.raises(ModelFolderError, match=r"lacks \d+ of .*; .* has AVOL-Net with the towers dinov2 .*, ast"):
        from_torch(FromTorchConfig(file, tmp_path / "model", like=on_backbones))
    with pytest.raises(ConfigError, match=r"--network: must be that of .*, avol, or left out"):
        from_torch(FromTorchConfig(file, tmp_path / "model", "ave", like=on_backbones))
    with pytest.raises(ModelFolderError, match="no-model: "):
        from_torch(FromTorchConfig(file, tmp_path / "model", like=tmp_path / "no-model"))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "--network: must be ave, avol, l3, or left out for --like MODEL"),
        ({"network": "joint"}, "MODEL, got 'joint'"),
        ({"network": "ave", "preset": "small", "like": "base"}, "--preset: goes without --like"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, options, reason):
    with pytest.raises(ConfigError, match=reason):
        FromTorchConfig(tmp_path / "towers.pth", tmp_path / "model", **options)


@pytest.mark.parametrize(("of", "taken_for"), [("ave", "avol"), ("ave", "l3"), ("avol", "ave"), ("l3", "ave")])
def test_state_dict_of_another_network_is_refused(of, taken_for):
    with pytest.raises(ModelFolderError, match="lacks"):
        back(taken_for, to_state_dict(tiny(of)), "small")


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("content", ["list", "code", "nothing"])
def test_program_refuses_hostile_files_in_one_line(tmp_path, monkeypatch, capsys, content):
    torch = need("torch")
    file, harm = tmp_path / "towers.pth", tmp_path / "harm"
    if content == "nothing":
        file.write_bytes(b"")
    else:
        torch.save([torch.zeros(2)] if content == "list" else {FIRST: Code(harm)}, file)
    code, out, err = run(monkeypatch, capsys, "from-torch", file, "--network", "ave", "--out", tmp_path / "model")
    assert code == 2 and out == ""
    assert err.startswith(f"error: {file}: is ") and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_programs_are_found_by_name(models, tmp_path, monkeypatch, capsys):
    file = tmp_path / "towers.safetensors"
    code, out, _ = run(monkeypatch, capsys, "to-torch", models / "avol", "--out", file)
    assert (code, out.split()[:3]) == (0, ["state", "dict:", str(file)])
    options = ("--network", "avol", "--preset", "small", "--out", tmp_path / "model")
    assert run(monkeypatch, capsys, "from-torch", file, *options)[0] == 0
    assert load(tmp_path / "model").config.network == "avol"


@pytest.mark.parametrize(("name", "reason"), [("towers.npz", "ends in .pth or .pt"), ("no/towers.pth", "not exist")])
def test_file_that_cannot_be_is_refused_before_the_model_is_read(tmp_path, name, reason):
    with pytest.raises(ConfigError, match=reason):
        to_torch(ToTorchConfig(tmp_path / "no model", tmp_path / name))


def run(monkeypatch, capsys, *args):
    """Exit code, stdout and stderr of `python -m train`."""
    monkeypatch.setattr(sys, "argv", ["train", *map(str, args)])
    code = 0
    try:
        train.__main__.main()
    except SystemExit as stop:
        code = stop.code
    output = capsys.readouterr()
    return code, output.out, output.err
